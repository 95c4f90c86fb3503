/** Push in large numbers (PUSH §5), in virtual time: guesses, receipts at once, and a long queue whose user comes, goes and comes. */
import test from 'ava'
import { createAddressBook } from '../../elements/address-book/index.ts'
import { createHss } from '../../elements/hss/index.ts'
import { createPush } from '../../elements/push/index.ts'
import { type Phone, PushScene } from '../elements/push/scene.ts'
import { ElementNetwork } from '../support/element-network.ts'

const permissions = { discoverable: false, discoverer: false }
const aliceId = '0b90c5d2e8b9f604'
const uriOf = (id: string): string => `sip:${id}@push.localhost;user=push`

/** A crowd of whom nobody shows himself to eve. */
const hidden = Array.from({ length: 1000 }, (_, i) => ({
  ...{ id: `hidden${i}`, permissions, push: [{ id: `0c${i.toString(16).padStart(4, '0')}d2e8b9f604` }] },
  directory: { nickname: `nick${i}` },
}))
const eve = { id: 'eve', permissions, push: [{ id: '0d90c5d2e8b9f604' }] }

test('A5: 100,000 guesses: unknown and hidden are the same in status, bytes, time and messages; 20 a minute are answered', async (t) => {
  const network = new ElementNetwork()
  network.network.fate = () => [2]
  await network.add(createHss('hss', { subscribers: [...hidden, eve], askers: ['addressbook', 'push'] }))
  await network.add(createAddressBook('addressbook', {}))
  await network.add(createPush('push', { addressbook: 'addressbook' }))
  await network.clock.advance(5000)
  const kinds = {
    hidden: (i: number) => `nick${i}`,
    unknown: (i: number) => `kcin${i}`,
    identifier: (i: number) => `0${(i * 2_654_435_761).toString(16).padStart(15, 'a').slice(-15)}`,
  }
  const seen = { hidden: new Map<string, number>(), unknown: new Map<string, number>(), identifier: new Map<string, number>() }
  const tried = { hidden: 0, unknown: 0, identifier: 0 } // a name that has been asked about is known to be none: each is new
  const guess = async (name: string): Promise<readonly [status: number, answer: string]> => {
    const [sent, at] = [network.network.sent, network.clock.now()]
    const asking = { asserted: uriOf(eve.push[0]!.id), body: { type: 'text/plain', content: 'hello' } }
    const answer = await network.ask('push', 'MESSAGE', uriOf(name), asking)
    while (answer.status === 0 && network.clock.now() - at < 1000) await network.clock.advance(2)
    const { response, status } = answer
    const head = response?.headers.filter(([name]) => !['Via', 'Call-ID', 'CSeq', 'To'].includes(name))
    return [status, `${status} ${network.clock.now() - at} ms, ${network.network.sent - sent} messages ${JSON.stringify(head)}`]
  }
  await guess('first') // her own record is looked up with it
  const statuses = new Map<number, number>()
  const begun = network.clock.now()
  for (let i = 0; i < 100_000; i++) {
    const kind = (['hidden', 'unknown', 'identifier'] as const)[i % 3]!
    const [status, what] = await guess(kinds[kind](tried[kind]))
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (status !== 503) {
      tried[kind]++
      seen[kind].set(what, (seen[kind].get(what) ?? 0) + 1)
    }
    await network.clock.advance(40)
  }
  const minutes = (network.clock.now() - begun) / 60_000
  t.deepEqual([...statuses.keys()].sort(), [404, 503])
  t.true(statuses.get(404)! <= 21 * (minutes + 1), `${statuses.get(404)} in ${minutes} minutes`)
  t.true(statuses.get(404)! >= 500, 'so that there is something to compare')
  for (const each of [seen.hidden, seen.unknown, seen.identifier]) t.is(each.size, 1, JSON.stringify([...each]))
  t.deepEqual([...seen.hidden.keys()], [...seen.unknown.keys()])
})

test('A12: 10,000 `displayed` at once: the rate holds, and each is told once in the end', async (t) => {
  const count = 10_000
  const scene = await PushScene.open({ store: { forUser: 2 * count, ofSource: 2 * count, keep: 86_400 } })
  const phone = await scene.phone()
  await scene.register(phone)
  const asking = (id: string): string =>
    [
      ...['From: <sip:alice@localhost>', 'NS: imdn <urn:ietf:params:imdn>', `imdn.Message-ID: ${id}`],
      ...['imdn.Disposition-Notification: display', '', 'Content-Type: text/plain', '', 'hello'],
    ].join('\r\n')
  for (let i = 0; i < count; i += 100) {
    const batch = Array.from(
      { length: 100 },
      (_, at) => [asking(`m${i + at}`), { callId: `m${i + at}`, type: 'message/cpim' }] as const,
    )
    t.deepEqual([...new Set((await scene.statusesAtOnce(batch)).values())], [200])
  }
  const lines = ['P-Asserted-Identity: <sip:0a17c5d2e8b9f604@push.localhost;user=push>']
  const receipt = (i: number, tries: number) => {
    const status = '<display-notification><status><displayed/></status></display-notification>'
    const xml = `<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>m${i}</message-id>${status}</imdn>`
    return [xml, { user: aliceId, asserted: false, callId: `r${i}-${tries}`, type: 'message/imdn+xml', lines }] as const
  }
  let left = Array.from({ length: count }, (_, i) => i)
  const first = await scene.statusesAtOnce(
    left.map((i) => receipt(i, 0)),
    1,
  )
  const passed = left.filter((i) => first.get(`r${i}-0`) === 202)
  t.true(passed.length >= 200 && passed.length <= 240, `${passed.length} of them at once`)
  t.deepEqual([...new Set(first.values())].sort(), [202, 503])
  left = left.filter((i) => !passed.includes(i))
  for (let tries = 1; left.length > 0 && tries < 2000; tries++) {
    const statuses = await scene.statusesAtOnce(
      left.slice(0, 20).map((i) => receipt(i, tries)),
      1,
    )
    left = left.filter((i) => statuses.get(`r${i}-${tries}`) !== 202)
  }
  t.is(left.length, 0)
  t.is(scene.server.waiting('sip:alice@localhost').length, count)
})

/** Keeps what a phone has taken; while it is gone it takes nothing. */
function taking(phone: Phone): { readonly got: string[]; isGone: boolean } {
  const state = { got: [] as string[], isGone: false }
  phone.wire.onRequest = (request) => {
    if (!state.isGone) state.got.push(String(request.body))
    phone.wire.answer(request, state.isGone ? 480 : 200)
  }
  return state
}

test('A16: 10,000 wait; the user returns, leaves in the middle, and returns: each once, in order, others served meanwhile', async (t) => {
  const count = 10_000
  const scene = await PushScene.open({ store: { forUser: count, ofSource: count } })
  for (let i = 0; i < count; i += 100) {
    const batch = Array.from({ length: 100 }, (_, at) => [String(i + at), { callId: `c${i + at}` }] as const)
    t.deepEqual([...new Set((await scene.statusesAtOnce(batch, 0.1)).values())], [202])
  }
  const [phone, other] = [await scene.phone(), await scene.phone()]
  const [bob, carol] = [taking(phone), taking(other)]
  await scene.register(other, { user: 'carol' })
  let served = 0
  const serve = async (): Promise<void> => {
    t.is(await scene.push(`other ${served}`, { user: '0c90c5d2e8b9f604' }, 0.1), 200)
    t.is(carol.got.length, ++served)
  }
  for (const stay of [3, 0.5, 1]) {
    bob.isGone = false
    const before = bob.got.length
    t.is((await scene.register(phone)).status, 200)
    t.true(bob.got.length > before, 'the first within the second')
    for (let passed = 0; passed < stay; passed += 0.1) await serve()
    bob.isGone = true
    await scene.register(phone, { expires: 0 })
    const [left, missing] = [bob.got.length, count - bob.got.length]
    t.true(missing > 0 && missing < count, 'in the middle')
    await scene.pass(60)
    t.is(bob.got.length, left)
  }
  bob.isGone = false
  await scene.register(phone)
  for (let passed = 0; bob.got.length < count && passed < 600; passed++) await serve()
  await scene.pass(60)
  t.deepEqual(
    bob.got,
    Array.from({ length: count }, (_, i) => String(i)),
  )
  t.is(scene.unaccounted, 0)
})
