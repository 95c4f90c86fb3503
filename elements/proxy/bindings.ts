/** Address of record -> where it can be reached now (RFC 3261 §10). In memory for reading, in the store for good. */
import type { Flow, Host, Store, StoreWrite } from '../../signalling/index.ts'
import { canonical, isNameOfConnection, parseUri, sameUri } from '../../signalling/index.ts'
import { aorOfKey, bindingKey, bindingsPrefix, type ContactBinding } from '../shared/state/bindings.ts'

const none: readonly ContactBinding[] = []
const lastWord = 1000 // milliseconds for which the store says why a binding ended

export class Bindings {
  private readonly store: Store
  private readonly host: Host
  private readonly table = new Map<string, readonly ContactBinding[]>()
  /** Users of a connection, which is the only way to them. */
  private readonly byFlow = new Map<string, Set<string>>()
  /** Bindings that are being written, by user: the newest. */
  private readonly coming = new Map<string, readonly ContactBinding[]>()
  /** Bindings that ended while they were being written. */
  private readonly over = new WeakSet<ContactBinding>()
  private stopped = false
  /** The registration that a temporary GRUU names. */
  private readonly byGruu = new Map<string, string>()

  constructor(host: Host) {
    this.host = host
    this.store = host.store
    host.gauge('users_registered', () => this.table.size)
    host.flows.onClosed((flow) => this.flowClosed(flow))
  }
  /** Takes up the stored bindings, without those of connections, which went with the process that held them. */
  async load(): Promise<void> {
    const prefix = bindingsPrefix(this.host.name)
    const gone: StoreWrite[] = []
    for await (const [key, entry] of this.store.scan(prefix)) {
      const binding = entry.value as ContactBinding
      const aor = aorOfKey(key, prefix)
      if (tiedToConnection(binding)) gone.push({ key, delete: true })
      else this.add(aor, binding)
    }
    if (gone.length > 0) await this.store.write(gone)
  }
  /** One that was stored: most users have one. */
  private add(aor: string, binding: ContactBinding): void {
    const others = this.table.get(aor)
    this.table.set(aor, others === undefined ? [binding] : inOrder([...others, binding]))
    this.link(binding, aor)
  }
  /** Live bindings; several of one instance oldest first. */
  of(aor: string): readonly ContactBinding[] {
    const bindings = this.table.get(aor)
    if (bindings === undefined) return none
    const now = this.host.clock.date()
    for (let i = 0; i < bindings.length; i++) if (bindings[i]!.expires <= now) return this.prune(aor, bindings, now)
    return bindings
  }
  private prune(aor: string, bindings: readonly ContactBinding[], now: number): readonly ContactBinding[] {
    const live = bindings.filter(({ expires }) => expires > now)
    this.place(aor, live)
    return live
  }
  /** Replaces the bindings of a user; resolves when that is durable. False: its user is another by then, and it is over. */
  put(aor: string, before: readonly ContactBinding[], after: readonly ContactBinding[]): Promise<boolean> {
    const writes: StoreWrite[] = []
    for (const binding of before) {
      if (after.includes(binding)) continue
      const key = this.key(aor, binding)
      if (!after.some((other) => this.key(aor, other) === key)) writes.push({ key, delete: true })
    }
    for (const binding of after) {
      if (!before.includes(binding)) writes.push({ key: this.key(aor, binding), value: binding, expires: binding.expires })
    }
    if (writes.length > 0) this.coming.set(aor, after)
    return this.change(aor, before, after, writes)
  }
  /** Bindings as they will be when all writes under way are durable: the next change starts from these. */
  latest(aor: string): readonly ContactBinding[] {
    return (this.coming.size === 0 ? undefined : this.coming.get(aor)) ?? this.of(aor)
  }
  /** Durable, and then in force; nothing has changed where it rejects. */
  private async change(
    aor: string,
    before: readonly ContactBinding[],
    after: readonly ContactBinding[],
    writes: StoreWrite[],
  ): Promise<boolean> {
    if (writes.length === 0) {
      this.place(aor, after)
      return true
    }
    try {
      await this.store.write(writes)
    } finally {
      if (this.coming.get(aor) === after) this.coming.delete(aor)
    }
    const now = this.of(aor)
    const written = after.filter((binding) => !before.includes(binding))
    const lost = written.filter((binding) => this.over.has(binding))
    const come = lost.length === 0 ? written : written.filter((binding) => !this.over.has(binding))
    if (now === before && lost.length === 0) this.place(aor, after)
    else {
      // others have come or gone meanwhile
      const gone = before.filter((binding) => !after.includes(binding))
      const keys = come.map((binding) => this.key(aor, binding))
      const rest = now.filter((binding) => !gone.includes(binding) && !keys.includes(this.key(aor, binding)))
      this.place(aor, [...rest, ...come])
    }
    // its connection may have gone while it was written
    if (come.some((binding) => this.isCutOff(binding))) this.deactivate(aor, (binding) => this.isCutOff(binding))
    if (lost.length > 0) this.forget(aor, lost)
    return lost.length === 0
  }
  private isCutOff(binding: ContactBinding): boolean {
    return tiedToConnection(binding) && this.host.flows.named(binding.flow) === undefined
  }
  /** The user is no subscriber any more: in force at once, even where the store fails. */
  end(aor: string): void {
    this.endComing(aor, () => true)
    this.coming.delete(aor)
    const ended = this.of(aor)
    this.place(aor, none)
    this.forget(aor, ended)
  }
  private endComing(aor: string, isOld: (binding: ContactBinding) => boolean): void {
    for (const binding of this.coming.get(aor) ?? none) if (isOld(binding)) this.over.add(binding)
  }
  /** A binding that has replaced one of them meanwhile stays. */
  private forget(aor: string, ended: readonly ContactBinding[]): void {
    const writes = ended
      .filter((binding) => !this.isReplaced(aor, binding))
      .map((binding) => ({ key: this.key(aor, binding), delete: true }) as const)
    if (writes.length === 0) return
    this.store
      .write(writes)
      .catch((fault: unknown) =>
        this.host.log.error({ fault: String(fault), aor }, 'the store failed; the bindings of one who has gone stay in it'),
      )
  }
  /** The user's credentials have that name now: bindings by others end. True: there were some. */
  keep(aor: string, credentials: string): boolean {
    const old = (binding: ContactBinding): boolean => binding.credentials !== undefined && binding.credentials !== credentials
    this.endComing(aor, old)
    const some = this.of(aor).some(old)
    if (some) this.deactivate(aor, old)
    return some
  }
  private key(aor: string, binding: ContactBinding): string {
    return bindingKey(this.host.name, aor, binding)
  }
  private place(aor: string, bindings: readonly ContactBinding[]): void {
    for (const binding of this.table.get(aor) ?? none) this.unlink(binding, aor)
    if (bindings.length === 0) {
      this.table.delete(aor)
      return
    }
    this.table.set(aor, bindings)
    for (const binding of bindings) this.link(binding, aor)
  }
  private link(binding: ContactBinding, aor: string): void {
    if (binding.gruu !== undefined) this.byGruu.set(binding.gruu, aor)
    if (!tiedToConnection(binding)) return // a datagram peer needs no index
    const users = this.byFlow.get(binding.flow)
    if (users === undefined) this.byFlow.set(binding.flow, new Set([aor]))
    else users.add(aor)
  }
  private unlink(binding: ContactBinding, aor: string): void {
    if (binding.gruu !== undefined) this.byGruu.delete(binding.gruu)
    if (!tiedToConnection(binding)) return
    const users = this.byFlow.get(binding.flow)
    users?.delete(aor)
    if (users?.size === 0) this.byFlow.delete(binding.flow)
  }
  /** Connections that we end ourselves take no bindings away: the next start does. */
  stop(): void {
    this.stopped = true
  }
  /** A connection's bindings die with it (RFC 5626 §7); the store tells why, and forgets them soon. */
  private flowClosed(flow: Flow): void {
    if (this.stopped) return
    const name = this.host.flows.nameOf(flow)
    for (const aor of [...(this.byFlow.get(name) ?? [])])
      this.deactivate(aor, (binding) => binding.flow === name && tiedToConnection(binding))
  }
  private deactivate(aor: string, isDead: (binding: ContactBinding) => boolean): void {
    const before = this.of(aor)
    const dead = before.filter(isDead)
    const now = Math.floor(this.host.clock.date())
    const writes = dead
      .filter((binding) => !this.isReplaced(aor, binding))
      .map((binding) => ({
        key: this.key(aor, binding),
        value: { ...binding, expires: now, ended: 'deactivated' } satisfies ContactBinding,
        expires: now + lastWord,
      }))
    this.place(
      aor,
      before.filter((binding) => !dead.includes(binding)),
    )
    this.store
      .write(writes)
      .catch((fault: unknown) =>
        this.host.log.error({ fault: String(fault), aor }, 'the store failed; a dead binding stays in it'),
      )
  }
  /** Whether another binding in its place is being written, whose stored record stays. */
  private isReplaced(aor: string, old: ContactBinding): boolean {
    const key = this.key(aor, old)
    return this.coming.get(aor)?.some((binding) => binding !== old && this.key(aor, binding) === key) === true
  }
  /** By its connection while that stands, else by a new one; undefined: there is no way to it. */
  flowOf({ flow, dial }: ContactBinding): Flow | undefined {
    const { flows } = this.host
    return flows.named(flow) ?? (dial === undefined ? undefined : flows.named(dial))
  }
  /**
   * The open flow by which a Contact of that user is registered now: of several the one called `usual`, else the newest.
   * Only this user's bindings are searched, since a Contact is freely chosen.
   */
  flowOfContact(aor: string, contact: string, usual: string): Flow | undefined {
    const bindings = this.of(aor)
    if (bindings.every(({ flow, dial }) => flow === usual && dial === undefined))
      // the usual case
      return bindings.length === 0 ? undefined : this.host.flows.named(usual)
    return this.flowAt(bindings, usual, contact, sameContact) ?? this.flowAt(bindings, usual, contact, samePlace)
  }
  private flowAt(
    bindings: readonly ContactBinding[],
    usual: string,
    contact: string,
    isSame: (a: string, b: string) => boolean,
  ): Flow | undefined {
    let found: Flow | undefined
    for (const binding of bindings) {
      if (binding.path !== undefined || !isSame(binding.contact, contact)) continue
      const flow = this.flowOf(binding)
      if (flow !== undefined && binding.flow === usual) return flow
      found = flow ?? found
    }
    return found
  }
  /** The user whose live registration has that name in temporary GRUUs, and its instance. */
  ofGruu(gruu: string): { readonly aor: string; readonly instance: string | undefined } | undefined {
    const aor = this.byGruu.get(gruu)
    const binding = aor === undefined ? undefined : this.of(aor).find((candidate) => candidate.gruu === gruu)
    return binding && { aor: aor!, instance: binding.instance }
  }
}

/** Lives with a connection: no datagram peer, none that is of its Contact, none behind a proxy that gave its Path. */
function tiedToConnection({ flow, path, ofContact }: ContactBinding): boolean {
  return path === undefined && ofContact !== true && isNameOfConnection(flow)
}

function inOrder(bindings: readonly ContactBinding[]): readonly ContactBinding[] {
  return bindings.toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0))
}

/** The same place: by instance and registration id (RFC 5626 §6), or else by URI (RFC 3261 §10.3). */
export function sameBinding(a: ContactBinding, b: ContactBinding): boolean {
  if (a.regId !== undefined && b.regId !== undefined) return a.regId === b.regId && a.instance === b.instance
  if (a.instance !== b.instance && a.instance !== undefined && b.instance !== undefined) return false
  return sameContact(a.contact, b.contact)
}

/** The same user, host and port: some clients give other parameters in a dialog than in their REGISTER. */
function samePlace(a: string, b: string): boolean {
  const left = parseUri(a)
  const right = parseUri(b)
  if (left === undefined || right === undefined || (left.port || 5060) !== (right.port || 5060)) return false
  return canonical(left) === canonical(right)
}

/** RFC 3261 §19.1.4. */
export function sameContact(a: string, b: string): boolean {
  if (a === b) return true
  const left = parseUri(a)
  const right = parseUri(b)
  return left !== undefined && right !== undefined && sameUri(left, right)
}
