/** Flow of a request that an edge proxy of ours has passed on: nobody vouches for its sender, though the flow is a trusted one. */
import type { TransportName } from '../capture/tap.ts'
import type { Flow, HostPort } from './transport.ts'

/** One a request: what is noted on it holds for no other sender behind that edge. */
export class PassedOnFlow implements Flow {
  readonly id: string
  readonly transport: TransportName
  readonly reliable: boolean
  readonly local: HostPort
  readonly sentBy: HostPort | undefined
  readonly remote: HostPort
  readonly trusted = false
  readonly passedOn = true
  readonly askedName: string | undefined
  readonly dialled: boolean
  readonly internal: boolean
  identity: string | undefined = undefined
  private readonly flow: Flow

  constructor(flow: Flow) {
    this.id = flow.id
    this.transport = flow.transport
    this.reliable = flow.reliable
    this.local = flow.local
    this.sentBy = flow.sentBy
    this.remote = flow.remote
    this.askedName = flow.askedName
    this.dialled = flow.dialled === true
    this.internal = flow.internal === true
    this.flow = flow
  }
  get open(): boolean {
    return this.flow.open
  }
  send(bytes: Uint8Array): boolean {
    return this.flow.send(bytes)
  }
  close(): void {}
}
