/** `application/watcherinfo+xml` (RFC 3858): who watches a presentity, told to the presentity alone. */
import { escaped } from '../shared/values/xml.ts'

export const watcherInfoType = 'application/watcherinfo+xml'

/** One subscription, with its state and event as RFC 3857 §4.7 names them. */
export interface Watcher {
  readonly id: string
  readonly uri: string
  readonly status: 'pending' | 'active' | 'terminated'
  readonly event: 'subscribe' | 'approved' | 'deactivated' | 'probation' | 'rejected' | 'timeout' | 'giveup' | 'noresource'
}

export interface Watchers {
  readonly entity: string
  readonly live: readonly Watcher[]
  /** Watchers that ended lately, in case the presentity has not been told. */
  readonly ended: readonly Watcher[]
}

/** The end of a watcher is told only where the watcher was told before. */
export function sameWatchers(a: Watchers, b: Watchers): boolean {
  if (a.live.length !== b.live.length) return false
  return a.live.every(({ id, status }, i) => b.live[i]!.id === id && b.live[i]!.status === status)
}

/** Full where `previous` is undefined; else the differences from it (RFC 3858 §4). */
export function watcherInfo(state: Watchers, previous: Watchers | undefined, version: number): string {
  const watchers = previous === undefined ? state.live : changes(state, previous)
  const lines = watchers.map(
    ({ id, uri, status, event }) =>
      `    <watcher id="${escaped(id)}" status="${status}" event="${event}">${escaped(uri)}</watcher>`,
  )
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="${version}" state="${previous === undefined ? 'full' : 'partial'}">`,
    `  <watcher-list resource="${escaped(state.entity)}" package="presence">`,
    ...lines,
    '  </watcher-list>',
    '</watcherinfo>',
    '',
  ].join('\n')
}

/**
 * Less than all that has changed, in a body of `room` bytes, and the watchers as the presentity has them then. Undefined: not
 * even one fits.
 */
export function watcherPart(
  state: Watchers,
  previous: Watchers | undefined,
  version: number,
  room: number,
): { readonly body: string; readonly state: Watchers } | undefined {
  const live = new Map(previous?.live.map((watcher) => [watcher.id, watcher]))
  let left = room - overhead
  let taken = 0
  for (const watcher of previous === undefined ? state.live : changes(state, previous)) {
    left -= lineOverhead + Buffer.byteLength(escaped(watcher.uri))
    if (left < 0) break
    if (watcher.status === 'terminated') live.delete(watcher.id)
    else live.set(watcher.id, watcher)
    taken++
  }
  if (taken === 0) return undefined
  const partialState: Watchers = { ...state, live: [...live.values()] }
  return { body: watcherInfo(partialState, previous, version), state: partialState }
}

const overhead = 1000 // bytes of a document without watchers, at most
const lineOverhead = 120 // bytes of a watcher without its URI, at most

function changes(state: Watchers, previous: Watchers): readonly Watcher[] {
  const before = new Map(previous.live.map((watcher) => [watcher.id, watcher]))
  const changed: Watcher[] = []
  for (const watcher of state.live) {
    const old = before.get(watcher.id)
    before.delete(watcher.id)
    if (old?.status !== watcher.status) changed.push(watcher)
  }
  for (const old of before.values()) {
    changed.push(state.ended.findLast(({ id }) => id === old.id) ?? { ...old, status: 'terminated', event: 'timeout' })
  }
  return changed
}
