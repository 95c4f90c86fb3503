/**
 * Subscribers named by settings (SPEC §2.1): the identifier by which elements know each of them, kept true while aliases
 * come and go. A name that nobody has stands for itself.
 */
import type { Host, Timer } from '../../../signalling/index.ts'
import type { SubscriberRecord } from '../../schemas/index.ts'
import type { Subscribers } from '../clients/subscribers.ts'
import { Waiters } from '../state/waiters.ts'
import { isNameOf, namesOf } from './devices.ts'

const atATime = 32
const retryAfter = 1000 // milliseconds

export class NamedSubscribers {
  private readonly host: Host
  private readonly subscribers: Subscribers
  private readonly changed: () => void
  private readonly required: boolean
  private readonly waiting: Waiters
  private names: ReadonlySet<string> = new Set()
  private readonly owners = new Map<string, string>()
  /** Of which the HSS has not spoken yet. */
  private readonly unknown = new Set<string>()
  private readonly toAsk = new Set<string>()
  private asking = 0
  private retry: Timer | undefined
  private stopped = false

  /**
   * @param changed some name stands for another subscriber than before
   * @param required false: without an answer of the HSS a name stands for itself
   */
  constructor(host: Host, subscribers: Subscribers, changed: () => void, required: boolean) {
    this.required = required
    this.host = host
    this.subscribers = subscribers
    this.changed = changed
    this.waiting = new Waiters(host.clock)
    subscribers.onChange((id, record) => this.recordChanged(id, record))
    subscribers.onGap(() => this.askAll())
  }

  /** These are the names, canonical, from now on. */
  follow(names: Iterable<string>): void {
    const before = this.names
    this.names = new Set(names)
    for (const name of this.owners.keys()) if (!this.names.has(name)) this.owners.delete(name)
    for (const set of [this.unknown, this.toAsk]) for (const name of set) if (!this.names.has(name)) set.delete(name)
    for (const name of this.names) {
      if (before.has(name)) continue
      this.unknown.add(name)
      this.toAsk.add(name)
    }
    this.pump()
  }

  /** The subscriber that a name means. */
  idOf(name: string): string {
    return this.owners.get(name) ?? name
  }

  /** The subscriber of every name is known. */
  get settled(): boolean {
    return this.unknown.size === 0
  }

  /** Whether it is known by then, in milliseconds. */
  async settle(patience: number): Promise<boolean> {
    const end = this.host.clock.now() + patience
    while (!this.settled && !this.stopped && this.host.clock.now() < end) await this.waiting.wait(end - this.host.clock.now())
    return this.settled
  }

  stop(): void {
    this.stopped = true
    this.retry?.cancel()
    this.waiting.wake()
  }

  private askAll(): void {
    for (const name of this.names) this.toAsk.add(name)
    this.pump()
  }

  private pump(): void {
    for (const name of this.toAsk) {
      if (this.stopped || this.asking >= atATime) return
      this.toAsk.delete(name)
      this.asking++
      this.ask(name).finally(() => {
        this.asking--
        if (this.retry === undefined) this.pump()
      })
    }
  }

  private async ask(name: string): Promise<void> {
    try {
      const record = await this.subscribers.of(name)
      if (this.names.has(name) && this.put(name, record?.id)) this.changed()
      this.markKnown(name)
    } catch (fault) {
      if (!this.required) this.markKnown(name)
      this.toAsk.add(name)
      if (this.stopped || this.retry !== undefined) return
      const fields = { name, unknown: this.unknown.size, fault: String(fault) }
      this.host.log.warn(fields, 'it is not known yet whom names in the settings mean: the HSS is asked again')
      this.retry = this.host.clock.after(retryAfter, () => {
        this.retry = undefined
        this.pump()
      })
    }
  }

  private markKnown(name: string): void {
    if (this.unknown.delete(name) && this.settled) this.waiting.wake()
  }

  private recordChanged(id: string, record: SubscriberRecord | undefined): void {
    if (this.names.size === 0) return
    const { domains } = this.host
    let differs = false
    for (const [name, owner] of this.owners)
      if (owner === id && (record === undefined || !isNameOf(name, record, domains)))
        differs = this.put(name, undefined) || differs
    for (const name of record === undefined ? [] : namesOf(record, domains))
      if (this.names.has(name)) differs = this.put(name, id) || differs
    if (differs) this.changed()
  }

  /** True: the name means another than before. */
  private put(name: string, id: string | undefined): boolean {
    const before = this.idOf(name)
    if (id === undefined) this.owners.delete(name)
    else this.owners.set(name, id)
    return this.idOf(name) !== before
  }
}
