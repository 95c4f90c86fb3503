/** A bare end of the network in memory: sends whatever bytes it is given, and keeps what comes with its time. */

import type { Flow, HostPort } from '../../signalling/index.ts'
import { SipRequest, SipResponse } from '../../signalling/index.ts'
import type { ManualClock, MemoryNetwork, Transport } from '../../signalling/testing.ts'
import { buildResponse, type ResponseParts } from '../../signalling/testing.ts'
import { scan } from '../../signalling/tools.ts'

export interface Arrival {
  /** Milliseconds of the clock. */
  readonly at: number
  readonly bytes: Buffer
  readonly message: SipRequest | SipResponse | undefined
}

/** Anything of the laboratory that has a network and a clock. */
interface Ground {
  readonly network: MemoryNetwork
  readonly clock: ManualClock
}

export class Wire {
  readonly arrivals: Arrival[] = []
  readonly here: HostPort
  /** Called for each request that comes. */
  onRequest: (request: SipRequest) => void = () => undefined
  private readonly transport: Transport
  private readonly peer: Flow

  private constructor({ network, clock }: Ground, here: HostPort, server: HostPort) {
    this.here = here
    this.transport = network.transport({
      listen: here,
      isTrusted: () => false,
      sink: {
        received: (bytes) => {
          const message = scan(bytes)
          this.arrivals.push({ at: clock.now(), bytes, message })
          if (message instanceof SipRequest) this.onRequest(message)
        },
        closed: () => undefined,
        failed: () => undefined,
      },
    })
    this.peer = this.transport.connect(server)
  }
  static async at(ground: Ground, host: string, port = 5060, server: HostPort = { host: '10.0.0.1', port: 5060 }): Promise<Wire> {
    const wire = new Wire(ground, { host, port }, server)
    await wire.transport.listen()
    return wire
  }
  send(bytes: Uint8Array | string): void {
    this.peer.send(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
  }
  /** Answers a request that came here. */
  answer(request: SipRequest, status: number, parts: ResponseParts = {}): void {
    this.send(buildResponse(request, status, { ...(status > 100 ? { toTag: `at-${this.here.host}` } : {}), ...parts }))
  }
  get requests(): readonly SipRequest[] {
    return this.arrivals.flatMap(({ message }) => (message instanceof SipRequest ? message : []))
  }
  get responses(): readonly SipResponse[] {
    return this.arrivals.flatMap(({ message }) => (message instanceof SipResponse ? message : []))
  }
  /** Status codes that came, in order. */
  get statuses(): readonly number[] {
    return this.responses.map(({ status }) => status)
  }
  /** Received messages, as `METHOD` or status, each with its milliseconds since `origin`. */
  times(origin = 0): readonly (readonly [what: string | number, at: number])[] {
    return this.arrivals.map(
      ({ message, at }) =>
        [message instanceof SipRequest ? message.method : (message?.status ?? 0), Math.round(at - origin)] as const,
    )
  }
  clear(): void {
    this.arrivals.length = 0
  }
}

export interface RequestParts {
  readonly via?: string
  readonly branch?: string
  readonly from?: string
  readonly fromTag?: string
  readonly to?: string
  readonly toTag?: string
  readonly callId?: string
  readonly cseq?: number
  /** Whole header lines without CRLF. */
  readonly lines?: readonly string[]
  readonly body?: string
  /** Coding of the body. Left out: UTF-8; `latin1`: each character is a byte. */
  readonly bodyAs?: 'latin1'
  readonly maxForwards?: number
}

/** A request as a softphone would write it. */
export function requestText(method: string, uri: string, parts: RequestParts = {}): string {
  const {
    via = '10.0.9.9',
    branch = `z9hG4bK-${method}-1`,
    from = 'sip:alice@localhost',
    to = uri,
    callId = 'call-1',
    cseq = 1,
  } = parts
  const lines = [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP ${via};branch=${branch}`,
    `Max-Forwards: ${parts.maxForwards ?? 70}`,
    `From: <${from}>;tag=${parts.fromTag ?? 'from-1'}`,
    `To: <${to}>${parts.toTag === undefined ? '' : `;tag=${parts.toTag}`}`,
    `Call-ID: ${callId}`,
    `CSeq: ${cseq} ${method}`,
    'User-Agent: any softphone of this world',
    ...(parts.lines ?? []),
    `Content-Length: ${Buffer.byteLength(parts.body ?? '', parts.bodyAs)}`,
  ]
  return `${lines.join('\r\n')}\r\n\r\n${parts.body ?? ''}`
}

/** Value of one of a node's metrics; 0 if it is not counted. */
export function metric(node: { metrics(): Iterable<{ readonly name: string; readonly value: number }> }, name: string): number {
  for (const each of node.metrics()) if (each.name === `proxima_${name}`) return each.value
  return 0
}
