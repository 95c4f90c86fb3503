/**
 * Move of a device here from another ProSe server (SPEC §4): its context is fetched, every application server told, the old
 * context released. Where any step fails, or this process dies at it, the state before comes into force again everywhere.
 */
import type { Host, Timer } from '../../../signalling/index.ts'
import { type RegistrationCode, writeBody } from '../../schemas/index.ts'
import type { Conversations } from '../../shared/clients/conversations.ts'
import type { KnownServers } from '../../shared/clients/known-servers.ts'
import type { ApplicationBinding, DeviceIdentity, Identities } from './identities.ts'
import type { DeviceMove, Moves, ReleasedDevice } from './moves.ts'

/** The former registration, as a device names it. */
export type FormerProse = { readonly epuid: string; readonly prose: string }

type RelocationCause = NonNullable<RegistrationCode['cause']>

/** The outcome of an update at an application server. `silent`: not known, and it may still hear of it. */
type UpdateOutcome = 'done' | 'refused' | 'silent'

const onTheWay = 40_000 // milliseconds in which an update that nobody has answered may still arrive: Timer F (RFC 3261 §17.1.2.2), and some
const afterStart = 1000 // milliseconds until the other elements of this process are there
const retryMost = 300_000

export class Relocation {
  private readonly host: Host
  private readonly identities: Identities
  private readonly moves: Moves
  private readonly conversations: Conversations
  private readonly proseServers: KnownServers
  /** Moves that are not over, by device and former EPUID. */
  private readonly underWay = new Map<string, Promise<DeviceIdentity | RelocationCause>>()
  /** Attempts to undo a move, by device, and when the next one is due. */
  private readonly undoing = new Map<string, Promise<void>>()
  private readonly retries = new Map<string, Timer>()
  private readonly releases = new Set<Timer>()
  private stopped = false

  constructor(host: Host, identities: Identities, moves: Moves, conversations: Conversations, proseServers: KnownServers) {
    this.host = host
    this.identities = identities
    this.moves = moves
    this.conversations = conversations
    this.proseServers = proseServers
  }

  /** Undoes the moves of an earlier process, whose end nobody has been told. */
  start(): void {
    for (const move of this.moves.unfinished()) this.undoLater(move, afterStart, this.host.clock.now())
    for (const released of this.moves.unreleased()) {
      const due = this.host.clock.after(afterStart, () => {
        this.releases.delete(due)
        void this.release(released)
      })
      this.releases.add(due)
    }
  }
  stop(): void {
    this.stopped = true
    for (const timer of [...this.retries.values(), ...this.releases]) timer.cancel()
  }

  /**
   * The identity that the device has here from now on, with its former bindings; or the cause of a refusal. Asked again
   * meanwhile: the same.
   */
  bring(device: string, former: FormerProse): Promise<DeviceIdentity | RelocationCause> {
    const name = `${device} ${former.epuid}`
    let move = this.underWay.get(name)
    if (move === undefined) {
      move = this.move(device, former).finally(() => this.underWay.delete(name))
      this.underWay.set(name, move)
    }
    return move
  }

  private async move(device: string, former: FormerProse): Promise<DeviceIdentity | RelocationCause> {
    const here = this.identities.of(device)
    if (here !== undefined && here.former === former.epuid) return here // it has moved, and its answer was lost
    const server = this.proseServers.find(former.prose)
    if (server === undefined) return 'server-unreachable'
    await this.undoing.get(device)
    const brought = await this.fetch(device, former.epuid, server)
    if (typeof brought === 'string') return brought
    const move = await this.moves.begin(device, former.epuid, server, brought)
    // an update that is still being undone would take back this one
    if (move === undefined) return 'application-server-unreachable'
    const silentAt = await this.tellAll(move)
    if (silentAt !== undefined) {
      this.undoing.set(device, this.undo(move, silentAt))
      return 'application-server-unreachable'
    }
    const identity = await this.finish(move)
    void this.release({ device, epuid: former.epuid, server })
    return identity
  }

  /** Undefined: all know where the device is now. Else from when on nobody can hear of it any more. */
  private async tellAll({ brought, epuid }: DeviceMove): Promise<number | undefined> {
    for (const binding of brought) {
      const outcome = await this.update(binding, epuid, this.host.uri)
      if (outcome === 'done') continue
      const now = this.host.clock.now()
      return outcome === 'silent' ? now + onTheWay : now
    }
    return undefined
  }
  private async finish(move: DeviceMove): Promise<DeviceIdentity> {
    try {
      return await this.moves.finish(move)
    } catch (fault) {
      this.undoing.set(move.device, this.undo(move, this.host.clock.now()))
      throw fault
    }
  }

  /**
   * Takes back the update at all servers that were told, also at the one whose answer has not come: it may have believed
   * us. Until all have confirmed, after `from`, the device stays known here.
   */
  private async undo(move: DeviceMove, from: number, retry = 1000): Promise<void> {
    const { clock, log } = this.host
    const began = clock.now()
    let next = from
    try {
      const outcomes = await Promise.all(move.brought.map((one) => this.update(one, move.former, move.server)))
      if (outcomes.includes('silent')) next = clock.now() + onTheWay
      else if (began >= from) {
        await this.moves.undo(move)
        this.undoing.delete(move.device)
        return
      }
    } catch (fault) {
      log.error({ fault: String(fault), device: move.device }, 'a move is not undone yet')
    }
    if (!this.stopped) this.undoLater(move, Math.max(retry, next - clock.now()), next, Math.min(retry * 2, retryMost))
  }
  private undoLater(move: DeviceMove, ms: number, from: number, retry?: number): void {
    const { device } = move
    const due = this.host.clock.after(ms, () => {
      this.retries.delete(device)
      this.undoing.set(device, this.undo(move, from, retry))
    })
    this.retries.set(device, due)
  }

  private async fetch(device: string, epuid: string, server: string): Promise<readonly ApplicationBinding[] | RelocationCause> {
    const body = writeBody('prose-context-request', { epuid, device })
    const { value: context } = await this.conversations.ask({ to: server, body, answer: 'prose-context' })
    if (context === undefined) return 'server-unreachable'
    if (context.cause !== undefined) return 'context-unknown'
    return (context.bindings ?? []).map(({ application, server, aluid }) => ({ application, server, aluid }))
  }

  private async update({ server, aluid }: ApplicationBinding, epuid: string, prose: string): Promise<UpdateOutcome> {
    const body = writeBody('aluid-update', { aluid, epuid, prose })
    const { value, status } = await this.conversations.ask({ to: server, body, answer: 'aluid-update-result' })
    if (value !== undefined) return value.cause === undefined ? 'done' : 'refused'
    return refusals.includes(status) ? 'refused' : 'silent'
  }

  /** There the device's code counts until this is heard. */
  private async release(released: ReleasedDevice, retry = 1000): Promise<void> {
    const { device, epuid, server } = released
    const body = writeBody('prose-context-request', { epuid, device, release: true })
    const { status } = await this.conversations.ask({ to: server, body, answer: 'prose-context' })
    if (this.stopped) return
    if (status !== undefined) this.host.log.warn({ server, status }, 'a former ProSe server keeps a context that nobody needs')
    if (status === undefined || refusals.includes(status)) return this.moves.released(released)
    const due = this.host.clock.after(retry, () => {
      this.releases.delete(due)
      void this.release(released, Math.min(retry * 2, retryMost))
    })
    this.releases.add(due)
  }
}

/** A server that answers so has not believed us, and will not (SPEC §2.6). */
const refusals = [400, 403, 404, 415]
