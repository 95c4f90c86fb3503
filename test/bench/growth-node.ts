/**
 * One size of `growth`, a process of its own: the node of bench.yaml in memory with so many UEs, fed without sockets, in virtual
 * time. Commands and results by IPC.
 *
 * Each UE has both roles, hears some others and is watched by one subscriber, each 20th by ten. A round is of events at UEs from
 * all over the network; what it sends is built before it begins, and what answering the NOTIFYs costs is taken off.
 */
import { assemble } from '../../dialplans/network/assemble.ts'
import { loadDialplan } from '../../dialplans/network/load.ts'
import { createNode, type Flow, memoryStore, type Node, silent } from '../../signalling/index.ts'
import type { MemoryOptions, Transport, TransportSink } from '../../signalling/testing.ts'
import { ManualClock, MemoryNetwork, seededIds } from '../../signalling/testing.ts'

export type GrowthCommand = { readonly do: 'open'; readonly ues: number } | { readonly do: Work; readonly events: number }

/** `match`: a relation comes or goes, told to one. `fanout`: told to ten, counted by NOTIFY. */
export type Work = 'match' | 'fanout'

export interface GrowthResult {
  /** Microseconds of CPU, of all threads, a match or a NOTIFY. */
  readonly us: number
  readonly notified: number
}

const hears = 4
const watchers = 10 // of each UE of the crowd
const crowdEach = 20
const batches = { match: 400, fanout: 50 } // relations that come before they go again: no two at one UE in a network of 1,000
const pace = 20 // events in 10 ms of virtual time
const domain = 'sip.test'
const peer = { host: '10.0.0.9', port: 5060 }
const here = { host: '10.0.0.1', port: 5060 }

/** The wire to the generator: bytes go straight from the one to the other. */
class Wire extends MemoryNetwork {
  readonly got: (bytes: Uint8Array) => void
  sink!: TransportSink
  flow!: Flow
  constructor(clock: ManualClock, got: (bytes: Uint8Array) => void) {
    super(clock)
    this.got = got
  }
  override carry(...[, , bytes]: Parameters<MemoryNetwork['carry']>): void {
    this.got(bytes)
  }
  override transport(options: MemoryOptions): Transport {
    const transport = super.transport(options)
    this.sink = options.sink
    this.flow = transport.connect(peer)
    return transport
  }
  /** To the node. */
  deliver(bytes: Buffer): void {
    this.sink.received(bytes, this.flow)
  }
}

/** What a round sends: buffers of its own would make V8 collect all of the heap, and count as ours. */
const arena = Buffer.alloc(32 << 20)
let filled = 0
const clock = new ManualClock()
const ids = seededIds(1)
const notifies: Buffer[] = []
const tally = { refused: 0, notified: 0 }
const codes: string[] = []
const wire = new Wire(clock, took)
let node: Node
let serial = 0
let ues = 0
let learning = true
let cursor = 0
let lastNotify: Buffer | undefined

function took(bytes: Uint8Array): void {
  if (bytes[0] !== 0x4e) {
    if (bytes[8] !== 0x32) tally.refused++ // not SIP/2.0 2xx
    return
  }
  tally.notified++
  const notify = Buffer.from(bytes)
  notifies.push(notify)
  lastNotify = notify
  if (learning) learn(notify.toString('latin1'))
}

/** Which code a UE has; the Call-ID says whose word this is. */
function learn(notify: string): void {
  const ue = /^Call-ID: *prose-(\d+)-/im.exec(notify)?.[1]
  const code = /"code":"([0-9a-f]+)"/.exec(notify)?.[1]
  if (ue !== undefined && code !== undefined) codes[Number(ue)] = code
}

function build(method: string, from: string, call: string, lines: readonly string[], body: string): Buffer {
  const via = `Via: SIP/2.0/UDP ${peer.host}:${peer.port};branch=z9hG4bK-g${++serial}`
  const to = `sip:prose@${domain}`
  const head = [`${method} ${to} SIP/2.0`, via, 'Max-Forwards: 70', `From: <sip:${from}@${domain}>;tag=${from}`, `To: <${to}>`]
  const rest = [`Call-ID: ${call}`, `CSeq: 1 ${method}`, ...lines, `Content-Length: ${body.length}`, '', body]
  const start = filled
  filled += arena.write([...head, ...rest].join('\r\n'), start, 'latin1')
  return arena.subarray(start, filled)
}

/** `prose` by the UE, or `proximity` by whoever watches it. */
function subscribe(ue: number, event: 'prose' | 'proximity'): Buffer {
  const type = event === 'prose' ? 'prose-state' : 'proximity-list'
  const contact = `Contact: <sip:u${ue}@${peer.host}:${peer.port}>`
  const accept = `Accept: application/vnd.proxima.${type}+json`
  return build('SUBSCRIBE', `u${ue}`, `${event}-${ue}-${++serial}`, [contact, `Event: ${event}`, accept, 'Expires: 86400'], '')
}

function report(ue: number, heard: readonly number[], lost: readonly number[]): Buffer {
  const at = new Date(clock.date()).toISOString()
  const body = JSON.stringify({
    heard: heard.map((other) => ({ code: codes[other], at, rssi: -60 })),
    ...(lost.length > 0 && { lost: lost.map((other) => codes[other]) }),
  })
  return build('MESSAGE', `u${ue}`, `m${++serial}`, ['Content-Type: application/vnd.proxima.prose-match+json'], body)
}

/** Those lines of a request that its response repeats (RFC 3261 §8.2.6.2). */
function answerTo(request: Buffer): Buffer {
  const text = request.toString('latin1')
  const kept: string[] = []
  for (let at = text.indexOf('\r\n') + 2; ; ) {
    const end = text.indexOf('\r\n', at)
    if (end === at) break
    const line = text.slice(at, end)
    if (/^(?:Via|From|To|Call-ID|CSeq):/.test(line)) kept.push(line)
    at = end + 2
  }
  return Buffer.from(`SIP/2.0 200 OK\r\n${kept.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`, 'latin1')
}

/** Sends all, `pace` in 10 ms, and answers what comes back. */
async function play(requests: readonly Buffer[]): Promise<void> {
  for (let at = 0; at < requests.length || notifies.length > 0; at += pace) {
    for (const notify of notifies.splice(0)) wire.deliver(answerTo(notify))
    for (let i = at; i < Math.min(at + pace, requests.length); i++) wire.deliver(requests[i]!)
    await clock.advance(10)
  }
}

async function open(count: number): Promise<void> {
  ues = count
  const loaded = loadDialplan(new URL('../../dialplans/bench.yaml', import.meta.url).pathname)
  if (loaded.faults !== undefined) throw new Error('bench.yaml has faults')
  const settings: { [element: string]: object } = { prose: { lifetime: 86_000, code: { lifetime: 86_000 } } }
  const elements = loaded.value.elements.map((one) => ({ ...one, settings: { ...one.settings, ...settings[one.name] } }))
  const made = assemble({ ...loaded.value, elements })
  if (made.faults !== undefined) throw new Error('bench.yaml cannot be assembled')
  node = createNode({
    ...{ name: 'growth', clock, ids, log: silent, network: wire, trusted: [], domains: loaded.value.domains },
    ...made.value,
    store: memoryStore(clock),
    listen: [{ transport: 'MEM', ...here }],
  })
  await node.start()
  const everybody = Array.from({ length: ues }, (_, ue) => ue)
  await inParts(everybody, (ue) => subscribe(ue, 'prose'))
  learning = false
  if (codes.length < ues || codes.includes('')) throw new Error('some UE has no code')
  await inParts(everybody, (ue) => report(ue, around(ue), []))
  await inParts(everybody, (ue) => subscribe(ue, 'proximity'))
  const crowd = everybody.filter((ue) => ue % crowdEach === 0)
  for (let more = 1; more < watchers; more++) await inParts(crowd, (ue) => subscribe(ue, 'proximity'))
  if (tally.refused > 0) throw new Error(`${tally.refused} requests were refused`)
}

async function inParts(all: readonly number[], make: (ue: number) => Buffer): Promise<void> {
  for (let at = 0; at < all.length; at += 1000) {
    filled = 0
    await play(all.slice(at, at + 1000).map(make))
  }
}

const around = (ue: number): number[] => Array.from({ length: hears }, (_, i) => (ue + 1 + i) % ues)

/** So many UEs from all over, next time others: of the crowd, or of those that one watches. */
function reporters(work: Work): readonly number[] {
  const count = work === 'match' ? ues - ues / crowdEach : ues / crowdEach
  return Array.from({ length: batches[work] }, () => {
    cursor = (cursor + 7919) % count // a prime, so that everybody's turn comes
    return work === 'fanout' ? cursor * crowdEach : cursor + 1 + Math.floor(cursor / (crowdEach - 1))
  })
}

/** Microseconds of one, by the last NOTIFY that came. */
function costOfAnswers(): number {
  if (lastNotify === undefined) return 0
  const count = 20_000
  const { user, system } = process.cpuUsage()
  for (let i = 0; i < count; i++) answerTo(lastNotify)
  const after = process.cpuUsage()
  return (after.user + after.system - user - system) / count
}

async function round(work: Work, events: number): Promise<GrowthResult> {
  const requests: Buffer[] = []
  filled = 0
  while (requests.length < events) {
    const chosen = reporters(work)
    for (const heard of [true, false]) {
      for (const ue of chosen) {
        const other = [(ue + (ues >> 1)) % ues]
        requests.push(heard ? report(ue, other, []) : report(ue, [], other))
      }
    }
  }
  const before = tally.notified
  const answering = costOfAnswers()
  const start = process.cpuUsage()
  await play(requests)
  const { user, system } = process.cpuUsage(start)
  const notified = tally.notified - before
  const expected = requests.length * (work === 'match' ? 1 : watchers)
  if (notified !== expected || tally.refused > 0)
    throw new Error(`${notified} NOTIFYs instead of ${expected}, ${tally.refused} requests refused`)
  return { us: (user + system - answering * notified) / expected, notified }
}

process.on('message', (command: GrowthCommand) => {
  const work: Promise<unknown> = command.do === 'open' ? open(command.ues) : round(command.do, command.events)
  work.then(
    (result) => process.send!({ result: result ?? {} }),
    (fault: unknown) => process.send!({ error: fault instanceof Error ? (fault.stack ?? fault.message) : String(fault) }),
  )
})
process.on('disconnect', () => process.exit(0))
