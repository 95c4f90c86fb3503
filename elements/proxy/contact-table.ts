/** Bindings in force: a list for each address of record, which takes little room, found by connection and temporary GRUU too. */
import { isNameOfConnection } from '../../signalling/index.ts'
import type { ContactBinding } from '../shared/state/contact-binding.ts'
import type { RecordTable } from '../shared/state/records-in-force.ts'
import { SetIndex } from '../shared/state/set-index.ts'

/** Place of a binding, which any other in that place has too. */
export interface BindingPlace {
  readonly aor: string
  readonly binding: ContactBinding
}

const none: readonly ContactBinding[] = []

export class ContactTable implements RecordTable<BindingPlace, ContactBinding> {
  private readonly lists = new Map<string, readonly ContactBinding[]>()
  /** Users of a connection, which is the only way to them. */
  private readonly byFlow = new SetIndex<string, string>()
  /** The registration that a temporary GRUU names. */
  private readonly byGruu = new Map<string, string>()
  size = 0

  get users(): number {
    return this.lists.size
  }

  /** The newest last. */
  of(aor: string): readonly ContactBinding[] {
    return this.lists.get(aor) ?? none
  }

  usersBy(flow: string): Iterable<string> {
    return this.byFlow.of(flow)
  }

  userOf(gruu: string): string | undefined {
    return this.byGruu.get(gruu)
  }

  get({ aor, binding }: BindingPlace): ContactBinding | undefined {
    return this.of(aor).find((other) => isInPlaceOf(other, binding))
  }

  set({ aor }: BindingPlace, binding: ContactBinding): void {
    const before = this.of(aor)
    const isAlone = before.length === 0 || (before.length === 1 && isInPlaceOf(before[0]!, binding)) // as most are
    this.place(aor, isAlone ? [binding] : [...before.filter((other) => !isInPlaceOf(other, binding)), binding])
  }

  delete({ aor, binding }: BindingPlace): boolean {
    const before = this.of(aor)
    const after = before.filter((other) => !isInPlaceOf(other, binding))
    if (after.length === before.length) return false
    this.place(aor, after)
    return true
  }

  *entries(): Iterable<readonly [BindingPlace, ContactBinding]> {
    for (const [aor, bindings] of this.lists) for (const binding of bindings) yield [{ aor, binding }, binding]
  }

  clear(): void {
    this.lists.clear()
    this.byFlow.clear()
    this.byGruu.clear()
    this.size = 0
  }

  /** Puts the newest of each list last, as they came before they were stored. */
  order(): void {
    for (const [aor, bindings] of this.lists)
      if (bindings.length > 1)
        this.lists.set(
          aor,
          bindings.toSorted((a, b) => (a.at ?? 0) - (b.at ?? 0)),
        )
  }

  private place(aor: string, after: readonly ContactBinding[]): void {
    const before = this.of(aor)
    for (const binding of before) this.unlink(binding, aor)
    this.size += after.length - before.length
    if (after.length === 0) this.lists.delete(aor)
    else this.lists.set(aor, after)
    for (const binding of after) this.link(binding, aor)
  }

  private link(binding: ContactBinding, aor: string): void {
    if (binding.gruu !== undefined) this.byGruu.set(binding.gruu, aor)
    if (tiedToConnection(binding)) this.byFlow.add(binding.flow, aor) // a datagram peer needs no index
  }

  private unlink(binding: ContactBinding, aor: string): void {
    if (binding.gruu !== undefined) this.byGruu.delete(binding.gruu)
    if (tiedToConnection(binding)) this.byFlow.delete(binding.flow, aor)
  }
}

/** Whether one takes the place of the other, in the store too: the same instance by the same flow of it, or the same Contact. */
export function isInPlaceOf(a: ContactBinding, b: ContactBinding): boolean {
  return a === b || ((a.regId ?? a.contact) === (b.regId ?? b.contact) && (a.instance ?? '') === (b.instance ?? ''))
}

/**
 * Lives with a connection: no datagram peer, none that is of its Contact, none behind a proxy that gave its Path. One that can
 * be woken outlives it: its device is asleep (SPEC §5.8).
 */
export function tiedToConnection({ flow, notification, ofContact, path }: ContactBinding): boolean {
  return path === undefined && ofContact !== true && notification?.name === undefined && isNameOfConnection(flow)
}
