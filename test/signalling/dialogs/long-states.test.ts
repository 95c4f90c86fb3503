/** States that do not fit into a datagram: told in parts where the package has them, else not, and why; never tried for ever. */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProse } from '../../../elements/prose/index.ts'
import { createResourceLists } from '../../../elements/resource-lists/index.ts'
import { listPart, type Resource } from '../../../elements/resource-lists/rlmi.ts'
import type { ProximityDiff } from '../../../elements/schemas/index.ts'
import type { EventPackage, SipRequest } from '../../../signalling/index.ts'
import { memoryStore } from '../../../signalling/storage/memory.ts'
import { all, sip } from '../../elements/prose/scene.ts'
import { Lab } from '../../support/lab.ts'
import { metric, type RequestParts, requestText, Wire } from '../../support/wire.ts'
import { Scene, type Tick } from './subscriptions-scene.ts'

const longest = 65_507

/** Bodies as long as their value says; `parts`: in pieces of what fits, each adding to the one before. */
function longPackage(name: string, parts: boolean): EventPackage<Tick> {
  const body = (value: number, from = 0) => ({ type: 'text/plain', content: 'x'.repeat(value - from) })
  return {
    name,
    types: ['text/plain'],
    expires: { usual: 600, max: 3600 },
    render: ({ value }, { previous }) => body(value!, previous?.value),
    ...(parts
      ? {
          part: ({ value }, { previous, room }) => {
            const notified = Math.min(value!, (previous?.value ?? 0) + room)
            return { body: body(notified, previous?.value), state: { value: notified } }
          },
        }
      : {}),
  }
}

async function engine(parts: boolean, value: number) {
  const scene = await Scene.open()
  const watcher = await scene.watcher()
  await scene.restart((ticker) => {
    Object.assign(ticker, { packages: [longPackage('tick', parts)], value })
  })
  return { scene, watcher }
}

test('without parts: terminated;reason=giveup with a Warning, once, and nothing is left of it', async (t) => {
  const { scene, watcher } = await engine(false, 70_000)
  t.is((await watcher.subscribe('tick', 600)).status, 200)
  await scene.pass(100)
  t.deepEqual(watcher.states, ['terminated;reason=giveup;retry-after=300'])
  t.is(watcher.notifies[0]!.body.length, 0)
  t.regex(
    watcher.notifies[0]!.text('Warning')!,
    /^399 proxima "the state has 70000 bytes, more than a datagram carries: subscribe over TCP, TLS or WebSocket"$/,
  )
  await scene.pass(100_000)
  t.is(watcher.notifies.length, 1)
  t.deepEqual([scene.held, await scene.stored(), metric(scene.node, 'requests_too_long_total')], [0, 0, 1])
})

test('a state that grows too long later ends what it could be told until then', async (t) => {
  const { scene, watcher } = await engine(false, 1000)
  await watcher.subscribe('tick', 600)
  await scene.pass(100)
  t.deepEqual(watcher.states, ['active'])
  const ticker = (await scene.restart((next) => Object.assign(next, { packages: [longPackage('tick', false)], value: 1000 })))
    .last
  ticker.notify({ value: 80_000 })
  await scene.pass(100)
  t.is(watcher.states.at(-1), 'terminated;reason=giveup;retry-after=300')
  await scene.pass(100_000)
  t.is(scene.held, 0)
})

test('a fetch gets a NOTIFY all the same, that says why it has no state', async (t) => {
  for (const parts of [false, true]) {
    const { scene, watcher } = await engine(parts, 70_000)
    t.is((await watcher.subscribe('tick', 0)).status, 200)
    await scene.pass(100)
    t.is(watcher.notifies.length, 1)
    t.regex(watcher.states[0]!, /^terminated;reason=giveup/)
    t.regex(watcher.notifies[0]!.text('Warning')!, /70000 bytes/)
    t.is(scene.held, 0)
  }
})

test('the last NOTIFY of an unsubscription comes, without the state', async (t) => {
  const { scene, watcher } = await engine(true, 70_000)
  await watcher.subscribe('tick', 600)
  await scene.pass(100)
  t.is((await watcher.subscribe('tick', 0)).status, 200)
  await scene.pass(100)
  t.is(watcher.states.at(-1), 'terminated;reason=timeout')
  t.is(scene.held, 0)
})

test('with parts: as many NOTIFYs as it takes, at once, and later changes as differences', async (t) => {
  const { scene, watcher } = await engine(true, 200_000)
  await watcher.subscribe('tick;max-rate=0.1', 600)
  await scene.pass(1000)
  t.is(watcher.notifies.length, 4)
  t.true(watcher.wire.arrivals.every(({ bytes }) => bytes.length <= longest))
  t.is(
    watcher.notifies.reduce((sum, { body }) => sum + body.length, 0),
    200_000,
  )
  t.true(watcher.states.every((state) => state.startsWith('active')))
  t.is(metric(scene.node, 'requests_too_long_total'), 1, 'tried once')
})

test('a subscriber that answers 513 itself gets less, and then nothing', async (t) => {
  const { scene, watcher } = await engine(true, 40_000)
  watcher.reply = ({ bytes }) => (bytes.length > 10_000 ? 513 : 200)
  await watcher.subscribe('tick', 600)
  await scene.pass(1000)
  const taken = watcher.notifies.filter(({ bytes }) => bytes.length <= 10_000)
  t.is(
    taken.reduce((sum, { body }) => sum + body.length, 0),
    40_000,
  )
  const other = await scene.watcher()
  other.reply = () => 513
  await other.subscribe('tick', 600)
  await scene.pass(1000)
  t.regex(other.states.at(-1)!, /^terminated;reason=giveup/)
  t.is(scene.held, 1)
})

// ---- packages

/** A server, and one who asks it on behalf of anybody. */
async function network(elements: Parameters<Lab['serve']>[1]) {
  const lab = new Lab()
  lab.trusted.push('10.0.5.1')
  const node = await lab.serve(['localhost'], elements, memoryStore(lab.clock))
  const wire = await Wire.at(lab, '10.0.5.1')
  wire.onRequest = (request) => wire.answer(request, 200)
  let count = 0
  const send = (method: string, from: string, to: string, lines: readonly string[], parts: RequestParts = {}): void =>
    wire.send(
      requestText(method, to, {
        via: '10.0.5.1',
        branch: `z9hG4bK-${++count}`,
        callId: `call-${count}`,
        from: sip(from),
        lines: [`P-Asserted-Identity: <${sip(from)}>`, `Contact: <sip:${from}@10.0.5.1>`, ...lines],
        ...parts,
      }),
    )
  const notifies = (callId: string): readonly SipRequest[] => wire.requests.filter((each) => each.callId === callId)
  return { lab, node, wire, send, notifies }
}

test('a list of 170 friends: all by name at once, their documents in parts', async (t) => {
  const friends = Array.from({ length: 170 }, (_, i) => `friend-${i}`)
  const permissions = all
  const { lab, wire, send, notifies } = await network([
    createHss('hss', {
      askers: ['presence', 'friends'],
      subscribers: [{ id: 'alice', permissions, friends: friends.map(sip) }, ...friends.map((id) => ({ id, permissions }))],
    }),
    createPresence('presence', {}),
    createResourceLists('friends', {}),
  ])
  const note = 'n'.repeat(700)
  for (const friend of friends) {
    const body = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${sip(friend)}"><tuple id="t"><status><basic>open</basic></status><note>${note}</note></tuple></presence>`
    send('PUBLISH', friend, sip(friend), ['Event: presence', 'Content-Type: application/pidf+xml'], { body })
  }
  await lab.clock.advance(1000)
  send('SUBSCRIBE', 'alice', sip('friends'), ['Event: presence', 'Supported: eventlist', 'Expires: 600'], { callId: 'list' })
  await lab.clock.advance(5000)
  const notified = notifies('list')
  t.true(notified.length > 2)
  t.true(wire.arrivals.every(({ bytes }) => bytes.length <= longest))
  const bodies = notified.map(({ body }) => body.toString())
  const named = (body: string): number => [...body.matchAll(/<resource uri=/g)].length
  t.deepEqual(
    bodies.map((body) => /fullState="(\w+)"/.exec(body)![1]),
    ['true', ...notified.slice(1).map(() => 'false')],
  )
  t.is(named(bodies[0]!), 170)
  const documents = bodies.flatMap((body) => [...body.matchAll(/entity="([^"]+)"/g)].map(([, entity]) => entity!))
  t.deepEqual(documents.toSorted(), friends.map(sip).toSorted(), 'each once')
  t.deepEqual(
    bodies.map((body) => /version="(\d+)"/.exec(body.slice(body.indexOf('<list')))![1]),
    notified.map((_, i) => String(i)),
  )
})

test('a list whose very names do not fit, and one friend who never does', (t) => {
  const resource = (uri: string, bytes: number): [string, Resource] => [
    uri,
    { uri, state: 'active', body: { type: 'text/plain', content: Buffer.alloc(bytes) } },
  ]
  const state = { uri: 'sip:list@h', resources: new Map(Array.from({ length: 50 }, (_, i) => resource(`sip:${i}@h`, 10))) }
  let before: typeof state | undefined
  let parts = 0
  for (;;) {
    const part = listPart(state, before, parts, 5000)
    if (part === undefined) break
    t.true((part.body.content as Buffer).length <= 5000)
    before = part.state as typeof state
    parts++
  }
  t.deepEqual([...before!.resources.values()], [...state.resources.values()])
  t.true(parts > 2)
  const huge = { uri: 'sip:list@h', resources: new Map([resource('sip:a@h', 9000)]) }
  const first = listPart(huge, undefined, 0, 5000)!
  t.is(listPart(huge, first.state, 1, 5000), undefined)
})

test('600 near devices: the difference comes in parts; the plain list, a fetch and 1500 codes do not fit', async (t) => {
  const devices = Array.from({ length: 1500 }, (_, i) => `device-${i}`)
  const { lab, wire, send, notifies } = await network([
    createHss('hss', { subscribers: ['alice', ...devices].map((id) => ({ id, permissions: all })) }),
    createProse('prose', { mode: 'listed', monitors: { alice: devices } }),
  ])
  const service = sip('prose')
  const subscribe = (from: string, event: string, callId: string, lines: readonly string[] = ['Expires: 600']): void =>
    send('SUBSCRIBE', from, service, [`Event: ${event}`, ...lines], { callId })
  for (const device of devices.slice(0, 600)) subscribe(device, 'prose', device)
  await lab.clock.advance(1000)
  subscribe('alice', 'prose', 'alice-prose')
  await lab.clock.advance(1000)
  const codes = devices
    .slice(0, 600)
    .map((device) => (JSON.parse(notifies(device)[0]!.body.toString()) as { announce: { code: string } }).announce.code)
  const type = 'Content-Type: application/vnd.proxima.prose-match+json'
  for (let i = 0; i < 600; i += 100) {
    const heard = codes.slice(i, i + 100).map((code) => ({ code, at: new Date(lab.clock.date()).toISOString() }))
    send('MESSAGE', 'alice', service, [type], { body: JSON.stringify({ heard }), callId: `match-${i}` })
  }
  await lab.clock.advance(1000)
  subscribe('alice', 'proximity', 'diff', ['Expires: 600', 'Accept: application/vnd.proxima.proximity-diff+json'])
  subscribe('alice', 'proximity', 'list')
  subscribe('alice', 'proximity', 'fetch', ['Expires: 0'])
  await lab.clock.advance(1000)
  t.true(wire.arrivals.every(({ bytes }) => bytes.length <= longest))
  const parts = notifies('diff').map(({ body }) => JSON.parse(body.toString()) as ProximityDiff)
  t.deepEqual(
    parts.map(({ full }) => full),
    [true, false],
  )
  t.is(parts[1]!.version, parts[0]!.version + 1)
  t.is(new Set(parts.flatMap(({ added }) => added.map(({ device }) => device))).size, 600)
  for (const callId of ['list', 'fetch']) {
    t.is(notifies(callId).length, 1)
    t.regex(notifies(callId)[0]!.text('Subscription-State')!, /^terminated;reason=giveup/)
  }
  for (const device of devices.slice(600)) subscribe(device, 'prose', device)
  await lab.clock.advance(5000)
  const last = notifies('alice-prose').at(-1)!
  t.regex(last.text('Subscription-State')!, /^terminated;reason=giveup/)
  t.regex(last.text('Warning')!, /more than a datagram carries/)
})

test('watchers with long names: the presentity is told of all of them, in parts', async (t) => {
  const { lab, wire, send, notifies } = await network([createPresence('presence', {})])
  const names = Array.from({ length: 700 }, (_, i) => `${'w'.repeat(100)}-${i}`)
  for (const name of names) send('SUBSCRIBE', name, sip('alice'), ['Event: presence', 'Expires: 600'])
  await lab.clock.advance(1000)
  send('SUBSCRIBE', 'alice', sip('alice'), ['Event: presence.winfo', 'Expires: 600'], { callId: 'winfo' })
  await lab.clock.advance(1000)
  const bodies = notifies('winfo').map(({ body }) => body.toString())
  t.true(wire.arrivals.every(({ bytes }) => bytes.length <= longest))
  t.deepEqual(
    bodies.map((body) => / state="(\w+)"/.exec(body)![1]),
    ['full', ...bodies.slice(1).map(() => 'partial')],
  )
  const watchers = bodies.flatMap((body) => [...body.matchAll(/>(sip:[^<]+)</g)].map(([, uri]) => uri!))
  t.deepEqual(watchers.toSorted(), names.map(sip).toSorted())
})

test('a subscriber whose routes alone fill a datagram is given up, whatever the room that they leave', async (t) => {
  for (let length = 2000; length < 2008; length++) {
    const scene = await Scene.open()
    const watcher = await scene.watcher()
    const lines = [`Contact: <sip:watcher@${watcher.wire.here.host};x=${'x'.repeat(length)}>`]
    for (let i = 0; i < 8; i++) lines.push(`Record-Route: <sip:10.0.6.1;lr;y${i}=${'y'.repeat(7857)}>`)
    t.is((await watcher.subscribe('tick', 600, { lines })).status, 200)
    await scene.pass(1000)
    t.deepEqual([scene.held, scene.ticker.endings.length, await scene.stored(), scene.faults], [0, 1, 0, 0])
  }
})
