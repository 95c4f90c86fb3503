/**
 * A device moves here from another ProSe server (SPEC §4): its context is fetched, every application server told, the old
 * context released. Where any step fails, what was before stays in force everywhere.
 */
import type { Host } from '../../signalling/index.ts'
import { type RegistrationCode, writeBody } from '../schemas/index.ts'
import type { Conversations } from '../services/conversations.ts'
import { deviceKey } from '../services/devices.ts'
import type { Binding, Identities, Identity } from './identities.ts'

/** What a device says of where it was. */
export type Former = { readonly epuid: string; readonly prose: string }

type Cause = NonNullable<RegistrationCode['cause']>

export class Relocation {
  private readonly host: Host
  private readonly identities: Identities
  private readonly conversations: Conversations
  private readonly fellows: ReadonlySet<string>
  /** Moves that are not over, by device and former EPUID. */
  private readonly underWay = new Map<string, Promise<Identity | Cause>>()

  constructor(host: Host, identities: Identities, conversations: Conversations, fellows: ReadonlySet<string>) {
    this.host = host
    this.identities = identities
    this.conversations = conversations
    this.fellows = fellows
  }

  /** The identity that the device has here from now on, with what it had there; or why not. Asked again meanwhile: the same. */
  bring(device: string, former: Former): Promise<Identity | Cause> {
    const name = `${device} ${former.epuid}`
    let move = this.underWay.get(name)
    if (move === undefined) {
      move = this.move(device, former).finally(() => this.underWay.delete(name))
      this.underWay.set(name, move)
    }
    return move
  }

  private async move(device: string, former: Former): Promise<Identity | Cause> {
    const here = this.identities.of(device)
    if (here !== undefined && here.former === former.epuid) return here // it has moved, and its answer was lost
    const server = deviceKey(former.prose, this.host.domains)
    if (server === undefined || !this.fellows.has(server)) return 'server-unreachable'
    const brought = await this.fetch(device, former.epuid, server)
    if (typeof brought === 'string') return brought
    const epuid = here?.epuid ?? this.identities.newEpuid()
    const told: Binding[] = []
    for (const binding of brought) {
      told.push(binding)
      if (await this.update(binding, epuid, this.host.uri)) continue
      // they go back to what they knew, and so does the one whose answer has not come: it may have believed us
      for (const one of told) void this.update(one, former.epuid, server)
      return 'application-server-unreachable'
    }
    // what an application bound here itself is newer than what was bound there
    const own = here?.bindings ?? []
    const bindings = [...own, ...brought.filter(({ application }) => !own.some((one) => one.application === application))]
    const identity: Identity = { epuid, device, bindings, former: former.epuid }
    await this.identities.put(identity)
    void this.release(device, former.epuid, server)
    return identity
  }

  private async fetch(device: string, epuid: string, server: string): Promise<readonly Binding[] | Cause> {
    const body = writeBody('prose-context-request', { epuid, device })
    const { value: context } = await this.conversations.ask({ to: server, body, answer: 'prose-context' })
    if (context === undefined) return 'server-unreachable'
    if (context.cause !== undefined) return 'context-unknown'
    return (context.bindings ?? []).map(({ application, server, aluid }) => ({ application, server, aluid }))
  }

  private async update({ server, aluid }: Binding, epuid: string, prose: string): Promise<boolean> {
    const body = writeBody('aluid-update', { aluid, epuid, prose })
    const { value: result } = await this.conversations.ask({ to: server, body, answer: 'aluid-update-result' })
    return result !== undefined && result.cause === undefined
  }

  private async release(device: string, epuid: string, server: string): Promise<void> {
    const body = writeBody('prose-context-request', { epuid, device, release: true })
    const { status } = await this.conversations.ask({ to: server, body, answer: 'prose-context' })
    if (status !== undefined) this.host.log.warn({ server, status }, 'a former ProSe server keeps a context that nobody needs')
  }
}
