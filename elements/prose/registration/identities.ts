/** First identifiers (EPUIDs) of devices and the second ones (ALUIDs) that applications bound to them (SPEC §2.1, §4); durable. */
import type { Host, Json, StoreWrite } from '../../../signalling/index.ts'
import { InTurn } from '../../shared/state/in-turn.ts'

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
  private readonly byEpuid = new Map<string, DeviceIdentity>()
  private readonly byDevice = new Map<string, DeviceIdentity>()
  private readonly turns = new InTurn()

  constructor(host: Host) {
    this.host = host
    host.gauge('epuids', () => this.byEpuid.size)
  }

  async load(): Promise<void> {
    for await (const [, { value }] of this.host.store.scan(this.prefix)) this.place(value as DeviceIdentity)
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
    return this.turns.run(device, change)
  }

  /**
   * Puts an identity: durable, and then in force, when it resolves, with the writes that go with it. Nothing has changed
   * where it rejects. A change of an existing identity is put `inTurn`.
   */
  async put(identity: DeviceIdentity, more: readonly StoreWrite[] = []): Promise<void> {
    const before = this.byDevice.get(identity.device)
    const writes: StoreWrite[] = [{ key: this.key(identity.epuid), value: identity }, ...more]
    const replaces = before !== undefined && before.epuid !== identity.epuid
    if (replaces) writes.push({ key: this.key(before.epuid), delete: true })
    await this.host.store.write(writes)
    if (replaces) this.byEpuid.delete(before.epuid)
    this.place(identity)
  }

  /** Out of force at once, out of the store when it resolves; there again where it rejects. */
  async drop(identity: DeviceIdentity, more: readonly StoreWrite[] = []): Promise<void> {
    const { epuid, device } = identity
    this.byEpuid.delete(epuid)
    if (this.byDevice.get(device)?.epuid === epuid) this.byDevice.delete(device)
    try {
      await this.host.store.write([{ key: this.key(epuid), delete: true }, ...more])
    } catch (fault) {
      if (!this.byDevice.has(device)) this.place(identity) // else it has been given another meanwhile
      throw fault
    }
  }

  newEpuid(): string {
    return `sip:epuid-${this.host.ids.token(22)}@${this.host.domains[0]}`
  }

  private place(identity: DeviceIdentity): void {
    this.byEpuid.set(identity.epuid, identity)
    this.byDevice.set(identity.device, identity)
  }
  private get prefix(): string {
    return `prose/${this.host.name}/epuid/`
  }
  private key(epuid: string): string {
    return this.prefix + epuid.slice('sip:'.length)
  }
}
