/** First identifiers (EPUIDs) of devices and the second ones (ALUIDs) that applications bound to them (SPEC §2.1, §4); durable. */
import type { Host, Json } from '../../../signalling/index.ts'
import { Kept } from '../../shared/state/kept.ts'
import { type KeptChange, putTogether } from '../../shared/state/kept-change.ts'
import type { UniqueIndex } from '../../shared/state/records-in-force.ts'

/** The binding of one application to a device. */
export interface ApplicationBinding {
  readonly [member: string]: string
  readonly application: string
  /** URI of the application server. */
  readonly server: string
  readonly aluid: string
}

export interface DeviceIdentity {
  readonly [member: string]: Json | undefined
  readonly epuid: string
  /** Canonical. */
  readonly device: string
  readonly bindings: readonly ApplicationBinding[]
  /** The EPUID that it had elsewhere before it moved here: who asks for the same move again has made it already. */
  readonly former?: string
}

export class Identities {
  private readonly host: Host
  private readonly byEpuid: Kept<DeviceIdentity>
  private readonly byDevice: UniqueIndex<DeviceIdentity>

  constructor(host: Host) {
    this.host = host
    this.byEpuid = new Kept<DeviceIdentity>(host, {
      prefix: `prose/${host.name}/epuid/`,
      noun: 'an EPUID',
      partOf: epuidPart,
      fromStored: (stored) => {
        const identity = stored as DeviceIdentity
        return [identity.epuid, identity]
      },
    })
    this.byDevice = this.byEpuid.uniqueIndex(({ device }) => device)
    host.gauge('epuids', () => this.byEpuid.size)
  }

  load(): Promise<void> {
    return this.byEpuid.load()
  }

  /** Undefined: none, or another device's, which nobody learns. */
  find(epuid: string, device: string): DeviceIdentity | undefined {
    const identity = this.byEpuid.get(epuid)
    return identity?.device === device ? identity : undefined
  }

  of(device: string): DeviceIdentity | undefined {
    return this.byDevice.get(device)
  }

  /** The device's identity, made now if it has none; durable when it resolves. */
  obtain(device: string): Promise<DeviceIdentity> {
    return this.inTurn(device, async () => {
      const existing = this.byDevice.get(device)
      if (existing !== undefined) return existing
      const identity: DeviceIdentity = { epuid: this.newEpuid(), device, bindings: [] }
      await this.put(identity)
      return identity
    })
  }

  /**
   * Does that at once, or after the change of the device's identity that is under way: a change starts from the last one's
   * result.
   */
  inTurn<Result>(device: string, change: () => Promise<Result>): Promise<Result> {
    return this.byEpuid.inTurn(device, change)
  }

  /** Puts the identity of its device, `inTurn` where it has one, with the changes that go with it. */
  async put(identity: DeviceIdentity, more: readonly KeptChange[] = []): Promise<void> {
    const before = this.byDevice.get(identity.device)
    const replaced = before === undefined || before.epuid === identity.epuid ? [] : [this.byEpuid.removing(before.epuid)]
    await putTogether(this.host.store, [...replaced, this.byEpuid.putting(identity.epuid, identity), ...more])
  }

  async drop({ epuid }: DeviceIdentity, more: readonly KeptChange[] = []): Promise<void> {
    await putTogether(this.host.store, [this.byEpuid.removing(epuid), ...more])
  }

  newEpuid(): string {
    return `sip:epuid-${this.host.ids.token(22)}@${this.host.domains[0]}`
  }

  stop(): Promise<void> {
    return this.byEpuid.stop()
  }
}

/** As a part of a store key. */
export function epuidPart(epuid: string): string {
  return epuid.slice('sip:'.length)
}
