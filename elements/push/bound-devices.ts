/** Devices table of a Push server: subscriber -> devices that are bound now. */
import type { Host } from '../../signalling/index.ts'
import { keyPart } from '../shared/identifiers/keys.ts'
import { Kept } from '../shared/state/kept.ts'
import { putTogether } from '../shared/state/kept-change.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'
import type { DeviceBinding } from './device-binding.ts'

const partOf = ({ subscriber, device }: DeviceBinding): string => `${keyPart(subscriber)}/${keyPart(device)}`

export class BoundDevices {
  private readonly host: Host
  private readonly kept: Kept<DeviceBinding>
  private readonly bySubscriber: RecordSets<DeviceBinding>

  constructor(host: Host) {
    this.host = host
    this.kept = new Kept<DeviceBinding>(host, {
      prefix: `push/${host.name}/device/`,
      noun: 'a device',
      partOf: (part) => part,
      fromStored: (stored, part) => [part, stored as DeviceBinding],
      expires: ({ expires }) => expires,
      ended: (records) => {
        for (const [part] of records) this.kept.lapse(part, undefined)
      },
    })
    this.bySubscriber = this.kept.setIndex(({ subscriber }) => [subscriber])
    host.gauge('devices', () => this.kept.size)
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  of(subscriber: string): Iterable<DeviceBinding> {
    return this.bySubscriber.of(subscriber)
  }
  /** Changes of one REGISTER, all or nothing; resolves when durable. A binding whose time is over is removed. */
  async change(bindings: readonly DeviceBinding[]): Promise<void> {
    const now = this.host.clock.date()
    const changes = bindings.map((binding) =>
      binding.expires > now ? this.kept.putting(partOf(binding), binding) : this.kept.removing(partOf(binding)),
    )
    await putTogether(this.host.store, changes)
  }
  /** All of a subscriber who is none any more: in force at once. */
  expel(subscriber: string): void {
    for (const binding of [...this.of(subscriber)]) void this.kept.expel(partOf(binding))
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }
}
