/**
 * Devices on their way here from another ProSe server (SPEC §4), durable before any application server hears of it.
 * A device that moves is known at both servers meanwhile. After a crash it is known which application servers have
 * not been told.
 */
import type { Host, Json } from '../../../signalling/index.ts'
import { Kept } from '../../shared/state/kept.ts'
import { putTogether } from '../../shared/state/kept-change.ts'
import type { UniqueIndex } from '../../shared/state/records-in-force.ts'
import { type ApplicationBinding, type DeviceIdentity, epuidPart, type Identities } from './identities.ts'

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
  readonly [member: string]: string
  readonly device: string
  readonly epuid: string
  readonly server: string
}

export class Moves {
  private readonly host: Host
  private readonly identities: Identities
  /** By the EPUID here. */
  private readonly moves: Kept<DeviceMove>
  private readonly byDevice: UniqueIndex<DeviceMove>
  /** By the EPUID at the former server. */
  private readonly releases: Kept<ReleasedDevice>

  constructor(host: Host, identities: Identities) {
    this.host = host
    this.identities = identities
    this.moves = new Kept<DeviceMove>(host, {
      prefix: `prose/${host.name}/move/`,
      noun: 'a move',
      partOf: epuidPart,
      fromStored: (stored) => {
        const move = stored as DeviceMove
        return [move.epuid, move]
      },
    })
    this.byDevice = this.moves.uniqueIndex(({ device }) => device)
    this.releases = new Kept<ReleasedDevice>(host, {
      prefix: `prose/${host.name}/release/`,
      noun: 'a context that a former server is to let go',
      partOf: epuidPart,
      fromStored: (stored) => {
        const released = stored as ReleasedDevice
        return [released.epuid, released]
      },
    })
  }

  async load(): Promise<void> {
    await this.moves.load()
    await this.releases.load()
  }

  /** Contexts that former servers may still have. */
  unreleased(): Iterable<ReleasedDevice> {
    return this.releases.values()
  }

  /** The former server has let it go, or never will; where the store fails it is asked again after the next start. */
  released({ epuid }: ReleasedDevice): void {
    void this.releases.expel(epuid)
  }

  /** Moves that are neither done nor undone. */
  unfinished(): Iterable<DeviceMove> {
    return this.moves.values()
  }

  /**
   * The device is known here too, with all that was bound there: durable when it resolves. Undefined: another move of it is
   * not over.
   */
  begin(device: string, former: string, server: string, brought: readonly ApplicationBinding[]): Promise<DeviceMove | undefined> {
    return this.identities.inTurn(device, () => this.take(device, former, server, brought))
  }

  private async take(
    device: string,
    former: string,
    server: string,
    brought: readonly ApplicationBinding[],
  ): Promise<DeviceMove | undefined> {
    if (this.byDevice.get(device) !== undefined) return undefined
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
    await this.identities.put({ ...here, epuid, device, bindings }, [this.moves.putting(epuid, move)])
    return move
  }

  /** It is at home here. */
  finish(move: DeviceMove): Promise<DeviceIdentity> {
    return this.identities.inTurn(move.device, () => this.settle(move))
  }

  private async settle({ device, epuid, former, server }: DeviceMove): Promise<DeviceIdentity> {
    const here = this.identities.of(device)
    const identity: DeviceIdentity = { bindings: [], ...here, epuid, device, former }
    const released = this.releases.putting(former, { device, epuid: former, server })
    await this.identities.put(identity, [this.moves.removing(epuid), released])
    return identity
  }

  /** It is here as it was before, if it was. */
  undo(move: DeviceMove): Promise<void> {
    return this.identities.inTurn(move.device, () => this.giveBack(move))
  }

  private async giveBack(move: DeviceMove): Promise<void> {
    const { device, epuid, brought, own, before } = move
    const over = [this.moves.removing(epuid)]
    const here = this.identities.find(epuid, device)
    const bindings = here?.bindings.filter(
      ({ application, aluid }) => own?.includes(application) || !brought.some((one) => one.aluid === aluid),
    )
    if (here === undefined || bindings === undefined) await putTogether(this.host.store, over)
    else if (own === undefined && bindings.length === 0) await this.identities.drop(here, over)
    else await this.identities.put({ ...here, bindings, former: before }, over)
  }

  async stop(): Promise<void> {
    await this.moves.stop()
    await this.releases.stop()
  }
}
