/** Automated registration as the application server sees it (SPEC §4 steps 2, 3 and 5), and users whose devices move. */
import { type Exchange, type Host, sameSecret, seal } from '../../signalling/index.ts'
import {
  mediaType,
  type ProseRegistration,
  type ProseRegistrationResult,
  readBody,
  type SubscriberRecord,
  writeBody,
} from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import type { Conversations } from '../shared/clients/conversations.ts'
import { KnownServers } from '../shared/clients/known-servers.ts'
import { deviceKey, isNameOf } from '../shared/identifiers/devices.ts'
import { proofOf } from '../shared/values/proof.ts'
import { notAName, type UserRegistrations } from './registration.ts'
import { type ApplicationUser, isUserName, type Users, userKey } from './users.ts'

type Cause = NonNullable<ProseRegistrationResult['cause']>

const registration = mediaType('prose-registration')
const update = mediaType('aluid-update')
const answer = mediaType('epuid-binding-result')
/** Media types of the MESSAGEs that this takes. */
export const automatedTypes: readonly string[] = [registration, update, answer]

interface ApplicationRegistrationOptions {
  readonly host: Host
  readonly application: string
  readonly open: boolean
  /** User, as `userKey` gives it -> secret. */
  readonly secrets: ReadonlyMap<string, string>
  /** URIs of the ProSe servers that users may be at, the usual one first. */
  readonly proseServers: readonly string[]
  /** `host:port` of their nodes, by URI. */
  readonly prosePlaces?: { readonly [uri: string]: string } | undefined
  readonly users: Users
  readonly registration: UserRegistrations
  readonly conversations: Conversations
  /** Under which second identifiers are made; the same after a restart. */
  readonly key: string
}

export class ApplicationRegistration {
  private readonly options: ApplicationRegistrationOptions

  private readonly proseServers: KnownServers

  constructor(options: ApplicationRegistrationOptions) {
    this.options = options
    this.proseServers = new KnownServers(options.proseServers, options.host.domains, options.prosePlaces)
  }

  handle(exchange: Exchange): void | Promise<void> {
    const type = exchange.request.contentType
    if (type === registration) return this.register(exchange)
    if (type === update) return this.move(exchange)
    return this.options.conversations.takeAnswer(exchange)
  }

  private async register(exchange: Exchange): Promise<void> {
    const body = readBody(exchange.request, 'prose-registration')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    if (!isUserName(body.value.user)) return exchange.reply(400, { warning: notAName })
    const { application, conversations, registration } = this.options
    const record = await registration.recordOfAsker(exchange)
    if (record === undefined || body.value.application !== application) return registration.refuse(exchange)
    exchange.reply(202)
    const outcome = await this.bind(record, body.value)
    const content = outcome.startsWith('sip:') ? { aluid: outcome } : { cause: outcome as Cause }
    conversations.answer(exchange, record.id, writeBody('prose-registration-result', { user: body.value.user, ...content }))
  }

  /** The ALUID, or why there is none; then all is as it was. */
  private async bind(record: SubscriberRecord, asked: ProseRegistration): Promise<string> {
    const { id: device } = record
    const { host, application, conversations, registration, users } = this.options
    const user = userKey(asked.user, host.domains)
    const { proseServers } = this
    const prose = asked.prose === undefined ? proseServers.first : proseServers.find(asked.prose)
    if (!this.isProven(record, user, asked)) return 'not-permitted'
    if (prose === undefined) return 'prose-unreachable'
    const aluid = this.aluidOf(device, user)
    const { epuid } = asked
    const body = writeBody('epuid-binding', { epuid, aluid, device, application })
    const { value: result, status } = await conversations.ask({ to: prose, body, answer: 'epuid-binding-result' })
    if (result === undefined) return status === 403 ? 'epuid-unknown' : 'prose-unreachable'
    if (result.cause !== undefined) return result.cause
    const friends = asked.friends?.map((friend) => userKey(friend, host.domains))
    const names = registration.namesBeside(user, record)
    const next: ApplicationUser = { device, user, ...names, aluid, epuid, prose, ...(friends === undefined ? {} : { friends }) }
    try {
      if (!(await registration.admit(next, record))) return 'not-permitted'
    } catch (fault) {
      host.log.error({ fault: String(fault), device }, 'the store failed; a user is not registered')
      if (users.of(device)?.aluid !== aluid) await this.release(next) // the one before stays bound
      return 'not-stored'
    }
    return aluid
  }

  /** A device is at another ProSe server now, which says so itself. */
  private async move(exchange: Exchange): Promise<void> {
    const body = readBody(exchange.request, 'aluid-update')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { host, conversations, registration, users } = this.options
    const { proseServers } = this
    const { domains } = host
    const server = askerOf(exchange, domains)
    const isAt = (uri: string | undefined): boolean => uri !== undefined && deviceKey(uri, domains) === server
    const prose = proseServers.find(body.value.prose)
    if (server === undefined || !proseServers.isOne(server) || prose === undefined) return registration.refuse(exchange)
    exchange.reply(202)
    const { aluid, epuid } = body.value
    const user = users.withAluid(aluid)
    // only the server that a user is at sends him elsewhere: one that takes a move back may come late
    if (user !== undefined && (isAt(prose) || isAt(user.prose))) await registration.put({ ...user, epuid, prose })
    const content = user === undefined ? { aluid, cause: 'aluid-unknown' as const } : { aluid }
    conversations.answer(exchange, server, writeBody('aluid-update-result', content))
  }

  /** The user is none any more: the ProSe server may bind another to that device. */
  async release({ device, epuid, aluid, prose }: ApplicationUser): Promise<void> {
    if (epuid === undefined || aluid === undefined || prose === undefined) return
    const { application, conversations, host } = this.options
    const body = writeBody('epuid-binding', { epuid, aluid, device, application, release: true })
    const { status } = await conversations.ask({ to: prose, body, answer: 'epuid-binding-result' })
    if (status !== undefined) host.log.warn({ prose, status }, 'a ProSe server keeps the binding of a user who is none any more')
  }

  /** A user with a secret proves it; for a subscriber under his own identifier the network vouches. */
  private isProven(
    record: SubscriberRecord,
    user: string,
    { epuid, user: written, application, proof }: ProseRegistration,
  ): boolean {
    const { host, open, secrets } = this.options
    const secret = secrets.get(user)
    if (secret === undefined) return open && isNameOf(user, record, host.domains)
    return sameSecret(proof, proofOf(secret, epuid, written, application))
  }

  /** Always the same for one user at one device, and nobody else can make it up. */
  private aluidOf(device: string, user: string): string {
    const { host, key } = this.options
    return `sip:aluid-${seal(key, `${device}\n${user}`, 22)}@${host.domains[0]}`
  }
}
