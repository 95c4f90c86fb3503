/** Users of one application and their devices (SPEC §3.5): a registration is stored before its 200 leaves. */
import type { Host, Json } from '../../signalling/index.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import { Kept } from '../shared/state/kept.ts'
import type { RecordSets, UniqueIndex } from '../shared/state/records-in-force.ts'

export interface ApplicationUser {
  readonly [member: string]: Json | undefined
  /** Canonical. */
  readonly device: string
  /** As `userKey` gives it. */
  readonly user: string
  /** Other names by which he is looked for: those of the subscriber whose identifier `user` is. */
  readonly names?: readonly string[]
  /** Users to look for; absent: all of the application. */
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
  private readonly byDevice: Kept<ApplicationUser>
  /** By each of their names. */
  private readonly byName: RecordSets<ApplicationUser>
  private readonly byAluid: UniqueIndex<ApplicationUser>
  /** Users by the users that they look for. */
  private readonly byFriend: RecordSets<ApplicationUser>

  /** @param ended is told of devices whose users' time is over */
  constructor(host: Host, ended: (device: string) => void = () => undefined) {
    this.host = host
    this.byDevice = new Kept<ApplicationUser>(host, {
      prefix: `as/${host.name}/user/`,
      noun: 'a user',
      expires: ({ until }) => until,
      ended: (users) => {
        for (const [device] of users) ended(device)
      },
    })
    this.byName = this.byDevice.setIndex(allNames)
    this.byAluid = this.byDevice.uniqueIndex(({ aluid }) => aluid)
    this.byFriend = this.byDevice.setIndex(({ friends = [] }) => friends)
    host.gauge('users', () => this.byDevice.size)
  }

  load(): Promise<void> {
    return this.byDevice.load()
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
  *devices(): Iterable<string> {
    for (const { device } of this.byDevice.values()) yield device
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
  *lookingFor(user: string): Iterable<string> {
    for (const { device } of this.byFriend.of(user)) yield device
  }

  /** False: he has been expelled meanwhile. Rejects where the store fails. */
  put(user: ApplicationUser): Promise<boolean> {
    return this.byDevice.put(user.device, user)
  }

  /** As he wishes himself. Rejects where the store fails. */
  async remove(device: string): Promise<void> {
    if (this.held(device) !== undefined) await this.byDevice.remove(device)
  }

  /** A user who has lost the right, or whose time is over, is none even if the store fails. False: it has. */
  expel(device: string): Promise<boolean> {
    return this.byDevice.expel(device)
  }

  stop(): Promise<void> {
    return this.byDevice.stop()
  }
}
