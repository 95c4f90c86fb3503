/**
 * Requests that are too long for a datagram (RFC 3261 §18.1.1). They go by TCP where the next hop may be reached so.
 * Else they go as a datagram as far as one carries, and a MESSAGE no further than RFC 3428 §8 lets it.
 */
import type { Clock, Timer } from '../clock.ts'
import { SipRequest, type SipResponse } from '../messages/message.ts'
import { defaultLimits, scan } from '../messages/scan.ts'
import type { Stats } from '../stats.ts'
import type { ClientUser, NotSent } from '../transactions/client.ts'
import type { Cancellable, ServerSide } from '../transactions/server.ts'
import { Backoff } from '../transports/backoff.ts'
import type { FlowTable } from '../transports/flows.ts'
import type { Flow } from '../transports/transport.ts'

/** Bytes that any path is taken to carry in one piece. */
export const shortEnough = 1300

const unprovenAtMost = 4096 // bytes of a NOTIFY to a peer that has answered nothing yet
const connectingAtMost = 64
const patience = 1000 // milliseconds for a connection that the next hop has not promised
const hopeless = 300_000 // milliseconds in which a hop without TCP is not tried so again
const remembered = 100_000

interface LongRequestParts {
  readonly method: string
  /** As it would leave as a datagram. */
  readonly bytes: Buffer
  readonly flow: Flow
  /** A name was looked up, which led to that flow. */
  readonly located: boolean
  readonly user: ClientUser
  /** Sends it over that flow, whose outcome comes to that user. */
  readonly sendBy: (stream: Flow, user: ClientUser) => Cancellable | undefined
  /** Sends it as a datagram. */
  readonly sendHere: () => Cancellable
  /** It will not leave as a datagram. */
  readonly drop: () => void
}

export class LongRequests {
  private readonly clock: Clock
  private readonly flows: FlowTable
  private readonly stats: Stats
  private readonly backoff: Backoff
  private connecting = 0
  private readonly isOtherNode: (flow: Flow) => boolean

  /** @param isOtherNode whether it leads to another node of our network, which knows us by our datagrams alone */
  constructor(clock: Clock, flows: FlowTable, stats: Stats, isOtherNode: (flow: Flow) => boolean) {
    this.isOtherNode = isOtherNode
    this.clock = clock
    this.flows = flows
    this.stats = stats
    this.backoff = new Backoff(clock, remembered)
  }
  send(parts: LongRequestParts): Cancellable {
    if (mayReflect(parts)) return this.refuse(parts, unproven)
    const stream = this.streamFor(parts)
    if (stream === undefined) return this.asDatagram(parts)
    const attempt = new StreamAttempt(parts, stream, {
      done: () => this.connecting--,
      failed: () => {
        this.backoff.failed(placeOf(parts.flow), hopeless)
        return this.asDatagram(parts)
      },
    })
    this.connecting++
    attempt.begin(this.clock)
    return attempt
  }
  private asDatagram(parts: LongRequestParts): Cancellable {
    const why = refusal(parts, isWhole(parts.flow) || this.isOtherNode(parts.flow))
    if (why === undefined) return parts.sendHere()
    this.stats.count('requests_too_long', 1)
    return this.refuse(parts, why)
  }
  private refuse(parts: LongRequestParts, why: NotSent): Cancellable {
    parts.drop()
    return toldSoon(parts.user, why, (task) => this.clock.soon(task))
  }
  /** Only where the URI of the next hop names that very place, and no transport: a NAT passes no connections. */
  private streamFor({ bytes, flow, located }: LongRequestParts): Flow | undefined {
    if (flow.transport !== 'UDP' || this.connecting >= connectingAtMost || this.backoff.avoids(placeOf(flow))) return undefined
    if (this.isOtherNode(flow)) return undefined
    const request = scan(bytes)
    if (!(request instanceof SipRequest)) return undefined
    const uri = request.routes?.[0]?.uri ?? request.uri
    const { host, port } = flow.remote
    const names = located || ((uri.parameters.get('maddr') ?? uri.host) === host && (uri.port || 5060) === port)
    return names && !uri.parameters.has('transport') ? this.flows.to('TCP', flow.remote) : undefined
  }
}

/** Tells who sends to an element of this node that it is more than anybody takes; undefined: it is not. */
export function refuseTooLong({ length }: Buffer, user: ClientUser, soon: (task: () => void) => void): Cancellable | undefined {
  const excess = length - defaultLimits.size
  if (excess <= 0) return undefined
  return toldSoon(user, { status: 513, text: `a request of ${length} bytes is more than anybody takes`, excess }, soon)
}

/** A request that does not leave: its user hears why, unless it is withdrawn before. */
function toldSoon(user: ClientUser, why: NotSent, soon: (task: () => void) => void): Cancellable {
  let isAwaited = true
  soon(() => {
    if (isAwaited) user.onNoResponse(503, why)
  })
  return {
    cancel: () => undefined,
    withdraw: () => {
      isAwaited = false
    },
  }
}

function placeOf({ remote }: Flow): string {
  return `${remote.host}|${remote.port}`
}

/** Undefined: it may leave as a datagram. @param whole the path is known to carry any */
function refusal({ bytes, flow, method }: LongRequestParts, whole: boolean): NotSent | undefined {
  const { length } = bytes
  if (flow.longest !== undefined && length > flow.longest) {
    const text = `a request of ${length} bytes is more than a datagram carries: be reached by TCP, TLS or WebSocket`
    return { status: 513, text, excess: length - flow.longest }
  }
  if (method !== 'MESSAGE' || whole) return undefined
  return { status: 513, text: `a MESSAGE of ${length} bytes goes by TCP, TLS or WebSocket alone, which the next hop lacks` }
}

const unproven: NotSent = { status: 503, text: 'the peer has answered nothing yet', unproven: true }

/** A notification of ours that would be an amplification if its subscriber were not there. A fetch has but one. */
function mayReflect({ bytes, flow, method, user }: LongRequestParts): boolean {
  if (method !== 'NOTIFY' || bytes.length <= unprovenAtMost || flow.proven !== false || flow.trusted) return false
  return user.waits === true
}

/** The path carries any datagram in one piece: it leaves no machine. */
function isWhole({ transport, remote }: Flow): boolean {
  return transport === 'MEM' || remote.host.startsWith('127.') || remote.host === '::1'
}

/** By TCP, and by the datagram if there is none. */
class StreamAttempt implements ClientUser {
  private readonly parts: LongRequestParts
  private readonly stream: Flow
  private readonly ways: { readonly done: () => void; readonly failed: () => Cancellable }
  private handle: Cancellable | undefined = undefined
  private timer: Timer | undefined = undefined
  private over = false
  private cancelled = false

  constructor(parts: LongRequestParts, stream: Flow, ways: StreamAttempt['ways']) {
    this.parts = parts
    this.stream = stream
    this.ways = ways
  }
  get origin(): ServerSide | undefined {
    return this.parts.user.origin
  }
  begin(clock: Clock): void {
    this.timer = clock.after(patience, () => {
      if (this.stream.connecting === true) this.stream.close()
      else this.end()
    })
    this.handle = this.parts.sendBy(this.stream, this)
    if (this.handle === undefined) this.fallBack()
  }
  onResponse(response: SipResponse): void {
    this.end()
    this.parts.user.onResponse(response)
  }
  onNoResponse(status: 408 | 503, why?: NotSent): void {
    if (this.stream.connecting === true && !this.cancelled) return this.fallBack()
    this.end()
    this.parts.user.onNoResponse(status, why)
  }
  cancel(reasons?: readonly string[]): void {
    this.cancelled = true
    this.handle?.cancel(reasons)
  }
  withdraw(): void {
    this.end()
    this.handle?.withdraw()
  }
  private fallBack(): void {
    this.timer?.cancel()
    if (this.over) return
    this.over = true
    this.ways.done()
    this.handle = this.ways.failed()
  }
  /** The connection stands, or it is no use to wait for it. */
  private end(): void {
    this.timer?.cancel()
    if (this.over) return
    this.over = true
    this.ways.done()
    this.parts.drop()
  }
}
