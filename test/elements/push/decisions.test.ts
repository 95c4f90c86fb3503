/** Decisions of a Push server (SPEC §5.6): each status of SPEC §5.2 and each end of a message has its rule; all copies are accounted for. */
import test from 'ava'
import { PushScene } from './scene.ts'

const chat = { id: 'org.example.chat', types: ['text/plain'], maxBytes: 40, default: ['text/plain'] }
const named = (id: string): { lines: string[] } => ({ lines: [`Push-Application: ${id}`] })

/** Rules, with statuses, of what was decided about a name since the last look. */
function looking(scene: PushScene) {
  const seen = new Map<string, number>()
  return (name = 'sip:bob@localhost'): readonly string[] => {
    const all = scene.server.decisions.about([name])
    const fresh = all.slice(seen.get(name) ?? 0)
    seen.set(name, all.length)
    return fresh.map(({ rule, status }) => (status === undefined ? rule : `${status} ${rule}`))
  }
}

test('P75: 200, 202, 480 and 4xx of a device, and each end of what waited, by their rules', async (t) => {
  const scene = await PushScene.open({ store: { forUser: 4, ofSource: 3, tries: 2 } })
  const phone = await scene.phone()
  const look = looking(scene)
  await scene.push('away', { lines: ['Expires: 0'] })
  t.deepEqual(look(), ['480 offline'])
  await scene.push('1', { callId: 'first' })
  await scene.push('1', { callId: 'first', cseq: 2 })
  t.deepEqual(look(), ['202 stored', '202 repeat'])
  for (const text of ['2', '3', '4']) await scene.push(text)
  t.deepEqual(look(), ['202 stored', '202 stored', '503 store-share'])
  await scene.register(phone)
  await scene.pass(5)
  t.deepEqual(look(), ['200 delivered', '200 delivered', '200 delivered'])
  await scene.push('now')
  phone.answer = 488
  await scene.push('no')
  t.deepEqual(look(), ['200 taken', '488 device'])
  phone.answer = 500
  await scene.push('poison')
  await scene.pass(30)
  t.deepEqual(look(), ['202 stored', 'set-aside'])
  await scene.register(phone, { expires: 0 })
  await scene.push('brief', { lines: ['Expires: 60'] })
  await scene.pass(61)
  t.deepEqual(look(), ['202 stored', 'expired'])
  for (const text of ['old', 'new']) await scene.push(text, { lines: ['Push-Topic: t'] })
  t.deepEqual(look(), ['202 stored', 'replaced', '202 stored'])
})

test('P75: 480 and 503 of a store that is full, by their rules', async (t) => {
  const perUser = await PushScene.open({ store: { forUser: 1 } })
  await perUser.push('1')
  await perUser.push('2')
  t.deepEqual(looking(perUser)(), ['202 stored', '480 store-full'])
  const inAll = await PushScene.open({ store: { inAll: 1 } })
  await inAll.push('1')
  await inAll.push('2')
  t.deepEqual(looking(inAll)(), ['202 stored', '503 server-full'])
})

test('P75: 403, 404, 413, 415 and 503 before a destination is found, by their rules, told by its identifier', async (t) => {
  const revoked = { id: 'org.example.revoked', state: 'revoked' as const }
  const slow = { id: 'org.example.slow', rate: { rate: 0.001, burst: 1 } }
  const scene = await PushScene.open({ applications: [chat, revoked, slow] })
  const look = looking(scene)
  const bob = '0a17c5d2e8b9f604'
  await scene.push('x', named('org.example.nobody'))
  await scene.push('x', named(revoked.id))
  await scene.push('x', { ...named(chat.id), type: 'image/png' })
  await scene.push('x'.repeat(50), named(chat.id))
  await scene.push('x', { ...named(chat.id), asserted: false })
  t.deepEqual(look(bob), ['403 application', '403 application-revoked', '415 media-type', '413 size', '403 anonymous'])
  await scene.push('x', named(slow.id))
  await scene.push('x', named(slow.id))
  t.deepEqual(look(bob), ['503 rate'])
  await scene.push('x', { user: '0c17c5d2e8b9f604' })
  t.deepEqual(look('0c17c5d2e8b9f604'), ['404 unknown'])
  for (let guess = 0; guess < 21; guess++) await scene.push('x', { user: `0d17c5d2e8b9f6${String(guess).padStart(2, '0')}` }, 0.1)
  t.deepEqual(look('0d17c5d2e8b9f620'), ['503 guesses'])
})

test('P75: 485 of an ambiguous alias and 403 of an expired source, by their rules', async (t) => {
  const uri = (id: string): string => `sip:${id}@push.localhost;user=push`
  const scene = await PushScene.open({}, [
    { uri: uri('0a17c5d2e8b9f604'), name: 'Miller' },
    { uri: uri('0b90c5d2e8b9f604'), nickname: 'miller' },
  ])
  const look = looking(scene)
  await scene.pushTo('Miller')
  t.deepEqual(look('Miller'), ['485 ambiguous'])
  const lines = ['P-Asserted-Identity: <sip:0e90c5d2e8b9f604@push.localhost;user=push>']
  await scene.push('x', { asserted: false, lines })
  t.deepEqual(look('0a17c5d2e8b9f604'), ['403 source-expired'])
})

test('P75: decisions are found by name, identifier, string, URI and Call-ID; those of one user push out no other’s', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.registerAsleep(phone)
  await scene.push('hello', { callId: 'the-call-id' })
  for (const name of ['bob', 'bob.b', '0A17C5D2E8B9F604', 'sip:bob@localhost', '0a17c5d2e8b9f604@push.localhost']) {
    const found = await scene.server.why(name)
    t.is(found?.user, 'sip:bob@localhost', name)
    t.like(found, {
      server: 'push',
      flags: '0000',
      identifiers: [{ id: '0a17c5d2e8b9f604', flags: '0000', inForce: true, here: true }],
      devices: [{ state: 'bound', provider: 'webpush' }],
    })
    t.false(JSON.stringify(found).includes('push.example'), 'no PRID')
  }
  t.deepEqual(
    (await scene.server.why('the-call-id'))?.decisions.map(({ rule }) => rule),
    ['taken'],
  )
  t.is(await scene.server.why('nobody'), undefined)
  for (let count = 0; count < 6000; count++) scene.server.decisions.note({ user: 'x', rule: 'call', text: '' })
  t.is(scene.server.decisions.about(['x']).length, 100)
  t.true(scene.server.decisions.about(['sip:bob@localhost']).length > 0)
  for (let count = 0; count < 6000; count++) scene.server.decisions.note({ user: `x${count}`, rule: 'call', text: '' })
  t.is(scene.metric('decisions'), 5000)
})

test('audit: all copies are accounted for, over a restart too; what the store lost is told', async (t) => {
  const scene = await PushScene.open({ store: { tries: 1 } })
  const phone = await scene.phone()
  await scene.push('1')
  await scene.push('2')
  t.like(await scene.server.audit(), { found: 0, accepted: 2, waiting: 2, inStore: 2, differences: [] })
  await scene.restart()
  t.like(await scene.server.audit(), { found: 2, accepted: 0, waiting: 2, inStore: 2, differences: [] })
  await scene.register(phone)
  await scene.pass(5)
  phone.answer = 500
  await scene.push('set aside')
  await scene.pass(5)
  const ended = { delivered: 2, expired: 0, refused: 0, replaced: 0, withdrawn: 0 }
  t.deepEqual(await scene.server.audit(), { found: 2, accepted: 1, ended, waiting: 1, inMemory: 1, inStore: 1, differences: [] })
  const keys: string[] = []
  for await (const [key] of scene.stored('push/push/copy/')) keys.push(key)
  await scene.erase(keys)
  const auditing = scene.server.audit()
  await scene.pass(2)
  t.deepEqual((await auditing).differences, ['in memory 1 copies wait, in the store 0', '1 messages in the store have no copy'])
})

test('retry: what was set aside is tried again, of one user or of all, and is delivered once', async (t) => {
  const scene = await PushScene.open({ store: { tries: 1 } })
  const phone = await scene.phone()
  await scene.register(phone)
  phone.answer = 500
  await scene.push('one')
  await scene.pass(60)
  t.is(scene.metric('copies_set_aside_total'), 1)
  await scene.restart()
  phone.answer = 200
  t.is(await scene.server.retry('nobody'), undefined)
  t.is(await scene.server.retry('alice'), 0)
  t.is(await scene.server.retry('bob'), 1)
  await scene.pass(5)
  t.deepEqual(phone.got, ['one', 'one'])
  t.is(await scene.server.retry(undefined), 0)
  t.like(await scene.server.audit(), { waiting: 0, differences: [] })
})

test('what a sender writes is told in short, however long, and is found by it', async (t) => {
  const scene = await PushScene.open()
  const long = 'x'.repeat(20_000)
  await scene.push('hi', { callId: `call-${long}` })
  await scene.push('hi', { lines: [`Push-Application: ${long}`] })
  await scene.push('hi', { user: long })
  await scene.push('hi', { from: `sip:${long}@localhost` })
  const { decisions } = scene.server
  const all = ['sip:bob@localhost', '0a17c5d2e8b9f604', long].flatMap((name) => decisions.about([name]))
  t.true(all.length >= 3)
  for (const decision of all)
    for (const part of Object.values(decision)) t.true(String(part).length <= 256, String(part).slice(0, 20))
  t.is(decisions.about([`call-${long}`]).length, 1)
})
