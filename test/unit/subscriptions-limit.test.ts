/** How many subscriptions one subscriber may hold, and what does not count. */
import test from 'ava'
import { createHss } from '../../elements/hss/index.ts'
import { createPresence } from '../../elements/presence/index.ts'
import { createProxy } from '../../elements/proxy/index.ts'
import { createResourceLists } from '../../elements/resource-lists/index.ts'
import { memoryStore } from '../../signalling/storage/memory.ts'
import { Lab } from '../support/lab.ts'
import { metric, requestText, Wire } from '../support/wire.ts'

const sip = (name: string): string => `sip:${name}@localhost`

async function scene(limit: number) {
  const lab = new Lab()
  lab.subscriptions = limit
  const friends = ['bob', 'carol', 'dave', 'eve']
  const subscribers = ['alice', ...friends].map((name) => ({
    id: sip(name),
    permissions: { discoverable: true, discoverer: true },
    ...(name === 'alice' ? { friends: friends.map(sip) } : {}),
  }))
  const elements = () => [
    createProxy('proxy', { authenticate: 'none', registration: 'optional' }),
    createHss('hss', { askers: ['proxy', 'presence', 'friends'], subscribers }),
    createPresence('presence', { watchers: 'everybody' }),
    createResourceLists('friends', {}),
  ]
  const store = memoryStore(lab.clock)
  let node = await lab.serve(['localhost'], elements(), store)
  const wire = await Wire.at(lab, '10.0.5.1')
  wire.onRequest = (request) => wire.answer(request, 200)
  let count = 0
  const subscribe = async (to: string, expires = 600): Promise<number> => {
    const lines = ['Event: presence', `Expires: ${expires}`, 'Supported: eventlist', 'Contact: <sip:alice@10.0.5.1>']
    const names = { via: '10.0.5.1', branch: `z9hG4bK-${++count}`, callId: `call-${count}` }
    wire.send(requestText('SUBSCRIBE', sip(to), { ...names, from: sip('alice'), lines }))
    await lab.clock.advance(1000)
    return wire.responses.findLast(({ callId, status }) => callId === names.callId && status >= 200)!.status
  }
  const restart = async (): Promise<void> => {
    await node.stop(0)
    node = await lab.serve(['localhost'], elements(), store)
    await lab.clock.advance(1000)
  }
  return { subscribe, restart, wire, lab, held: () => metric(node, 'subscriptions_held') }
}

test('those to everybody on a list are not in the share of its subscriber, nor after a restart', async (t) => {
  const { subscribe, restart, held, wire } = await scene(2)
  t.is(await subscribe('friends'), 200)
  const told = wire.requests.at(-1)!.body.toString()
  for (const name of ['bob', 'carol', 'dave', 'eve']) t.regex(told, new RegExp(`${sip(name)}"><instance id="1" state="active"`))
  t.is(await subscribe('bob'), 200)
  t.is(await subscribe('carol'), 403)
  await restart()
  t.true(held() >= 6)
  t.is(await subscribe('carol'), 403, 'two are held')
})

test('a fetch holds nothing: it is served at the limit, and only so many that nobody answers', async (t) => {
  const { subscribe, wire, lab } = await scene(2)
  t.deepEqual([await subscribe('bob'), await subscribe('carol'), await subscribe('dave')], [200, 200, 403])
  for (let i = 0; i < 5; i++) t.is(await subscribe('bob', 0), 200)
  const { onRequest } = wire
  wire.onRequest = () => undefined
  t.deepEqual([await subscribe('bob', 0), await subscribe('carol', 0), await subscribe('dave', 0)], [200, 200, 403])
  wire.onRequest = onRequest
  await lab.clock.advance(5000)
  t.is(await subscribe('dave', 0), 200)
})
