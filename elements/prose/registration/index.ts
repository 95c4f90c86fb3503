/** Automated registration as the ProSe server sees it (SPEC §4): EPUIDs given, ALUIDs bound, devices that move. */
import type { Body, Exchange } from '../../../signalling/index.ts'
import { type EpuidBindingResult, mediaType, type RegistrationCode, readBody, writeBody } from '../../schemas/index.ts'
import { askerOf } from '../../shared/clients/asker.ts'
import { Conversations } from '../../shared/clients/conversations.ts'
import { KnownServers } from '../../shared/clients/known-servers.ts'
import type { Subscribers } from '../../shared/clients/subscribers.ts'
import { deviceKey } from '../../shared/identifiers/devices.ts'
import { recordFor } from '../../shared/permissions/authorisation.ts'
import type { Registry } from '../state/registry.ts'
import type { ApplicationBinding, DeviceIdentity, Identities } from './identities.ts'
import type { Moves } from './moves.ts'
import { type FormerProse, Relocation } from './relocation.ts'
import { Whereabouts } from './whereabouts.ts'

type RegistrationCause = NonNullable<RegistrationCode['cause']>
/** Why a binding is not made. */
type BindingRefusal = NonNullable<EpuidBindingResult['cause']>

const codeRequest = mediaType('registration-code-request')
const binding = mediaType('epuid-binding')
const contextRequest = mediaType('prose-context-request')
const deviceQuery = mediaType('prose-device-query')
const answers = [mediaType('prose-context'), mediaType('aluid-update-result'), mediaType('prose-device')]
/** Media types of the MESSAGEs that this takes. */
export const registrationTypes: readonly string[] = [codeRequest, binding, contextRequest, deviceQuery, ...answers]

export class EpuidRegistration {
  private readonly registry: Registry
  private readonly subscribers: Subscribers
  private readonly identities: Identities
  private readonly moves: Moves
  private readonly conversations: Conversations
  private readonly relocation: Relocation
  private readonly proseServers: KnownServers
  private readonly moved: (device: string) => void
  /** Servers of devices that are not here. */
  readonly whereabouts: Whereabouts

  /**
   * @param proseServers URIs of the other ProSe servers of the network
   * @param moved is told of devices that are at home with one of them now
   */
  constructor(
    registry: Registry,
    subscribers: Subscribers,
    identities: Identities,
    moves: Moves,
    proseServers: readonly string[],
    moved: (device: string) => void,
  ) {
    this.moved = moved
    const { host } = registry
    this.registry = registry
    this.subscribers = subscribers
    this.identities = identities
    this.moves = moves
    this.conversations = new Conversations(host)
    this.proseServers = new KnownServers(proseServers, host.domains)
    this.whereabouts = new Whereabouts(registry, identities, this.conversations, this.proseServers)
    this.relocation = new Relocation(host, identities, moves, this.conversations, this.proseServers)
  }
  /** Ends the moves that an earlier process has left half done. */
  start(): void {
    this.relocation.start()
  }
  async stop(): Promise<void> {
    this.relocation.stop()
    await Promise.all([this.identities.stop(), this.moves.stop()])
  }

  handle(exchange: Exchange): void | Promise<void> {
    const type = exchange.request.contentType
    if (type === codeRequest) return this.giveCode(exchange)
    if (type === binding) return this.bind(exchange)
    if (type === contextRequest) return this.tellContext(exchange)
    if (type === deviceQuery) return this.whereabouts.answer(exchange)
    return this.conversations.takeAnswer(exchange)
  }

  /** Step 1: the EPUID of a device that asks for itself, or that its MME asks for. */
  private async giveCode(exchange: Exchange): Promise<void> {
    const body = readBody(exchange.request, 'registration-code-request')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { device: named, capabilities, former } = body.value
    const asker = askerOf(exchange, this.registry.host.domains)
    const found = asker && (await recordFor(this.subscribers, asker, named, undefined))
    if (!found) return this.refuse(exchange)
    const device = found.record.id
    exchange.reply(202)
    const refused = !capabilities.prose ? 'not-capable' : found.permitted === 0 ? 'not-subscribed' : undefined
    const outcome = refused ?? (await this.identityFor(device, former))
    const result = typeof outcome === 'string' ? { cause: outcome } : { epuid: outcome.epuid }
    this.conversations.answer(exchange, asker!, writeBody('registration-code', { device: named, ...result }))
  }
  private identityFor(device: string, former: FormerProse | undefined): Promise<DeviceIdentity | RegistrationCause> {
    // one that is at home here already has nothing to bring along
    if (former === undefined || this.identities.find(former.epuid, device)) return this.identities.obtain(device)
    return this.relocation.bring(device, former)
  }

  /** Step 4: only an EPUID of ours, of that device, and that no other user of the application has. */
  private async bind(exchange: Exchange): Promise<void> {
    const body = readBody(exchange.request, 'epuid-binding')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { epuid, aluid, device, application, release } = body.value
    const server = askerOf(exchange, this.registry.host.domains)
    const found = server && (await recordFor(this.subscribers, server, device, application))
    if (!found || server === found.record.id) return this.refuse(exchange)
    exchange.reply(202)
    const { id } = found.record
    const wanted = { application, server: server!, aluid }
    const cause = await this.identities.inTurn(id, () => this.change(epuid, id, wanted, release === true))
    this.conversations.answer(exchange, server!, writeBody('epuid-binding-result', { epuid, ...(cause && { cause }) }))
  }
  /** Undefined: the binding is there, or gone. */
  private async change(
    epuid: string,
    device: string,
    wanted: ApplicationBinding,
    release: boolean,
  ): Promise<BindingRefusal | undefined> {
    const identity = this.identities.find(epuid, device)
    const bound = identity?.bindings.find(({ application }) => application === wanted.application)
    if (identity === undefined) return 'epuid-unknown'
    if (bound !== undefined && bound.aluid !== wanted.aluid) return 'bound'
    const others = identity.bindings.filter((one) => one !== bound)
    await this.identities.put({ ...identity, bindings: release ? others : [...others, wanted] })
    return undefined
  }

  /** Another ProSe server asks for a device that has moved to it, and says when it has taken it over. */
  private async tellContext(exchange: Exchange): Promise<void> {
    const body = readBody(exchange.request, 'prose-context-request')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { epuid, device, release } = body.value
    const asker = askerOf(exchange, this.registry.host.domains)
    if (asker === undefined || !this.proseServers.isOne(asker)) return this.refuse(exchange)
    exchange.reply(202)
    const key = deviceKey(device, this.registry.host.domains) ?? device
    const identity = await this.identities.inTurn(key, async () => {
      const found = this.identities.find(epuid, key)
      if (found !== undefined && release === true) await this.identities.drop(found)
      return found
    })
    if (identity !== undefined && release === true) this.moved(key)
    this.conversations.answer(exchange, asker, contextOf(epuid, identity))
  }

  private refuse(exchange: Exchange): void {
    this.registry.host.count('registrations_refused')
    exchange.reply(403)
  }
}

function contextOf(epuid: string, identity: DeviceIdentity | undefined): Body {
  if (identity === undefined) return writeBody('prose-context', { epuid, cause: 'epuid-unknown' })
  return writeBody('prose-context', { epuid, bindings: identity.bindings })
}
