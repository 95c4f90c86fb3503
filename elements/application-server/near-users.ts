/** Users of an application near its users: one feed a served device, shared by all watchers (SPEC §3.5). */
import { deviceKey } from '../shared/identifiers/devices.ts'
import { Waiters } from '../shared/state/waiters.ts'
import type { NearDevices } from '../shared/values/near.ts'
import { askNear, NearFeed, type NearFeedOptions, type PeerFilter, patience } from './near-feed.ts'
import type { ApplicationUser, Users } from './users.ts'

/** A user near another, by whichever of his devices. Times in RFC 3339. */
export interface NearUser {
  readonly user: string
  readonly since: string
  readonly lastHeard: string
}

/** `near`, or the status of a refusal. */
export type NearAnswer = { readonly near: readonly NearUser[]; readonly status?: undefined } | { readonly status: number }

interface NearUsersListener {
  /** The answer for that device may be another. */
  changed(device: string): void
  /** Nobody is told any more who is near that device. */
  ended(device: string, status: number, reason: string): void
}

/** One served device, shared by its holders. */
export interface ServedDevice {
  readonly device: string
  feed: NearFeed
  /** The ProSe server that is asked. */
  prose: string
  holders: number
  /** Undefined: not yet. */
  status: number | undefined
  readonly waiting: Waiters
}

export class NearUsers {
  private readonly asking: NearFeedOptions
  private readonly users: Users
  private readonly listener: NearUsersListener
  private readonly served = new Map<string, ServedDevice>()

  constructor(asking: NearFeedOptions, users: Users, listener: NearUsersListener) {
    this.asking = asking
    this.users = users
    this.listener = listener
    asking.host.gauge('served_devices', () => this.served.size)
  }

  /** Asks once, or looks where somebody is told anyway. */
  async once(user: ApplicationUser): Promise<NearAnswer> {
    const { device, friends } = user
    if (this.served.get(device)?.status === 200) return this.answer(device)
    const near = await askNear(this.askingFor(user), device, this.devicesOf(friends))
    return typeof near === 'number' ? { status: near } : { near: this.usersOf(device, near) }
  }

  /** Keeps asking for that device until the feed is released as often as it was held. */
  hold(user: ApplicationUser): ServedDevice {
    const served = this.serve(user)
    served.holders++
    return served
  }

  /** Resolves with the first answer. */
  async first(served: ServedDevice): Promise<NearAnswer> {
    if (served.status === undefined) await served.waiting.wait(patience)
    if (served.status === undefined) return { status: 503 }
    return served.status === 200 ? { near: this.usersOf(served.device, served.feed.near) } : { status: served.status }
  }

  /** A feed that has ended meanwhile may have a successor, which stays. */
  release(served: ServedDevice): void {
    if (--served.holders > 0) return
    served.feed.stop()
    if (this.served.get(served.device) === served) this.served.delete(served.device)
  }

  /** Users near, as far as known; none where nothing is known. */
  of(device: string): readonly NearUser[] {
    const served = this.served.get(device)
    return served === undefined ? [] : this.usersOf(device, served.feed.near)
  }

  /** The user of a device, or his friends, have changed: lists that he is on, or should be, are made again. */
  userChanged(users: Iterable<string>, device: string): void {
    const concerned = new Set([device])
    for (const user of users) for (const other of this.users.lookingFor(user)) concerned.add(other)
    for (const each of concerned) {
      const owner = this.users.of(each)
      const served = this.served.get(each)
      if (owner !== undefined && served !== undefined) this.follow(owner, served)
    }
    for (const [each, { feed, status }] of this.served) {
      if (status === 200 && (each === device || feed.near.has(device))) this.listener.changed(each)
    }
  }

  stop(): void {
    for (const { feed } of this.served.values()) feed.stop()
    this.served.clear()
  }

  private serve(user: ApplicationUser): ServedDevice {
    const { device } = user
    const existing = this.served.get(device)
    if (existing !== undefined) return existing
    const { prose } = this.askingFor(user)
    const served: ServedDevice = {
      device,
      holders: 0,
      status: undefined,
      waiting: new Waiters(this.asking.host.clock),
      prose,
      feed: this.feedFor(user, () => served),
    }
    this.served.set(device, served)
    return served
  }
  private feedFor(user: ApplicationUser, served: () => ServedDevice): NearFeed {
    const { device, friends } = user
    return new NearFeed(this.askingFor(user), device, this.devicesOf(friends), {
      changed: () => {
        // who still waits for the first answer gets it so; who was told that it did not come hears of it now
        const awaited = served().waiting.size > 0
        this.setStatusAndWake(served(), 200)
        if (!awaited) this.listener.changed(device)
      },
      ended: (status, reason) => {
        if (this.served.get(device) === served()) this.served.delete(device)
        this.setStatusAndWake(served(), status < 300 ? 403 : status)
        this.listener.ended(device, status, reason)
      },
    })
  }
  /** The user looks for others now, or is at another ProSe server. */
  private follow(user: ApplicationUser, served: ServedDevice): void {
    const { prose } = this.askingFor(user)
    if (prose === served.prose) return served.feed.lookFor(this.devicesOf(user.friends))
    served.feed.stop()
    served.prose = prose
    served.feed = this.feedFor(user, () => served)
  }
  private askingFor({ prose }: ApplicationUser): NearFeedOptions {
    return prose === undefined ? this.asking : { ...this.asking, prose }
  }

  private setStatusAndWake(served: ServedDevice, status: number): void {
    served.status = status
    served.waiting.wake()
  }

  private answer(device: string): NearAnswer {
    return { near: this.of(device) }
  }

  private devicesOf(friends: readonly string[] | undefined): PeerFilter {
    return friends && [...new Set(friends.flatMap((friend) => this.users.devicesOf(friend)))].sort()
  }

  /** SPEC §3.5: a device with no registered user of the application is not mentioned. */
  private usersOf(device: string, near: NearDevices): readonly NearUser[] {
    const { domains } = this.asking.host
    const found = new Map<string, NearUser>()
    const ownUserName = this.users.of(device)?.user
    for (const entry of near.values()) {
      const user = this.users.of(deviceKey(entry.device, domains) ?? entry.device)?.user
      if (user === undefined || user === ownUserName) continue
      const other = found.get(user)
      const { since, lastHeard } = entry
      found.set(user, other === undefined ? { user, since, lastHeard } : merged(other, { user, since, lastHeard }))
    }
    return [...found.values()]
  }
}

function merged(a: NearUser, b: NearUser): NearUser {
  const since = Date.parse(a.since) < Date.parse(b.since) ? a.since : b.since
  const lastHeard = Date.parse(a.lastHeard) > Date.parse(b.lastHeard) ? a.lastHeard : b.lastHeard
  return { user: a.user, since, lastHeard }
}
