/** Users of one application and their devices (SPEC §3.5): a registration is stored before its 200 leaves. */
import type { Host, Json } from '../../signalling/index.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import { keyPart } from '../shared/identifiers/keys.ts'
import { Deadlines } from '../shared/state/deadlines.ts'
import { SetIndex } from '../shared/state/set-index.ts'

export interface ApplicationUser {
  readonly [member: string]: Json | undefined
  /** Canonical. */
  readonly device: string
  /** As `userKey` gives it. */
  readonly user: string
  /** Other names by which he is looked for: those of the subscriber whose identifier `user` is. */
  readonly names?: readonly string[]
  /** Users whom to look for; absent: all of the application. */
  readonly friends?: readonly string[]
  /** Milliseconds since the epoch; absent: for good. */
  readonly until?: number
  /** For users registered by SPEC §4: the second identifier, the first, and the URI of the ProSe server that gave that. */
  readonly aluid?: string
  readonly epuid?: string
  readonly prose?: string
  /** A subscriber who became a user by using an open application: his friends are those of his record. */
  readonly byUse?: boolean
}

const longest = 256 // bytes (SPEC §2.1)
const unseen = /^\s|\s$|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u

/** Whether that may be the name of a user: short enough, and nothing in it that a reader would not see. */
export function isUserName(text: string): boolean {
  return Buffer.byteLength(text) <= longest && !unseen.test(text) && !unseen.test(unescaped(text))
}

/** As a reader of that URI may be shown it. */
function unescaped(text: string): string {
  if (!/^[a-z][a-z\d+.-]*:/i.test(text)) return text
  return text.replace(/(?:%[\da-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString())
}

/**
 * One name for each user. SIP and tel URIs are in canonical form (SPEC §2.1). Other text stays as it is, with the scheme of
 * a URI in lower case (RFC 3986 §3.1).
 */
export function userKey(text: string, domains: readonly string[]): string {
  const lower = text.replace(/^[a-z][a-z\d+.-]*:/i, (scheme) => scheme.toLowerCase())
  return /^(?:sips?|tel):/.test(lower) ? (deviceKey(lower, domains) ?? lower) : lower
}

/** All that he is looked for under. */
export function allNames({ user, names = [] }: ApplicationUser): readonly string[] {
  return [user, ...names]
}

export class Users {
  private readonly host: Host
  private readonly byDevice = new Map<string, ApplicationUser>()
  /** By each of their names. */
  private readonly byName = new SetIndex<string, ApplicationUser>()
  private readonly byAluid = new Map<string, ApplicationUser>()
  /** User -> devices whose users look for him. */
  private readonly lookedFor = new SetIndex<string, string>()

  private readonly ends: Deadlines<ApplicationUser>

  /** @param ended is told of devices whose users' time is over */
  constructor(host: Host, ended: (device: string) => void = () => undefined) {
    this.host = host
    this.ends = new Deadlines(
      host.clock,
      (user) => (this.byDevice.get(user.device) === user ? user.until : undefined),
      (users) => {
        for (const { device } of users) ended(device)
      },
    )
    host.gauge('users', () => this.byDevice.size)
  }

  async load(): Promise<void> {
    for await (const [, { value }] of this.host.store.scan(this.prefix)) this.place(value as ApplicationUser)
  }

  /** The user of a device, also when his time is over. */
  held(device: string): ApplicationUser | undefined {
    return this.byDevice.get(device)
  }

  /** The user of a device. */
  of(device: string): ApplicationUser | undefined {
    const found = this.byDevice.get(device)
    return found?.until !== undefined && found.until <= this.host.clock.date() ? undefined : found
  }

  /** Devices that have a user. */
  devices(): Iterable<string> {
    return this.byDevice.keys()
  }

  withAluid(aluid: string): ApplicationUser | undefined {
    return this.byAluid.get(aluid)
  }

  /** His devices. */
  devicesOf(user: string): readonly string[] {
    return this.named(user).map(({ device }) => device)
  }

  /** Users of that name; a device each. */
  named(name: string): readonly ApplicationUser[] {
    return [...this.byName.of(name)].filter(({ device }) => this.of(device) !== undefined)
  }

  /** Devices whose users look for that one by name. */
  lookingFor(user: string): Iterable<string> {
    return this.lookedFor.of(user)
  }

  /** Durable, and then in force, when it resolves; nothing has changed where it rejects. */
  async put(user: ApplicationUser): Promise<void> {
    await this.host.store.write([{ key: this.key(user.device), value: user, expires: user.until }])
    this.place(user)
  }

  /** Durable, and then in force, when it resolves; nothing has changed where it rejects. */
  async remove(device: string): Promise<void> {
    if (!this.byDevice.has(device)) return
    await this.host.store.write([{ key: this.key(device), delete: true }])
    this.displace(device)
  }

  /**
   * In force at once, durable when it resolves. A user who has lost the right, or whose time is over, is none even if the
   * store fails.
   */
  async expel(device: string): Promise<void> {
    if (this.displace(device)) await this.host.store.write([{ key: this.key(device), delete: true }])
  }

  stop(): void {
    this.ends.stop()
  }

  private place(user: ApplicationUser): void {
    this.displace(user.device)
    this.byDevice.set(user.device, user)
    for (const name of allNames(user)) this.byName.add(name, user)
    this.ends.add(user)
    for (const friend of user.friends ?? []) this.lookedFor.add(friend, user.device)
    if (user.aluid !== undefined) this.byAluid.set(user.aluid, user)
  }

  /** False: there was none. */
  private displace(device: string): boolean {
    const before = this.byDevice.get(device)
    if (before === undefined) return false
    this.byDevice.delete(device)
    for (const name of allNames(before)) this.byName.delete(name, before)
    for (const friend of before.friends ?? []) this.lookedFor.delete(friend, device)
    if (before.aluid !== undefined) this.byAluid.delete(before.aluid)
    return true
  }

  private get prefix(): string {
    return `as/${this.host.name}/user/`
  }

  private key(device: string): string {
    return this.prefix + keyPart(device)
  }
}
