/** sip.js's transport on a carrier of ours: UDP, TCP or WebSocket in Node. */
import { EmitterImpl, type Transport, TransportState } from 'sip.js'
import type { Clock, Flow, Log, Timer } from '../../../../signalling/index.ts'
import { type Carrier, type HostPort, printHost } from './carrier.ts'
import { OutstandingRequests } from './outstanding.ts'

const keepAlive = 60_000 // milliseconds between pings on a connection (RFC 5626 §3.5.1)
const encoder = new TextEncoder() // as browsers have it too
const ping = encoder.encode('\r\n\r\n')

export class SipTransport implements Transport {
  onConnect: (() => void) | undefined
  onDisconnect: ((error?: Error) => void) | undefined
  onMessage: ((message: string) => void) | undefined
  readonly stateChange = new EmitterImpl<TransportState>()
  private readonly carrier: Carrier
  private readonly clock: Clock
  private readonly log: Log
  private readonly outstanding: OutstandingRequests
  private current = TransportState.Disconnected
  private flow: Flow | undefined
  private connecting: Promise<void> | undefined
  private pinging: Timer | undefined

  constructor(carrier: Carrier, clock: Clock, log: Log) {
    this.carrier = carrier
    this.clock = clock
    this.log = log
    this.outstanding = new OutstandingRequests(clock, carrier.protocol !== 'UDP', (text) => this.transmit(text))
  }
  get protocol(): string {
    return this.carrier.protocol
  }
  get state(): TransportState {
    return this.current
  }
  /** Own address, while connected. */
  get local(): HostPort | undefined {
    return this.flow?.local
  }
  isConnected(): boolean {
    return this.current === TransportState.Connected
  }
  connect(): Promise<void> {
    if (this.isConnected()) return Promise.resolve()
    this.connecting ??= this.open().finally(() => {
      this.connecting = undefined
    })
    return this.connecting
  }
  private async open(): Promise<void> {
    this.become(TransportState.Connecting)
    try {
      const flow = await this.carrier.open(this.carrier.server, {
        received: (bytes) => this.received(bytes),
        closed: (why) => this.closed(why),
        refused: (why) => this.outstanding.refused(why),
      })
      if (this.current !== TransportState.Connecting) {
        flow.close() // it was told to disconnect meanwhile
        throw new Error('disconnected')
      }
      this.flow = flow
    } catch (fault) {
      this.become(TransportState.Disconnected)
      throw fault
    }
    this.become(TransportState.Connected)
    if (this.flow.reliable) this.ping()
    this.guarded(() => this.onConnect?.())
  }
  private ping(): void {
    this.pinging = this.clock.after(keepAlive, () => {
      if (this.flow?.send(ping)) this.ping()
    })
  }
  async disconnect(): Promise<void> {
    const { flow } = this
    this.leave()
    if (flow === undefined) return
    flow.close()
    this.outstanding.clear()
    this.guarded(() => this.onDisconnect?.())
  }
  dispose(): Promise<void> {
    return this.disconnect()
  }
  private closed(why: string): void {
    if (this.flow === undefined) return
    this.leave()
    this.outstanding.clear(why)
    this.guarded(() => this.onDisconnect?.(new Error(why)))
  }
  private leave(): void {
    this.flow = undefined
    this.pinging?.cancel()
    this.become(TransportState.Disconnected)
  }
  private become(state: TransportState): void {
    if (this.current === state) return
    this.current = state
    this.guarded(() => this.stateChange.emit(state))
  }

  send(message: string): Promise<void> {
    if (this.flow === undefined) return Promise.reject(new Error('there is no connection'))
    return this.outstanding.send(message)
  }
  private transmit(text: string): void {
    const { flow } = this
    if (flow === undefined) return
    flow.send(encoder.encode(text.startsWith('SIP/2.0 ') ? text : this.withPort(text, flow)))
  }
  private received(bytes: Buffer): void {
    const { flow } = this
    if (flow === undefined) return
    const text = bytes.toString('utf8')
    if (!this.outstanding.admit(text)) return
    this.guarded(() => this.onMessage?.(text.startsWith('SIP/2.0 ') ? this.withoutPort(text, flow) : text))
  }
  /** sip.js knows no port in its Via (and takes no response with one), but a sent-by is where we listen (RFC 3261 §18.1.1). */
  private withPort(text: string, { local }: Flow): string {
    if (this.carrier.protocol === 'WS') return text
    const host = printHost(local.host)
    return text.replace(`/${this.protocol} ${host};`, `/${this.protocol} ${host}:${local.port};`)
  }
  private withoutPort(text: string, { local }: Flow): string {
    if (this.carrier.protocol === 'WS') return text
    const host = printHost(local.host)
    return text.replace(`/${this.protocol} ${host}:${local.port}`, `/${this.protocol} ${host}`)
  }
  /** A message that makes sip.js throw does not end the socket that brought it. */
  private guarded(work: () => void): void {
    try {
      work()
    } catch (fault) {
      this.log.warn({ fault: fault instanceof Error ? fault.stack : String(fault) }, 'sip.js failed on a message')
    }
  }
}
