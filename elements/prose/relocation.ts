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

  constructor(host: Host, identities: Identities, conversations: Conversations, fellows: ReadonlySet<string>) {
    this.host = host
    this.identities = identities
    this.conversations = conversations
    this.fellows = fellows
  }

  /** The identity that the device has here from now on, with what it had there; or why not. */
  async bring(device: string, former: Former): Promise<Identity | Cause> {
    const server = deviceKey(former.prose, this.host.domains)
    if (server === undefined || !this.fellows.has(server)) return 'server-unreachable'
    const bindings = await this.fetch(device, former.epuid, server)
    if (typeof bindings === 'string') return bindings
    const identity: Identity = { epuid: this.identities.newEpuid(), device, bindings }
    const told: Binding[] = []
    for (const binding of bindings) {
      if (!(await this.update(binding, identity.epuid, this.host.uri))) {
        // those that believed us go back to what they knew
        await Promise.all(told.map((one) => this.update(one, former.epuid, server)))
        return 'application-server-unreachable'
      }
      told.push(binding)
    }
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
