/** Triggered peers on one device's monitor list (SPEC §3.1, FIG 9), and the servers that have put them there. */
import type { Json } from '../../../signalling/index.ts'
import type { SubscriberRecord } from '../../schemas/index.ts'
import { actsFor } from '../../shared/permissions/device-permissions.ts'

/** Peers named by an application server: listed while the subscriber lists that server, for that application. */
interface ServerTriggered {
  /** Canonical URI; undefined: stored before it was kept, so that any that is listed stands for it. */
  readonly server: string | undefined
  /** Undefined: any. */
  readonly application: string | undefined
  readonly peers: ReadonlySet<string>
}

export interface TriggeredPeers {
  /** All of them. */
  readonly peers: ReadonlySet<string>
  /** Peers named by the device itself: listed while it is their friend, or a server has named them too. */
  readonly own: ReadonlySet<string>
  readonly by: readonly ServerTriggered[]
}

/** As it is stored. */
export interface TriggeredList {
  readonly device: string
  readonly peers: readonly string[]
  readonly own?: readonly string[]
  readonly by?: readonly { readonly server?: string; readonly application?: string; readonly peers: readonly string[] }[]
}

export const noneTriggered: TriggeredPeers = { peers: new Set(), own: new Set(), by: [] }

function triggered(own: ReadonlySet<string>, by: readonly ServerTriggered[]): TriggeredPeers {
  const some = by.filter(({ peers }) => peers.size > 0)
  return { peers: new Set([...some.flatMap(({ peers }) => [...peers]), ...own]), own, by: some }
}

/** @param server who names them; undefined: the device itself */
export function withNamed(
  before: TriggeredPeers,
  given: ReadonlySet<string>,
  server: Omit<ServerTriggered, 'peers'> | undefined,
): TriggeredPeers {
  if (server === undefined) return triggered(new Set([...before.own, ...given]), before.by)
  const isSame = (one: ServerTriggered): boolean => one.server === server.server && one.application === server.application
  const named = before.by.find(isSame)?.peers ?? []
  const others = before.by.filter((one) => !isSame(one))
  return triggered(before.own, [...others, { ...server, peers: new Set([...named, ...given]) }])
}

/** The list without these peers, also where a server has put them there. */
export function withoutPeers({ own, by }: TriggeredPeers, taken: readonly string[]): TriggeredPeers {
  const gone = new Set(taken)
  const kept = (peers: ReadonlySet<string>): ReadonlySet<string> => new Set([...peers].filter((key) => !gone.has(key)))
  return triggered(
    kept(own),
    by.map((one) => ({ ...one, peers: kept(one.peers) })),
  )
}

/**
 * @param kept peers of the device's own that stay
 */
export function withOwn({ by }: TriggeredPeers, kept: ReadonlySet<string>): TriggeredPeers {
  return triggered(kept, by)
}

/** The list without the peers of servers that may not act for the subscriber any more; the same where all may. */
export function withListed(before: TriggeredPeers, record: SubscriberRecord): TriggeredPeers {
  const isListed = ({ server, application }: ServerTriggered): boolean =>
    server === undefined ? (record.servers ?? []).length > 0 : actsFor(server, record, application)
  const kept = before.by.filter(isListed)
  return kept.length === before.by.length ? before : triggered(before.own, kept)
}

export function storedForm(device: string, { peers, own, by }: TriggeredPeers): Json & TriggeredList {
  const servers = by.map(({ server, application, peers }) => ({
    ...(server === undefined ? {} : { server }),
    ...(application === undefined ? {} : { application }),
    peers: [...peers],
  }))
  return { device, peers: [...peers], own: [...own], by: servers }
}

export function readTriggered({ peers, own = [], by = [] }: TriggeredList): TriggeredPeers {
  const servers = by.map(({ server, application, peers }) => ({ server, application, peers: new Set(peers) }))
  const attributed = new Set([...own, ...by.flatMap(({ peers }) => peers)])
  const unknown = new Set(peers.filter((key) => !attributed.has(key)))
  return triggered(new Set(own), [...servers, { server: undefined, application: undefined, peers: unknown }])
}
