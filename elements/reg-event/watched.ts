/** One watched address of record: its bindings as the store tells them, and the end of each. */
import { type Host, seal, type Timer } from '../../signalling/index.ts'
import type { ContactBinding } from '../shared/state/contact-binding.ts'
import type { ContactEvent, ContactState, RegistrationState } from './reginfo.ts'

const remembered = 20 // contacts that ended

export class WatchedRegistration {
  private readonly host: Host
  private readonly aor: string
  private readonly id: string
  private readonly onChange: (state: RegistrationState) => void
  private readonly active = new Map<string, ContactState>()
  private ended: readonly ContactState[] = []
  private timer: Timer | undefined
  private isDue = false

  /** `told` is called after changes. */
  constructor(host: Host, aor: string, onChange: (state: RegistrationState) => void) {
    this.host = host
    this.aor = aor
    this.id = idOf(aor)
    this.onChange = onChange
  }
  get state(): RegistrationState {
    return { aor: this.aor, id: this.id, active: [...this.active.values()], ended: this.ended }
  }
  /** A binding that the store holds already: nobody saw how it came. */
  found(key: string, binding: ContactBinding): void {
    if (binding.ended === undefined) this.active.set(key, { id: idOf(key), binding, event: 'registered' })
    this.arm()
  }
  /** A change that the store tells; `binding` undefined: its user took it away. */
  changed(key: string, binding: ContactBinding | undefined): void {
    const old = this.active.get(key)
    if (binding === undefined || binding.ended !== undefined) {
      if (old === undefined) return
      this.end(key, old, binding?.ended ?? 'unregistered')
    } else {
      if (old !== undefined && same(old.binding, binding)) return
      this.active.delete(key) // the newest stands last
      this.active.set(key, { id: idOf(key), binding, event: eventOf(old?.binding, binding) })
    }
    this.arm()
    this.tellSoon()
  }
  /** All changes of one request are told at once. */
  private tellSoon(): void {
    if (this.isDue) return
    this.isDue = true
    queueMicrotask(() => {
      this.isDue = false
      this.onChange(this.state)
    })
  }
  private end(key: string, { id, binding }: ContactState, event: ContactEvent): void {
    this.active.delete(key)
    this.ended = [...this.ended.filter((contact) => contact.id !== id), { id, binding, event }].slice(-remembered)
  }
  /** The next end by time, of which the store says nothing. */
  private arm(): void {
    this.timer?.cancel()
    this.timer = undefined
    if (this.active.size === 0) return
    const first = Math.min(...[...this.active.values()].map(({ binding }) => binding.expires))
    this.timer = this.host.clock.after(Math.max(0, first - this.host.clock.date()), () => this.expire())
  }
  private expire(): void {
    const now = this.host.clock.date()
    for (const [key, contact] of this.active) if (contact.binding.expires <= now) this.end(key, contact, 'expired')
    this.arm()
    this.onChange(this.state)
  }
  stop(): void {
    this.timer?.cancel()
  }
}

function eventOf(before: ContactBinding | undefined, after: ContactBinding): ContactEvent {
  if (before === undefined) return 'created'
  return after.expires < before.expires ? 'shortened' : 'refreshed'
}

function same(a: ContactBinding, b: ContactBinding): boolean {
  return a.callId === b.callId && a.cseq === b.cseq && a.expires === b.expires
}

/** A stable identifier that reveals nothing of the name. */
function idOf(text: string): string {
  return `r${seal('reg', text, 12)}`
}
