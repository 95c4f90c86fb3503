/** Aliases at the Push server (SPEC §5.3), with an address book beside it. */
import test from 'ava'
import { PushScene } from './scene.ts'

const bobId = '0a17c5d2e8b9f604'
const aliceId = '0b90c5d2e8b9f604'
const uri = (id: string): string => `sip:${id}@push.localhost;user=push`

test('PF15: 485 lists the choices in Contact, those alone that the source may see', async (t) => {
  const scene = await PushScene.open({}, [
    { uri: uri(bobId), name: 'Miller' },
    { uri: uri(aliceId), nickname: 'miller' },
    { uri: uri('0c17c5d2e8b9f604'), name: 'Miller', listed: false },
    { uri: uri('0d17c5d2e8b9f604'), name: 'Müller', listed: false },
    { uri: uri('0e17c5d2e8b9f604'), name: 'Müller', listed: false },
  ])
  const answer = await scene.pushTo('Miller')
  t.is(answer.status, 485)
  t.deepEqual(answer.texts('Contact').sort(), [`<${uri(bobId)}>`, `<${uri(aliceId)}>`].sort())
  const hidden = await scene.pushTo('M%C3%BCller')
  const unknown = await scene.pushTo('M%C3%BCller%20II')
  t.is(hidden.status, 404)
  t.is(hidden.text('Contact'), undefined)
  t.deepEqual([hidden.text('Warning'), hidden.status], [unknown.text('Warning'), unknown.status], 'PF16')
})

test('P29: the MESSAGE to the device is the same by alias and by identifier, but for To', async (t) => {
  const scene = await PushScene.open({}, [{ uri: uri(bobId), nickname: 'Bobby' }])
  const phone = await scene.phone()
  await scene.register(phone)
  t.is((await scene.pushTo('Bobby')).status, 200)
  t.is((await scene.pushTo(bobId)).status, 200)
  const [byAlias, byId] = phone.requests
  const shown = (request: typeof byAlias) =>
    request!.headers
      .filter(([name]) => !['Via', 'To', 'Call-ID', 'CSeq'].includes(name))
      .map(([name, value]) => `${name}: ${value}`)
  t.deepEqual(shown(byAlias), shown(byId))
  t.is(byAlias!.uriText, byId!.uriText)
  t.regex(byAlias!.text('To')!, /Bobby@push\.localhost/)
})
