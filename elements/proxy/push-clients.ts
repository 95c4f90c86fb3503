/** Push clients that registered one identifier by this proxy (SPEC §5.1): others' here, and ours, here or through a peer. */
import { type Flow, type FlowName, type Host, isNameOfConnection, type Json } from '../../signalling/index.ts'
import { keyPart } from '../shared/identifiers/keys.ts'
import { Kept } from '../shared/state/kept.ts'
import { putTogether } from '../shared/state/kept-change.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'

/** One registration of an identifier by one device. */
export interface PushClient {
  readonly [member: string]: Json | undefined
  /** Canonical key of the Push identifier. */
  readonly identifier: string
  /** A `+sip.instance`, else what wakes it, else a Contact: never with its `pn-*`. */
  readonly device: string
  /** Canonical keys of what its registrar associates with it: the identifier, and the address of record. */
  readonly names: readonly string[]
  /** The flow that it is behind; absent: it is in the network of `peer`, or behind a base station. */
  readonly flow?: FlowName
  readonly peer?: string
  /** Address of record of a subscriber of ours, and the name of his credentials; absent: he is another operator's. */
  readonly subscriber?: string
  readonly credentials?: string
  /** Milliseconds since the epoch. */
  readonly expires: number
}

const partOf = ({ device, identifier }: Pick<PushClient, 'device' | 'identifier'>): string =>
  `${keyPart(identifier)}/${keyPart(device)}`

/** Push host of an identifier. */
function homeOf(identifier: string): string {
  return identifier.slice(identifier.lastIndexOf('@') + 1)
}

const mostVisitors = 10_000 // of one Push host

export class PushClients {
  private readonly host: Host
  private readonly kept: Kept<PushClient>
  private readonly byFlow: RecordSets<PushClient>
  private readonly byName: RecordSets<PushClient>
  private readonly bySubscriber: RecordSets<PushClient>
  private readonly byHome: RecordSets<PushClient>
  private readonly unlisten: () => void

  constructor(host: Host) {
    this.host = host
    this.kept = new Kept<PushClient>(host, {
      prefix: `push-clients/${host.name}/`,
      noun: 'a Push client',
      partOf: (part) => part,
      fromStored: (stored, part) => {
        const client = stored as PushClient
        const isGone = client.flow !== undefined && isNameOfConnection(client.flow) // with the process that held it
        return isGone ? undefined : [part, client]
      },
      expires: ({ expires }) => expires,
      ended: 'lapse',
    })
    this.byFlow = this.kept.setIndex(({ flow }) => (flow === undefined ? [] : [flow]))
    this.byName = this.kept.setIndex(({ names }) => names)
    this.bySubscriber = this.kept.setIndex(({ subscriber }) => (subscriber === undefined ? [] : [subscriber]))
    this.byHome = this.kept.setIndex(({ identifier, subscriber }) => (subscriber === undefined ? [homeOf(identifier)] : []))
    host.gauge('push_clients', () => this.kept.size)
    this.unlisten = host.flows.onClosed((flow) => this.expel([...this.byFlow.of(host.flows.nameOf(flow))]))
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  stop(): Promise<void> {
    this.unlisten()
    return this.kept.stop()
  }
  /** Changes of one REGISTER, all or nothing; resolves when durable. One that is over already is removed. */
  async change(clients: readonly PushClient[]): Promise<void> {
    const now = this.host.clock.date()
    const changes = clients.flatMap((client) => {
      const part = partOf(client)
      if (client.expires > now) return [this.kept.putting(part, client)]
      const known = this.kept.get(part) // it may be elsewhere by now
      return known === undefined || known.flow !== client.flow || known.peer !== client.peer ? [] : [this.kept.removing(part)]
    })
    if (changes.length > 0) await putTogether(this.host.store, changes)
  }

  /** The client behind a flow that has such a name. */
  behind(flow: Flow, name: string): PushClient | undefined {
    const clients = this.byFlow.of(this.host.flows.nameOf(flow))
    for (const client of clients) if (client.names.includes(name) && this.isLive(client)) return client
    return undefined
  }
  /** Whether a Push host has as many users here as it may have: its operator alone says who they are. */
  isFull(home: string): boolean {
    return this.byHome.of(home).size >= mostVisitors
  }
  /** Whether another operator's user of that name is registered here. */
  isVisiting(name: string): boolean {
    for (const client of this.byName.of(name)) if (client.subscriber === undefined && this.isLive(client)) return true
    return false
  }
  /** Whether a Push identifier of ours is registered through that peer. */
  isThrough(peer: string, identifier: string): boolean {
    for (const client of this.byName.of(identifier))
      if (client.identifier === identifier && client.peer === peer && this.isLive(client)) return true
    return false
  }
  /** Live registrations of a subscriber of ours. */
  of(subscriber: string): readonly PushClient[] {
    return [...this.bySubscriber.of(subscriber)].filter((client) => this.isLive(client))
  }
  /** The credentials of a subscriber have that name now; undefined: there is no such subscriber any more. */
  keep(subscriber: string, credentials: string | undefined): void {
    const clients = [...this.bySubscriber.of(subscriber)]
    this.expel(clients.filter((client) => client.credentials !== undefined && client.credentials !== credentials))
  }
  /** Devices of a subscriber have registered otherwise, and are there now. */
  moved(subscriber: string, devices: readonly string[]): void {
    this.expel([...this.bySubscriber.of(subscriber)].filter(({ device }) => devices.includes(device)))
  }
  private expel(clients: readonly PushClient[]): void {
    for (const client of clients) void this.kept.expel(partOf(client))
  }
  private isLive(client: PushClient): boolean {
    return client.expires > this.host.clock.date() && this.isThere(client)
  }
  private isThere({ flow }: PushClient): boolean {
    return flow === undefined || this.host.flows.named(flow) !== undefined
  }
}
