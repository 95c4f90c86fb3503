/** Bodies of any shape with temporary identifiers anywhere in them: no fault of ours, and none of them gets beyond the MME. */
import test from 'ava'
import fc from 'fast-check'
import { mediaType } from '../../elements/schemas/index.ts'
import { MmeScene, sip } from '../elements/mme/scene.ts'
import { metric } from '../support/wire.ts'

test('whatever a UE writes, the proximity server sees no temporary identifier', async (t) => {
  const scene = await MmeScene.open({ check: 'hss' })
  const [alice] = await scene.attached('alice')
  await scene.attached('bob')
  const [own, other] = [scene.temporary('alice'), scene.temporary('bob')]
  const names = fc.constantFrom(
    own,
    other,
    own.toUpperCase(),
    `<${own}>`,
    `${own};x`,
    sip('alice'),
    'sip:s-tmsi-01',
    'device',
    '\u0000',
  )
  const text = fc.oneof(names, fc.string({ maxLength: 12 }))
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      text,
      fc.integer(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom('device', 'roles', 'peers', 'heard', '__proto__'), text), tie('value'), {
        maxKeys: 4,
      }),
    ),
  }))
  const cut = fc.tuple(value, fc.nat({ max: 9 })).map(([any, rest]) => {
    const json = JSON.stringify(any)
    if (rest === 0) return json.slice(0, -1)
    return rest === 1 ? json.replace(/[a-z]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`) : json
  })
  for (const [i, content] of fc.sample(cut, { seed: 5, numRuns: 600 }).entries()) {
    const event = i % 2 === 0 ? 'prose' : 'proximity'
    const type = mediaType(event === 'prose' ? 'prose-request' : 'proximity-query')
    const through = ['<sip:10.0.0.1;lr>', '<sip:mme@localhost;lr>']
    if (i % 3 === 0) {
      const match = { type: mediaType('prose-match'), content }
      void alice.host.send({ method: 'MESSAGE', to: sip('prose'), from: sip('alice'), route: through, body: match })
    } else {
      const question = {
        to: sip('prose'),
        event,
        expires: 0,
        from: sip('alice'),
        asserted: '',
        route: through,
        body: { type, content },
      }
      alice.host.subscribe(question, { notified: () => undefined })
    }
    await scene.lab.clock.advance(50)
  }
  await scene.lab.clock.advance(40_000)
  t.is(metric(scene.lab.nodes[0]!, 'faults_total'), 0)
  t.true(metric(scene.lab.nodes[0]!, 'mme_requests_passed_total') > 50)
  const plain = scene.beyond.map((seen) =>
    seen.replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  )
  t.deepEqual(
    plain.filter((seen) => /[sp]-tmsi-[0-9a-f]{8}/i.test(seen)),
    [],
  )
})
