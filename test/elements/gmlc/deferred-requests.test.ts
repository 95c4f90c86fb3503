/** Requests that wait for something (SPEC §8.2–§8.4): over restarts, and under each change of a profile. */
import test from 'ava'
import { writeBody } from '../../../elements/schemas/index.ts'
import type { LocationLog, LocationRequest } from '../../../elements/schemas/types.ts'
import { CoreScene } from '../core-network/scene.ts'
import { alice, bobs, changesProfile, radii } from './waiting-scene.ts'

for (const [what, wishes, expires] of [
  ['a fetch', {}, 0],
  ['a subscription', {}, 600],
  ['a request that waits', { type: 'periodic', period: 30 }, 600],
] as const) {
  test(`VF2: ${what}: a NOTIFY that is not answered is not sent again after the 200 to a profile that forbids it`, async (t) => {
    const scene = await CoreScene.open()
    scene.answers = ({ body }) => !String(body).includes('<gml:pos>')
    const asked = await scene.locate('bob', alice, wishes, expires)
    await scene.pass(2)
    t.true(radii(asked.notified).length > 1, 'it is being sent again')
    t.is(await changesProfile(scene), 200)
    const before = radii(asked.notified).length
    await scene.pass(60)
    t.is(radii(asked.notified).length, before)
    const last = asked.notified.at(-1)!
    t.regex(last.state, /^terminated/)
    t.is(last.body, '')
  })
}

test('a place under way that may be told less exactly is taken back, and told so', async (t) => {
  const scene = await CoreScene.open()
  t.is(await changesProfile(scene, bobs), 200)
  scene.answers = ({ body }) => radii([{ body: String(body) }])[0] !== '100'
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 30 }, 600)
  await scene.pass(2)
  t.true(radii(asked.notified).every((radius) => radius === '100'))
  t.is(await changesProfile(scene, { ...bobs, precision: 10_000 }), 200)
  await scene.pass(20)
  const all = radii(asked.notified)
  t.deepEqual([...new Set(all.slice(all.indexOf('11000')))], ['11000'])
})

test('a change that takes nothing away sends nothing', async (t) => {
  const scene = await CoreScene.open()
  t.is(await changesProfile(scene, bobs), 200)
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 600 }, 3600)
  await scene.pass(5)
  const before = asked.notified.length
  t.is(await changesProfile(scene, bobs, { ...bobs, id: 'carol', who: { one: ['sip:carol@home.example'] } }), 200)
  await scene.pass(60)
  t.is(asked.notified.length, before)
})

test('V6: periodic: count, times and the end', async (t) => {
  const scene = await CoreScene.open()
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 10, count: 3 }, 600)
  await scene.pass(100)
  const reports = asked.notified.filter(({ body }) => body !== '')
  t.is(reports.length, 3)
  t.deepEqual(
    reports.slice(1).map(({ at }, index) => Math.round((at - reports[index]!.at) / 1000)),
    [10, 10],
  )
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=noresource/)
  t.is(scene.metric('gmlc_requests_waiting'), 0)
  t.is(scene.metric('sgsn_requests_waiting'), 0)
})

test('V10, V32: it ends with its validity, which is the least of Expires, stop and a day; the core network forgets it', async (t) => {
  const scene = await CoreScene.open()
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 10 }, 25)
  await scene.pass(60)
  t.is(radii(asked.notified).length, 3)
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=timeout/)
  t.is(scene.metric('sgsn_requests_waiting'), 0)
  const stop = new Date(scene.lab.clock.date() + 15_000).toISOString()
  const stopped = await scene.locate('bob', alice, { type: 'at', time: '2027-01-01T00:00:00Z', stop }, 600)
  t.is(stopped.expires, 15)
  await scene.pass(60)
  t.regex(stopped.notified.at(-1)!.state, /^terminated;reason=timeout/)
  t.is((await scene.locate('bob', alice, { type: 'periodic', period: 10 }, 200_000)).expires, 86_400)
})

test('VF10, L9: a request ends at the edge of a rule’s time, with no change of the profile', async (t) => {
  const scene = await CoreScene.open()
  const until = new Date(scene.lab.clock.date() + 20_000).toISOString()
  t.is(await changesProfile(scene, { ...bobs, until }), 200)
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 5 }, 600)
  await scene.pass(60)
  const places = asked.notified.filter(({ body }) => body.includes('<gml:pos>'))
  t.true(places.length >= 3)
  t.true(places.every(({ at }) => at < Date.parse(until)))
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=rejected/)
  t.is(scene.metric('sgsn_requests_waiting'), 0)
})

test('V28, VF11: outside the place that a rule names reports are withheld; the request lives, and its asker sees no sign', async (t) => {
  const scene = await CoreScene.open()
  const far = { type: 'Point', coordinates: [2.35, 48.85], radius: 1000 } as const
  t.is(await changesProfile(scene, { ...bobs, in: far }), 200)
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 5 }, 600)
  await scene.pass(2)
  const before = asked.notified.length
  await scene.pass(30)
  t.is(asked.notified.length, before)
  t.deepEqual(radii(asked.notified), [])
  t.is(await changesProfile(scene, { ...bobs, in: { ...far, coordinates: [13.405, 52.52] } }), 200)
  await scene.pass(10)
  t.true(radii(asked.notified).length >= 1)
})

test('V27: the target is asked about a request that waits; silence and its no end it, its yes is for all its reports', async (t) => {
  const scene = await CoreScene.open()
  t.is(await changesProfile(scene, { ...bobs, mode: 'ask-deny' }), 200)
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 5 }, 600)
  await scene.pass(290)
  t.regex(asked.notified.at(-1)!.state, /^pending/)
  t.is(scene.ues.bodies('privacy-ask').length, 1)
  await scene.pass(20)
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=rejected/)
  const again = await scene.locate('bob', alice, { type: 'periodic', period: 5 }, 600)
  await scene.pass(100)
  const { question } = scene.ues.bodies('privacy-ask').at(-1)!
  t.is((await scene.message('sip:gmlc@home.example', 'privacy-answer', { question, answer: 'allow' }, alice)).status, 200)
  await scene.pass(30)
  t.true(radii(again.notified).length > 4)
  t.is(scene.ues.bodies('privacy-ask').length, 2)
  const denied = await scene.locate('bob', alice, { type: 'periodic', period: 5, service: 'other' }, 600)
  await scene.pass(1)
  const third = scene.ues.bodies('privacy-ask').at(-1)!.question
  t.is((await scene.message('sip:gmlc@home.example', 'privacy-answer', { question: third, answer: 'deny' }, alice)).status, 200)
  await scene.pass(5)
  t.true(denied.notified.some(({ state }) => state === 'terminated;reason=rejected'))
})

test('V27: a profile that comes to want the word of the target has it asked once about what waits already', async (t) => {
  const scene = await CoreScene.open()
  t.is(await changesProfile(scene, bobs), 200)
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 30 }, 3600)
  await scene.pass(5)
  t.is(radii(asked.notified).length, 1)
  t.is(await changesProfile(scene, { ...bobs, mode: 'ask-deny' }), 200)
  await scene.pass(30)
  t.is(radii(asked.notified).length, 1)
  t.is(scene.ues.bodies('privacy-ask').length, 1)
  const { question } = scene.ues.bodies('privacy-ask')[0]!
  t.is((await scene.message('sip:gmlc@home.example', 'privacy-answer', { question, answer: 'allow' }, alice)).status, 200)
  await scene.pass(200)
  t.true(radii(asked.notified).length > 5)
  t.is(scene.ues.bodies('privacy-ask').length, 1)
})

test('V27: notify: a request that waits is told of at its first place, not at one that was withheld', async (t) => {
  const scene = await CoreScene.open()
  const far = { type: 'Point', coordinates: [2.35, 48.85], radius: 1000 } as const
  t.is(await changesProfile(scene, { ...bobs, mode: 'notify', codeword: 'Apfelbaum', in: far }), 200)
  await scene.locate('bob', alice, { type: 'periodic', period: 5, codeword: 'Apfelbaum' }, 3600)
  await scene.pass(20)
  t.is(scene.ues.bodies('privacy-notice').length, 0)
  t.is(
    await changesProfile(scene, { ...bobs, mode: 'notify', codeword: 'Apfelbaum', in: { ...far, coordinates: [13.405, 52.52] } }),
    200,
  )
  await scene.pass(30)
  t.is(scene.ues.bodies('privacy-notice').length, 1)
})

test('wishes that make no sense are refused with the member that is at fault', async (t) => {
  const scene = await CoreScene.open()
  const refused = async (wishes: Partial<LocationRequest>, expires = 600) => {
    const { status, warning = '' } = await scene.locate('bob', alice, wishes, expires)
    return `${status} ${/"(\S+)/.exec(warning)?.[1]}`
  }
  t.is(await refused({ type: 'at' }), '400 /time')
  t.is(await refused({ type: 'available' }), '400 /on')
  t.is(await refused({ type: 'periodic' }), '400 /period')
  t.is(await refused({ type: 'periodic', period: 10, stop: '2020-01-01T00:00:00Z' }), '400 /stop')
  t.is(await refused({ type: 'periodic', period: 10 }, 0), '400 /type')
})

for (const [what, wishes, reports] of [
  ['at', { type: 'at', time: '2026-01-01T00:00:00Z' }, 1],
  ['periodic', { type: 'periodic', period: 1, count: 2 }, 2],
] as const) {
  test(`killed at any time: ${what}: each report is told, and nothing is left behind`, async (t) => {
    for (let step = 0; step < 24; step++) {
      const scene = await CoreScene.open()
      const asked = await scene.locate('bob', alice, wishes, 600)
      await scene.lab.clock.advance(step * 5)
      await scene.restart()
      await scene.pass(40)
      const documents = new Set(asked.notified.flatMap(({ body }) => (body.includes('<gml:pos>') ? [body] : [])))
      t.is(documents.size, reports, `restarted after ${step * 5} ms`)
      t.regex(asked.notified.at(-1)!.state, /^terminated;reason=noresource/)
      t.is(scene.metric('gmlc_requests_waiting'), 0)
      t.is(scene.metric('sgsn_requests_waiting'), 0)
    }
  })
}

test('V38: the log of a target: who waits, who was told; over a restart; a day, and no place in it', async (t) => {
  const scene = await CoreScene.open()
  t.is(await changesProfile(scene, bobs), 200)
  await scene.locate('bob', alice, {})
  await scene.pass(2)
  await scene.locate('bob', alice, { type: 'periodic', period: 60 }, 86_400)
  await scene.pass(5)
  await scene.restart()
  const log = async (user: string): Promise<{ readonly status: unknown; readonly log: LocationLog | undefined }> => {
    const { notified, status } = await scene.subscribe(
      user,
      alice,
      'location-log',
      0,
      'application/vnd.proxima.location-log+json',
    )
    await scene.pass(1)
    const { body = '' } = notified.at(-1) ?? {}
    return { status, log: body === '' ? undefined : (JSON.parse(body) as LocationLog) }
  }
  t.is((await log('bob')).status, 403)
  const own = await log('alice')
  t.deepEqual(
    own.log?.active.map(({ client, requestor, type }) => [client, requestor, type]),
    [['sip:bob@home.example', 'sip:bob@home.example', 'periodic']],
  )
  t.deepEqual(
    own.log?.past.map(({ requestor, type }) => [requestor, type]),
    [['sip:bob@home.example', 'immediate']],
  )
  t.false(/coordinates|pos|13\.|52\./.test(JSON.stringify(own.log).replace(/"\d{4}-[^"]*"/g, '')))
  await scene.pass(86_500)
  t.deepEqual(
    (await log('alice')).log?.past.filter(({ type }) => type === 'immediate'),
    [],
  )
})

test('a store that fails for a while costs reports, and no request', async (t) => {
  const scene = await CoreScene.open()
  t.is(await changesProfile(scene, bobs), 200)
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 5 }, 3600)
  await scene.pass(2)
  t.is(radii(asked.notified).length, 1)
  scene.store.fails = () => true
  await scene.pass(60)
  scene.store.fails = () => false
  await scene.pass(120)
  const before = radii(asked.notified).length
  await scene.pass(30)
  t.true(radii(asked.notified).length >= before + 5)
})

test('a place that has arrived is not told once more, by a period either, after a rule has become coarser', async (t) => {
  const scene = await CoreScene.open()
  t.is(await changesProfile(scene, bobs), 200)
  const body = writeBody('location-request', { type: 'periodic', period: 600 })
  const content = { body: String(body.content) }
  const lines = [`Content-Type: ${body.type}`]
  const asked = await scene.subscribe('bob', alice, 'location;min-rate=1', 3600, undefined, lines, content)
  await scene.pass(5)
  t.deepEqual(radii(asked.notified), ['100'])
  t.is(await changesProfile(scene, { ...bobs, precision: 10_000 }), 200)
  await scene.pass(30)
  t.deepEqual(radii(asked.notified), ['100'])
})

test('a fetch that is answered by nobody is taken back with its end; its target has heard of it all the same', async (t) => {
  const scene = await CoreScene.open()
  scene.answers = () => false
  const asked = await scene.locate('bob', alice, {})
  await scene.pass(2)
  t.true(radii(asked.notified).length > 1)
  t.is(scene.ues.bodies('privacy-notice').length, 1)
  await scene.pass(24)
  t.is(await changesProfile(scene), 200)
  const before = radii(asked.notified).length
  await scene.pass(60)
  t.is(radii(asked.notified).length, before)
})

test('many requests of one asker are one question a minute; the others count as no', async (t) => {
  const scene = await CoreScene.open()
  t.is(await changesProfile(scene, { ...bobs, mode: 'ask-allow' }), 200)
  const asked = [await scene.locate('bob', alice, { service: 's0' }, 600)]
  for (let number = 1; number < 5; number++) {
    const other = await scene.locate('bob', alice, { service: `s${number}` }, 600)
    await scene.pass(1)
    t.regex(other.notified.at(-1)!.state, /^terminated;reason=rejected/)
    asked.push(other)
  }
  t.is(scene.ues.bodies('privacy-ask').length, 1)
})
