/** Devices of subscribers at a Push server (SPEC §5.1): those bound now, and those whose queue is still kept. */
import type { Host } from '../../signalling/index.ts'
import { keyPart } from '../shared/identifiers/keys.ts'
import { Kept } from '../shared/state/kept.ts'
import { putTogether } from '../shared/state/kept-change.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'
import type { DeviceBinding } from './device-binding.ts'
import type { StoringRules } from './rules.ts'

const partOf = ({ subscriber, device }: Pick<DeviceBinding, 'subscriber' | 'device'>): string =>
  `${keyPart(subscriber)}/${keyPart(device)}`

export class BoundDevices {
  private readonly host: Host
  private readonly most: number
  private readonly forgotten: (devices: readonly DeviceBinding[]) => void
  private readonly kept: Kept<DeviceBinding>
  private readonly bySubscriber: RecordSets<DeviceBinding>

  /**
   * @param queue milliseconds for which a device is known beyond its binding
   * @param most devices of one subscriber that are known
   * @param forgotten is told of devices whose time is over, or for which there was no room
   */
  constructor(
    host: Host,
    { devices: most, queue }: Pick<StoringRules, 'devices' | 'queue'>,
    forgotten: (devices: readonly DeviceBinding[]) => void,
  ) {
    this.host = host
    this.most = most
    this.forgotten = forgotten
    const until = ({ expires }: DeviceBinding): number => expires + queue
    this.kept = new Kept<DeviceBinding>(host, {
      prefix: `push/${host.name}/device/`,
      noun: 'a device',
      partOf: (part) => part,
      fromStored: (stored, part) => [part, stored as DeviceBinding],
      expires: until,
      ended: (records) => {
        for (const [part] of records) this.kept.lapse(part, undefined)
        forgotten(records.map(([, device]) => device))
      },
    })
    this.bySubscriber = this.kept.setIndex(({ subscriber }) => [subscriber])
    host.gauge('devices', () => this.kept.size)
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  /** Known devices, whether they are bound or not. */
  of(subscriber: string): readonly DeviceBinding[] {
    return [...this.bySubscriber.of(subscriber)]
  }
  /** The binding of a device; undefined: it is away. */
  bound(subscriber: string, device: string): DeviceBinding | undefined {
    const found = this.kept.get(partOf({ subscriber, device }))
    return found !== undefined && this.isBound(found) ? found : undefined
  }
  /** By `<subscriber> <device>`, bound or not. */
  named(name: string): DeviceBinding | undefined {
    const [subscriber = ''] = name.split(' ', 1)
    return this.kept.get(partOf({ subscriber, device: name.slice(subscriber.length + 1) }))
  }
  /** Known devices of all subscribers. */
  all(): Iterable<DeviceBinding> {
    return this.kept.values()
  }
  /**
   * Takes away what wakes a device, or leaves it alone for a reason, until it registers anew. Resolves with the binding as it is
   * then; undefined: another one has replaced it.
   */
  async withdrawWaking(binding: DeviceBinding, refused: string | undefined): Promise<DeviceBinding | undefined> {
    const part = partOf(binding)
    const { waking, ...rest } = binding
    if (this.kept.get(part) !== binding || waking === undefined) return undefined
    const left: DeviceBinding = refused === undefined ? (rest as DeviceBinding) : { ...binding, waking: { ...waking, refused } }
    await this.kept.enforce(part, left)
    return left
  }
  isBound({ expires }: DeviceBinding): boolean {
    return expires > this.host.clock.date()
  }
  /** Whether a device is known, bound or not. */
  has(device: Pick<DeviceBinding, 'subscriber' | 'device'>): boolean {
    return this.kept.get(partOf(device)) !== undefined
  }
  /**
   * Changes of one subscriber's devices by one REGISTER, all or nothing; resolves when durable. Those that have been away for
   * longest make room. False: too many are bound, and nothing has changed.
   */
  change(subscriber: string, bindings: readonly DeviceBinding[]): Promise<boolean> {
    return this.kept.inTurn(subscriber, async () => {
      const isNew = bindings.some((one) => this.isBound(one) && this.bound(subscriber, one.device) === undefined)
      const others = this.of(subscriber).filter((one) => bindings.every(({ device }) => device !== one.device))
      const count = others.length + new Set(bindings.map(({ device }) => device)).size
      const away = others.filter((one) => !this.isBound(one)).sort((a, b) => a.expires - b.expires)
      if (isNew && count - away.length > this.most) return false
      const gone = away.slice(0, Math.max(count - this.most, 0))
      await putTogether(this.host.store, [
        ...bindings.map((binding) => this.kept.putting(partOf(binding), binding)),
        ...gone.map((device) => this.kept.removing(partOf(device))),
      ])
      if (gone.length > 0) this.forgotten(gone)
      return true
    })
  }
  /** Subscribers with devices that were registered by credentials. */
  *owners(): Iterable<string> {
    for (const { credentials, subscriber } of this.kept.values()) if (credentials !== undefined) yield subscriber
  }
  /** Ends bindings by other credentials than those, in force at once. Gives them as they are then: nobody wakes them. */
  endOld(subscriber: string, credentials: string | undefined): readonly DeviceBinding[] {
    const isOld = (one: DeviceBinding): boolean => one.credentials !== undefined && one.credentials !== credentials
    const old = this.of(subscriber).filter((one) => isOld(one) && (this.isBound(one) || one.waking !== undefined))
    return old.map((one) => {
      const { waking: _, ...rest } = one
      const ended = { ...rest, expires: Math.min(one.expires, this.host.clock.date()) } as DeviceBinding
      void this.kept.enforce(partOf(ended), ended)
      return ended
    })
  }
  /** All of a subscriber who is none any more: in force at once. */
  expel(subscriber: string): void {
    for (const device of this.of(subscriber)) void this.kept.expel(partOf(device))
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }
}
