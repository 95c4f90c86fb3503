/** After a restart everybody is told once, what is right, and nothing more until something changes. */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createResourceLists } from '../../../elements/resource-lists/index.ts'
import type { SubscriberSettings } from '../../../elements/schemas/index.ts'
import type { SipRequest } from '../../../signalling/index.ts'
import { memoryStore } from '../../../signalling/storage/memory.ts'
import { Lab } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'

const sip = (name: string): string => `sip:${name}@localhost`
const person = (name: string, more: Partial<SubscriberSettings> = {}): SubscriberSettings => ({
  id: sip(name),
  permissions: { discoverable: true, discoverer: true },
  friends: ['alice', 'bob', 'carol'].filter((other) => other !== name).map(sip),
  ...more,
})
const pidf = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${sip('alice')}"><tuple id="desk"><status><basic>open</basic></status></tuple></presence>`

async function scene() {
  const lab = new Lab()
  const store = memoryStore(lab.clock)
  const serve = (alice: Partial<SubscriberSettings>) =>
    lab.serve(
      ['localhost'],
      [
        createProxy('proxy', { authenticate: 'none', registration: 'optional' }),
        createHss('hss', {
          askers: ['proxy', 'presence', 'friends'],
          subscribers: [person('alice', alice), person('bob'), person('carol')],
        }),
        createPresence('presence', { watchers: 'friends' }),
        createResourceLists('friends', {}),
      ],
      store,
    )
  let node = await serve({})
  const wire = await Wire.at(lab, '10.0.5.1')
  wire.onRequest = (request) => wire.answer(request, 200)
  let count = 0
  const send = async (method: string, to: string, from: string, callId: string, lines: readonly string[], body = '') => {
    const names = { via: '10.0.5.1', branch: `z9hG4bK-${++count}`, callId, from: sip(from), body }
    wire.send(requestText(method, sip(to), { ...names, lines: ['Expires: 600', 'Contact: <sip:x@10.0.5.1>', ...lines] }))
    await lab.clock.advance(1000)
  }
  const subscribe = (from: string, to: string, event = 'presence') =>
    send('SUBSCRIBE', to, from, `${from} ${to} ${event}`.replaceAll(' ', '-'), [`Event: ${event}`, 'Supported: eventlist'])
  const publish = () =>
    send('PUBLISH', 'alice', 'alice', 'publish', ['Event: presence', 'Content-Type: application/pidf+xml'], pidf)
  /** What came since, by dialog. */
  const restart = async (alice: Partial<SubscriberSettings> = {}): Promise<ReadonlyMap<string, readonly SipRequest[]>> => {
    await node.stop(0)
    wire.clear()
    node = await serve(alice)
    await lab.clock.advance(10_000)
    return Map.groupBy(wire.requests, ({ callId }) => callId)
  }
  return { subscribe, publish, restart }
}

test('watchers, lists and lists of watchers: one NOTIFY each, with all there is to say', async (t) => {
  const { subscribe, publish, restart } = await scene()
  await publish()
  await subscribe('bob', 'alice')
  await subscribe('carol', 'friends')
  await subscribe('bob', 'friends')
  await subscribe('alice', 'alice', 'presence.winfo')
  for (let again = 0; again < 2; again++) {
    const notified = await restart()
    const states = [...notified].map(
      ([callId, notifies]) => [callId, notifies.map((each) => each.text('Subscription-State'))] as const,
    )
    t.deepEqual([...notified.keys()].toSorted(), [
      'alice-alice-presence.winfo',
      'bob-alice-presence',
      'bob-friends-presence',
      'carol-friends-presence',
    ])
    for (const [callId, all] of states) {
      t.is(all.length, 1, callId)
      t.regex(all[0]!, /^active/)
    }
    const body = (callId: string): string => notified.get(callId)![0]!.body.toString()
    t.is(body('bob-alice-presence'), pidf)
    t.regex(body('carol-friends-presence'), /fullState="true"/)
    t.regex(body('carol-friends-presence'), /<resource uri="sip:alice@localhost"><instance id="1" state="active"/)
    t.true(body('carol-friends-presence').includes(pidf))
    const watchers = [...body('alice-alice-presence.winfo').matchAll(/<watcher .*?status="(\w+)".*?>([^<]+)</g)]
    t.deepEqual(watchers.map(([, status, uri]) => `${uri} ${status}`).toSorted(), [
      'sip:bob@localhost active',
      'sip:bob@localhost active',
      'sip:carol@localhost active',
    ])
    t.regex(body('alice-alice-presence.winfo'), /state="full"/)
  }
})

test('what the presentity settled in the meantime is told, once to each', async (t) => {
  const { subscribe, publish, restart } = await scene()
  await publish()
  await subscribe('bob', 'alice')
  await subscribe('carol', 'alice')
  await subscribe('alice', 'alice', 'presence.winfo')
  const notified = await restart({ friends: [], watchers: { block: [sip('carol')], polite: [sip('bob')] } })
  t.deepEqual([...notified].map(([callId, notifies]) => [callId, notifies.length]).toSorted(), [
    ['alice-alice-presence.winfo', 1],
    ['bob-alice-presence', 1],
    ['carol-alice-presence', 1],
  ])
  t.is(notified.get('carol-alice-presence')![0]!.text('Subscription-State'), 'terminated;reason=rejected')
  t.regex(notified.get('bob-alice-presence')![0]!.body.toString(), /<basic>closed/)
  const winfo = notified.get('alice-alice-presence.winfo')![0]!.body.toString()
  t.deepEqual(
    [...winfo.matchAll(/status="(\w+)".*?>([^<]+)</g)].map(([, ...found]) => found.join(' ')),
    ['active sip:bob@localhost'],
  )
})
