/** Registration of users at their devices (SPEC §3.5; FIG 5, 12): who may register a user, and the effect. */
import type { Exchange, Host } from '../../signalling/index.ts'
import { readBody, type SubscriberRecord } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { deviceKey, type IdentifiedSubscriber, isNameOf, namesOf } from '../shared/identifiers/devices.ts'
import { type ApplicationUser, allNames, isUserName, type Users, userKey } from './users.ts'

/** The Warning for a name that cannot be one. */
export const notAName = '/user must be at most 256 bytes, without blanks around it and characters that nobody sees'

interface ApplicationMembership {
  readonly application: string
  /** Subscribers who may use the application become users by using it. */
  readonly open: boolean
  /** Users, as `userKey` gives them, who prove who they are -> how. */
  readonly secrets: ReadonlyMap<string, string>
}

interface UserRegistrationsListener {
  /** These users are, or were, at that device. */
  changed(users: Iterable<string>, device: string): void
  /** The ALUID that was bound to that user's device is free again. */
  left(user: ApplicationUser): void
}

export class UserRegistrations {
  private readonly host: Host
  private readonly membership: ApplicationMembership
  private readonly users: Users
  private readonly subscribers: Subscribers
  private readonly listener: UserRegistrationsListener
  private readonly own: string

  constructor(
    host: Host,
    membership: ApplicationMembership,
    users: Users,
    subscribers: Subscribers,
    listener: UserRegistrationsListener,
  ) {
    this.host = host
    this.membership = membership
    this.users = users
    this.subscribers = subscribers
    this.listener = listener
    this.own = deviceKey(host.uri, host.domains) ?? host.uri
  }

  /** Answers a `user-registration`. Every refusal is the same 403: nobody learns which users exist (SPEC §2.5). */
  async handle(exchange: Exchange): Promise<void> {
    const body = readBody(exchange.request, 'user-registration')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { device, application, user: named, friends, expires } = body.value
    if (!isUserName(named)) return exchange.reply(400, { warning: notAName })
    const record = await this.recordOfAsker(exchange)
    const { domains } = this.host
    const key = deviceKey(device, domains)
    const user = userKey(named, domains)
    const isOwn = record !== undefined && key !== undefined && isNameOf(key, record, domains)
    if (!isOwn || application !== this.membership.application) return this.refuse(exchange)
    if (!(await this.mayBe(user, record))) return this.refuse(exchange)
    if (expires === 0) {
      await this.remove(record.id)
      return exchange.reply(200)
    }
    const until = expires === undefined ? undefined : this.host.clock.date() + expires * 1000
    const names = this.namesBeside(user, record)
    const next = { device: record.id, user, ...names, friends: friends?.map((friend) => userKey(friend, domains)), until }
    if (!(await this.admit(next, record))) return this.refuse(exchange)
    exchange.reply(200)
  }

  /** The asker alone is told why, and only where it is about himself. */
  refuse(exchange: Exchange, why?: string): void {
    this.host.count('refused')
    const asker = askerOf(exchange, this.host.domains)
    const record = asker === undefined ? undefined : this.subscribers.known(asker)
    const { application } = this.membership
    const unlisted = record !== undefined && !this.serves(record)
    const warning = unlisted ? `the HSS does not list ${application} for you: ask your operator` : why
    exchange.reply(403, warning === undefined ? {} : { warning })
  }

  /** The asker, if he may use the application. */
  async recordOfAsker(exchange: Exchange): Promise<SubscriberRecord | undefined> {
    const asker = askerOf(exchange, this.host.domains)
    const record = asker === undefined ? undefined : await this.subscribers.of(asker)
    return record !== undefined && this.serves(record) ? record : undefined
  }

  /** The user at that device; where the application is open, made one now. */
  async userOf(record: SubscriberRecord): Promise<ApplicationUser | undefined> {
    const member = this.users.of(record.id)
    if (member !== undefined || !this.membership.open) return member
    return (await this.admit(this.memberBy(record), record)) ? this.users.of(record.id) : undefined
  }

  /** Puts a user; the HSS may have another record of him when that is durable. False: he is none any more. */
  async admit(user: ApplicationUser, record: SubscriberRecord): Promise<boolean> {
    if (!(await this.put(user))) return false
    const now = await this.subscribers.of(record.id)
    return now === record || this.recordChanged(record.id, now)
  }

  /** The HSS has another record of a device. False: its user is none any more. */
  recordChanged(id: string, record: SubscriberRecord | undefined): boolean {
    if (record !== undefined) this.giveBack(record)
    const user = this.users.of(id)
    if (user === undefined) return true
    const may = record !== undefined && this.serves(record)
    this.inStore(may ? this.renew(user, record) : this.expel(id), id)
    return may
  }
  private inStore(work: Promise<unknown> | undefined, device: string): void {
    work?.catch((fault: unknown) => this.host.log.error({ err: fault, device }, 'a change of a user is not in the store'))
  }

  /** Names that are this subscriber's by now are nobody else's: who was called so is called by his own identifier. */
  private giveBack(record: SubscriberRecord): void {
    for (const name of namesOf(record, this.host.domains)) {
      if (this.membership.secrets.has(name)) continue
      for (const other of this.users.named(name)) {
        if (other.device === record.id || other.user !== name) continue
        const otherRecord = this.subscribers.known(other.device) ?? { id: other.device }
        this.inStore(
          this.put({ ...other, user: other.device, names: this.namesBeside(other.device, otherRecord).names }),
          other.device,
        )
      }
    }
  }

  private renew(user: ApplicationUser, record: SubscriberRecord): Promise<boolean> | undefined {
    if (user.byUse === true) return this.put(this.memberBy(record))
    // one with names beside was called by an identifier of his own, which may be his no longer
    const lost =
      user.names !== undefined && !this.membership.secrets.has(user.user) && !isNameOf(user.user, record, this.host.domains)
    const called = lost ? record.id : user.user
    const { names } = this.namesBeside(called, record)
    return !lost && names?.join() === user.names?.join() ? undefined : this.put({ ...user, user: called, names })
  }

  /** Other names of a subscriber who is called by one of his own identifiers; none where the name is any other. */
  namesBeside(user: string, record: IdentifiedSubscriber): { readonly names?: readonly string[] | undefined } {
    const { domains } = this.host
    if (!isNameOf(user, record, domains)) return {}
    const names = namesOf(record, domains).filter((name) => name !== user)
    return names.length === 0 ? {} : { names }
  }

  /** False: he has been expelled meanwhile. Rejects where the store fails. */
  async put(user: ApplicationUser): Promise<boolean> {
    const before = this.users.of(user.device)
    if (!(await this.users.put(user))) return false
    this.listener.changed([...(before === undefined ? [] : allNames(before)), ...allNames(user)], user.device)
    if (before !== undefined && before.aluid !== user.aluid) this.listener.left(before)
    return true
  }

  /** As its user wishes. */
  private async remove(device: string): Promise<void> {
    const before = this.users.of(device)
    await this.users.remove(device)
    if (before === undefined) return
    this.listener.changed(allNames(before), device)
    this.listener.left(before)
  }

  /** Removes a device, against its user's wish too. */
  async expel(device: string): Promise<void> {
    const before = this.users.held(device) // maybe his time is over
    const written = this.users.expel(device)
    if (before !== undefined) this.listener.changed(allNames(before), device)
    if ((await written) && before !== undefined) this.listener.left(before)
  }

  /** Whether the HSS lists this server for that subscriber and application. */
  private serves({ servers }: SubscriberRecord): boolean {
    const { application } = this.membership
    return servers?.some((server) => server.uri === this.own && server.application === application) === true
  }

  private memberBy(record: SubscriberRecord): ApplicationUser {
    const { id, friends = [] } = record
    return { device: id, user: id, byUse: true, ...this.namesBeside(id, record), ...(friends.length === 0 ? {} : { friends }) }
  }

  /**
   * Whether a record may have that name. A name of ours, or one that the HSS knows, is its subscriber's. A name with a
   * secret is that of the user who has proven it; any other belongs to its first user.
   */
  private async mayBe(user: string, record: SubscriberRecord): Promise<boolean> {
    const { id } = record
    if (isNameOf(user, record, this.host.domains)) return true
    const text = user.toLowerCase()
    if (text.startsWith('tel:') || this.host.domains.some((domain) => text.includes(`@${domain}`))) return false // or looks like one
    if (this.membership.secrets.has(user)) return this.users.of(id)?.user === user
    if (text.startsWith('sip:') && (await this.subscribers.of(user)) !== undefined) return false
    return this.users.devicesOf(user).every((device) => device === id)
  }
}
