/** Watchers of proximate lists: standing `proximity` subscriptions, found by the device they ask about. */
import type { Json, Notifier } from '../../../signalling/index.ts'
import { mediaType } from '../../schemas/index.ts'
import { SetIndex } from '../../shared/state/set-index.ts'
import type { Relation } from './proximate-list.ts'

/** The media type whose states hold the relations told to one subscriber, and are not shared. */
export const diffType = mediaType('proximity-diff')

/** The question (SPEC §3.3): the list, one pair, or which of a set of peers. */
export type ProximityQuestion =
  | { readonly kind: 'list' }
  | { readonly kind: 'pair'; readonly peer: string }
  | { readonly kind: 'set'; readonly id: string; readonly peers: ReadonlySet<string>; readonly wake: boolean }

/** State of one NOTIFY. The answer is taken when it is rendered, so it is the newest. */
export interface ProximityView {
  readonly device: string
  readonly question: ProximityQuestion
  readonly mutual: boolean
  /** Relations of the last rendering of this state; differences are taken against them. */
  lastTold: ReadonlyMap<string, Relation> | undefined
}

/** One standing subscription. */
export interface ProximityWatcher {
  readonly notifier: Notifier<ProximityView>
  readonly device: string
  question: ProximityQuestion
  readonly mutual: boolean
  readonly application: string | undefined
  /** The device asks for itself, and no application server for it. */
  readonly own: boolean
}

/** The record of a watcher that the engine keeps over a restart. */
export interface WatcherRecord {
  readonly [member: string]: Json | undefined
  readonly peer?: string
  readonly set?: string
  readonly mutual?: boolean
  readonly application?: string
  /** Absent in a record of an earlier version. */
  readonly own?: boolean
}

export function viewOf({ device, question, mutual }: Pick<ProximityWatcher, 'device' | 'question' | 'mutual'>): ProximityView {
  return { device, question, mutual, lastTold: undefined }
}

/** Whether the answer may have changed when the relations to these peers have. */
export function concerns(question: ProximityQuestion, peers: readonly string[]): boolean {
  switch (question.kind) {
    case 'list':
      return true
    case 'pair':
      return peers.includes(question.peer)
    case 'set':
      return peers.some((peer) => question.peers.has(peer))
  }
}

export class ProximityWatchers {
  private readonly byDevice = new SetIndex<string, ProximityWatcher>()
  /** Watchers that ask for mutual relations, which change when the peer hears the device. */
  private readonly mutualByDevice = new SetIndex<string, ProximityWatcher>()
  private readonly byId = new Map<string, ProximityWatcher>()

  get size(): number {
    return this.byId.size
  }

  add(watcher: ProximityWatcher): void {
    this.byId.set(watcher.notifier.id, watcher)
    this.byDevice.add(watcher.device, watcher)
    if (watcher.mutual) this.mutualByDevice.add(watcher.device, watcher)
  }

  remove(id: string): ProximityWatcher | undefined {
    const watcher = this.byId.get(id)
    if (watcher === undefined) return undefined
    this.byId.delete(id)
    this.byDevice.delete(watcher.device, watcher)
    if (watcher.mutual) this.mutualByDevice.delete(watcher.device, watcher)
    return watcher
  }

  find(id: string): ProximityWatcher | undefined {
    return this.byId.get(id)
  }

  /** Devices whose lists are watched. */
  devices(): Iterable<string> {
    return this.byDevice.keys()
  }

  of(device: string): ReadonlySet<ProximityWatcher> {
    return this.byDevice.of(device)
  }

  mutualOf(device: string): ReadonlySet<ProximityWatcher> {
    return this.mutualByDevice.of(device)
  }
}
