/**
 * Devices on their way here from another ProSe server (SPEC §4), durable before any application server hears of it.
 * A device that moves is known at both servers meanwhile. After a crash it is known which application servers have
 * not been told.
 */
import type { Host, Json } from '../../../signalling/index.ts'
import type { ApplicationBinding, DeviceIdentity, Identities } from './identities.ts'

export interface DeviceMove {
  readonly [member: string]: Json | undefined
  /** Canonical. */
  readonly device: string
  /** The EPUID here. */
  readonly epuid: string
  /** The EPUID at the former server, and the URI of that server. */
  readonly former: string
  readonly server: string
  /** Bindings at the former server. */
  readonly brought: readonly ApplicationBinding[]
  /** Applications bound here before, and the `former` member of the identity here; absent: there was none. */
  readonly own?: readonly string[]
  readonly before?: string
}

/** The context that a former server had of a device that is at home here. */
export interface ReleasedDevice {
  readonly device: string
  readonly epuid: string
  readonly server: string
}

export class Moves {
  private readonly host: Host
  private readonly identities: Identities
  private readonly byDevice = new Map<string, DeviceMove>()
  private readonly toRelease = new Map<string, ReleasedDevice>()

  constructor(host: Host, identities: Identities) {
    this.host = host
    this.identities = identities
  }

  async load(): Promise<void> {
    for await (const [, { value }] of this.host.store.scan(this.prefix)) {
      const move = value as DeviceMove
      this.byDevice.set(move.device, move)
    }
    for await (const [key, { value }] of this.host.store.scan(this.releases))
      this.toRelease.set(key, value as unknown as ReleasedDevice)
  }
  /** Contexts that former servers may still have. */
  unreleased(): Iterable<ReleasedDevice> {
    return this.toRelease.values()
  }
  /** The former server has let it go, or never will. */
  async released({ epuid }: ReleasedDevice): Promise<void> {
    const key = this.releaseKey(epuid)
    if (this.toRelease.delete(key)) await this.host.store.write([{ key, delete: true }])
  }
  /** Moves that are neither done nor undone. */
  unfinished(): Iterable<DeviceMove> {
    return this.byDevice.values()
  }
  of(device: string): DeviceMove | undefined {
    return this.byDevice.get(device)
  }

  /** The device is known here too, with all that was bound there: durable when it resolves. */
  begin(device: string, former: string, server: string, brought: readonly ApplicationBinding[]): Promise<DeviceMove> {
    return this.identities.inTurn(device, () => this.take(device, former, server, brought))
  }
  private async take(
    device: string,
    former: string,
    server: string,
    brought: readonly ApplicationBinding[],
  ): Promise<DeviceMove> {
    const here = this.identities.of(device)
    const epuid = here?.epuid ?? this.identities.newEpuid()
    const ownApplications = here?.bindings.map(({ application }) => application)
    const move: DeviceMove = {
      device,
      epuid,
      former,
      server,
      brought,
      ...(ownApplications === undefined ? {} : { own: ownApplications }),
      ...(here?.former === undefined ? {} : { before: here.former }),
    }
    // a binding that an application made here is newer than the one it had there
    const bindings = [
      ...(here?.bindings ?? []),
      ...brought.filter(({ application }) => ownApplications?.includes(application) !== true),
    ]
    this.byDevice.set(device, move) // at once, so that another move of it sees this one
    try {
      await this.identities.put({ ...here, epuid, device, bindings }, [{ key: this.key(move), value: move }])
    } catch (fault) {
      this.byDevice.delete(device)
      throw fault
    }
    return move
  }

  /** It is at home here. */
  finish(move: DeviceMove): Promise<DeviceIdentity> {
    return this.identities.inTurn(move.device, () => this.settle(move))
  }
  private async settle(move: DeviceMove): Promise<DeviceIdentity> {
    const { device, epuid, former } = move
    const here = this.identities.of(device)
    const identity: DeviceIdentity = { bindings: [], ...here, epuid, device, former }
    const released: ReleasedDevice = { device, epuid: former, server: move.server }
    const key = this.releaseKey(former)
    const over = [
      { key: this.key(move), delete: true },
      { key, value: { ...released } },
    ] as const
    await this.identities.put(identity, over)
    this.toRelease.set(key, released)
    this.byDevice.delete(device)
    return identity
  }

  /** It is here as it was before, if it was. */
  undo(move: DeviceMove): Promise<void> {
    return this.identities.inTurn(move.device, () => this.giveBack(move))
  }
  private async giveBack(move: DeviceMove): Promise<void> {
    const { device, epuid, brought, own, before } = move
    const over = [{ key: this.key(move), delete: true }] as const
    const here = this.identities.find(epuid, device)
    const bindings = here?.bindings.filter(
      ({ application, aluid }) => own?.includes(application) || !brought.some((one) => one.aluid === aluid),
    )
    if (here === undefined || bindings === undefined) await this.host.store.write(over)
    else if (own === undefined && bindings.length === 0) await this.identities.drop(here, over)
    else await this.identities.put({ ...here, bindings, former: before }, over)
    this.byDevice.delete(device)
  }

  private get releases(): string {
    return `prose/${this.host.name}/release/`
  }
  private releaseKey(epuid: string): string {
    return this.releases + epuid.slice('sip:'.length)
  }
  private get prefix(): string {
    return `prose/${this.host.name}/move/`
  }
  private key({ epuid }: DeviceMove): string {
    return this.prefix + epuid.slice('sip:'.length)
  }
}
