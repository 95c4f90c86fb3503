/** Address of record -> where it can be reached now (RFC 3261 §10). In memory for reading, in the store for good. */
import type { Flow, Host } from '../../signalling/index.ts'
import { canonical, parseUri, sameUri } from '../../signalling/index.ts'
import { aorOfPart, bindingPart, bindingsPrefix, type ContactBinding } from '../shared/state/contact-binding.ts'
import { Kept } from '../shared/state/kept.ts'
import { enforceTogether, type KeptChange, putTogether } from '../shared/state/kept-change.ts'
import { type BindingPlace, ContactTable, isInPlaceOf, tiedToConnection } from './contact-table.ts'

const none: readonly ContactBinding[] = []
const lastWord = 1000 // milliseconds for which the store says why a binding ended

export class Bindings {
  private readonly host: Host
  private readonly table = new ContactTable()
  private readonly kept: Kept<ContactBinding, BindingPlace>
  /** Bindings as they will be when what is being written is durable, by user: the newest. */
  private readonly coming = new Map<string, readonly ContactBinding[]>()
  private readonly unlisten: () => void

  constructor(host: Host) {
    this.host = host
    this.kept = new Kept<ContactBinding, BindingPlace>(host, {
      prefix: bindingsPrefix(host.name),
      noun: 'a binding',
      partOf: ({ aor, binding }) => bindingPart(aor, binding),
      fromStored: (stored, part) => {
        const binding = stored as ContactBinding
        // those of connections went with the process that held them
        return binding.ended !== undefined || tiedToConnection(binding) ? undefined : [{ aor: aorOfPart(part), binding }, binding]
      },
      expires: ({ expires }) => expires,
      table: this.table,
    })
    host.gauge('users_registered', () => this.table.users)
    this.unlisten = host.flows.onClosed((flow) => this.flowClosed(flow))
  }
  async load(): Promise<void> {
    await this.kept.load()
    this.table.order()
  }
  /** Live bindings; several of one instance oldest first. */
  of(aor: string): readonly ContactBinding[] {
    const bindings = this.table.of(aor)
    if (bindings.length === 0) return bindings
    const now = this.host.clock.date()
    for (let i = 0; i < bindings.length; i++) if (bindings[i]!.expires <= now) return this.prune(aor, bindings, now)
    return bindings
  }
  private prune(aor: string, bindings: readonly ContactBinding[], now: number): readonly ContactBinding[] {
    for (const binding of bindings) if (binding.expires <= now) this.kept.lapse({ aor, binding }, undefined)
    return this.table.of(aor)
  }
  /** Replaces the bindings of a user; resolves when that is durable. False: its user is another by then, and it is over. */
  put(aor: string, before: readonly ContactBinding[], after: readonly ContactBinding[]): Promise<boolean> {
    const changes: KeptChange[] = []
    for (const binding of before)
      if (!after.includes(binding) && !after.some((other) => isInPlaceOf(other, binding)))
        changes.push(this.kept.removing({ aor, binding }))
    for (const binding of after) if (!before.includes(binding)) changes.push(this.kept.putting({ aor, binding }, binding))
    if (changes.length === 0) return Promise.resolve(true)
    this.coming.set(aor, after)
    return this.change(aor, before, after, changes)
  }
  /** Bindings as they will be when all writes under way are durable: the next change starts from these. */
  latest(aor: string): readonly ContactBinding[] {
    return (this.coming.size === 0 ? undefined : this.coming.get(aor)) ?? this.of(aor)
  }
  private async change(
    aor: string,
    before: readonly ContactBinding[],
    after: readonly ContactBinding[],
    changes: readonly KeptChange[],
  ): Promise<boolean> {
    let stands: boolean
    try {
      stands = await putTogether(this.host.store, changes)
    } finally {
      if (this.coming.get(aor) === after) this.coming.delete(aor)
    }
    // its connection may have gone while it was written
    const cutOff = (binding: ContactBinding): boolean => this.isCutOff(binding) && !before.includes(binding)
    if (after.some(cutOff)) this.deactivate(aor, (binding) => this.isCutOff(binding))
    return stands
  }
  private isCutOff(binding: ContactBinding): boolean {
    return tiedToConnection(binding) && this.host.flows.named(binding.flow) === undefined
  }
  /** The user is no subscriber any more: in force at once, even where the store fails. */
  end(aor: string): void {
    const coming = this.coming.get(aor) ?? none
    this.coming.delete(aor)
    this.expel(aor, [...coming, ...this.of(aor).filter((binding) => !coming.some((other) => isInPlaceOf(other, binding)))])
  }
  private expel(aor: string, bindings: readonly ContactBinding[]): void {
    const changes = bindings.map((binding) => this.kept.removing({ aor, binding }))
    void enforceTogether(this.host, changes)
  }
  /** The user's credentials have that name now: bindings by others end. True: there were some. */
  keep(aor: string, credentials: string): boolean {
    const old = (binding: ContactBinding): boolean => binding.credentials !== undefined && binding.credentials !== credentials
    const before = this.of(aor)
    const coming = this.coming.get(aor) ?? none
    this.expel(
      aor,
      coming.filter((binding) => old(binding) && !before.includes(binding)),
    )
    const some = before.some(old)
    if (some) this.deactivate(aor, old)
    return some
  }
  /** Connections that we end ourselves take no bindings away: the next start does. */
  stop(): Promise<void> {
    this.unlisten()
    return this.kept.stop()
  }
  /** A connection's bindings die with it (RFC 5626 §7); the store tells why, and forgets them soon. */
  private flowClosed(flow: Flow): void {
    const name = this.host.flows.nameOf(flow)
    for (const aor of [...this.table.usersBy(name)])
      this.deactivate(aor, (binding) => binding.flow === name && tiedToConnection(binding))
  }
  private deactivate(aor: string, isDead: (binding: ContactBinding) => boolean): void {
    const now = Math.floor(this.host.clock.date())
    const changes: KeptChange[] = []
    for (const binding of this.of(aor).filter(isDead)) {
      const place = { aor, binding }
      if (this.isReplaced(aor, binding)) this.kept.lapse(place, undefined)
      else changes.push(this.kept.removing(place, { ...binding, expires: now + lastWord, ended: 'deactivated' }))
    }
    void enforceTogether(this.host, changes)
  }
  /** Whether another binding in its place is being written, whose stored record stays. */
  private isReplaced(aor: string, old: ContactBinding): boolean {
    return this.coming.get(aor)?.some((binding) => binding !== old && isInPlaceOf(binding, old)) === true
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
    const aor = this.table.userOf(gruu)
    const binding = aor === undefined ? undefined : this.of(aor).find((candidate) => candidate.gruu === gruu)
    return binding && { aor: aor!, instance: binding.instance }
  }
}

/** The same place: by PRID, by instance and registration id (RFC 5626 §6), or else by URI (RFC 3261 §10.3). */
export function sameBinding(a: ContactBinding, b: ContactBinding): boolean {
  const name = a.notification?.name
  const isOneFlow = a.instance === b.instance && (a.regId ?? b.regId) === (b.regId ?? a.regId)
  if (name !== undefined && name === b.notification?.name && isOneFlow) return true
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
