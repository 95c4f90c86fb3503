/** Address of record -> where it can be reached now (RFC 3261 §10). In memory for reading, in the store for good. */
import type { Flow, Host, Json, Store, Write } from '../../signalling/index.ts'
import { parseUri, sameUri } from '../../signalling/index.ts'

export interface Binding {
  readonly [member: string]: Json | undefined
  /** Contact URI as registered. */
  readonly contact: string
  /** The Contact value as it is echoed: brackets and parameters, without `expires`. */
  readonly echo: string
  readonly q: number
  /** `+sip.instance` and `reg-id` (RFC 5626), where given. */
  readonly instance?: string
  readonly callId: string
  readonly cseq: number
  /** Milliseconds since the epoch. */
  readonly expires: number
  /** Name of the flow it was registered on. */
  readonly flow: string
  /** Path values (RFC 3327), topmost first. */
  readonly path?: readonly string[]
}

const none: readonly Binding[] = []

export class Bindings {
  private readonly store: Store
  private readonly host: Host
  private readonly prefix: string
  private readonly table = new Map<string, readonly Binding[]>()
  /** Contacts and users of a connection, which is the only way to them. */
  private readonly byFlow = new Map<string, Set<string>>()
  private readonly byContact = new Map<string, string>()

  constructor(host: Host) {
    this.host = host
    this.store = host.store
    this.prefix = `bindings/${host.name}/`
    host.gauge('users_registered', () => this.table.size)
    host.flows.onClosed((flow) => this.flowClosed(flow))
  }
  async load(): Promise<void> {
    for await (const [key, entry] of this.store.scan(this.prefix)) {
      const aor = decodeURIComponent(key.slice(this.prefix.length, key.lastIndexOf('/')))
      this.place(aor, [...(this.table.get(aor) ?? none), entry.value as Binding])
    }
  }
  /** Live bindings. */
  of(aor: string): readonly Binding[] {
    const bindings = this.table.get(aor)
    if (bindings === undefined) return none
    const now = this.host.clock.date()
    for (let i = 0; i < bindings.length; i++) if (bindings[i]!.expires <= now) return this.prune(aor, bindings, now)
    return bindings
  }
  private prune(aor: string, bindings: readonly Binding[], now: number): readonly Binding[] {
    const live = bindings.filter(({ expires }) => expires > now)
    this.place(aor, live)
    return live
  }
  /** Replaces the bindings of a user; resolves when that is durable. */
  async put(aor: string, before: readonly Binding[], after: readonly Binding[]): Promise<void> {
    const writes: Write[] = []
    for (const binding of before) {
      if (!after.some((other) => sameBinding(binding, other))) writes.push({ key: this.key(aor, binding), delete: true })
    }
    for (const binding of after) {
      if (!before.includes(binding)) writes.push({ key: this.key(aor, binding), value: binding, expires: binding.expires })
    }
    this.place(aor, after)
    if (writes.length === 0) return
    try {
      await this.store.write(writes)
    } catch (fault) {
      if (this.table.get(aor) === after) this.place(aor, before) // carried out as a whole or not at all
      throw fault
    }
  }
  private key(aor: string, binding: Binding): string {
    const id = binding.instance ?? binding.contact
    return `${this.prefix}${encodeURIComponent(aor)}/${encodeURIComponent(id).slice(0, 400)}`
  }
  private place(aor: string, bindings: readonly Binding[]): void {
    for (const binding of this.table.get(aor) ?? none) this.unlink(binding, aor)
    if (bindings.length === 0) {
      this.table.delete(aor)
      return
    }
    this.table.set(aor, bindings)
    for (const binding of bindings) this.link(binding, aor)
  }
  private link({ flow, contact }: Binding, aor: string): void {
    if (flow.includes('|')) return // a datagram peer needs no index
    this.byContact.set(contact, aor)
    const users = this.byFlow.get(flow)
    if (users === undefined) this.byFlow.set(flow, new Set([aor]))
    else users.add(aor)
  }
  private unlink({ flow, contact }: Binding, aor: string): void {
    if (flow.includes('|')) return
    if (this.byContact.get(contact) === aor) this.byContact.delete(contact)
    const users = this.byFlow.get(flow)
    users?.delete(aor)
    if (users?.size === 0) this.byFlow.delete(flow)
  }
  /** A connection's bindings die with it (RFC 5626 §7). */
  private flowClosed(flow: Flow): void {
    const name = this.host.flows.nameOf(flow)
    for (const aor of [...(this.byFlow.get(name) ?? [])]) {
      const before = this.of(aor)
      this.put(
        aor,
        before,
        before.filter((binding) => binding.flow !== name),
      ).catch((fault: unknown) =>
        this.host.log.error({ fault: String(fault), aor }, 'the store failed; a dead binding stays in it'),
      )
    }
  }
  /** The open flow by which that Contact URI can be reached now: its user may have come back on another connection. */
  flowOfContact(contact: string): Flow | undefined {
    const aor = this.byContact.get(contact)
    const binding = aor === undefined ? undefined : this.of(aor).find((candidate) => candidate.contact === contact)
    return binding && this.host.flows.named(binding.flow)
  }
}

/** The same place, by instance and registration id (RFC 5626 §6) or else by URI (RFC 3261 §10.3). */
export function sameBinding(a: Binding, b: Binding): boolean {
  if (a.instance !== undefined || b.instance !== undefined) return a.instance === b.instance
  if (a.contact === b.contact) return true
  const left = parseUri(a.contact)
  const right = parseUri(b.contact)
  return left !== undefined && right !== undefined && sameUri(left, right)
}
