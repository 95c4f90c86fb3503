/**
 * Logs of targets (SPEC §8.3): the requests that wait for the place of each, and those that were told it within a day. The
 * target alone reads its own. No place is in it.
 */
import type { EventPackage, Exchange, Host, Notifier } from '../../signalling/index.ts'
import { type LocationLog, mediaType, readBody, writeBody } from '../schemas/index.ts'
import { Kept } from '../shared/state/kept.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'
import type { TargetOwners } from './target-owners.ts'
import type { TargetRequest } from './target-request.ts'

type ActiveRequest = LocationLog['active'][number]
type PastRequest = LocationLog['past'][number]

interface LoggedRequest extends PastRequest {
  readonly target: string
}

interface LocationLogParts {
  readonly host: Host
  readonly owners: TargetOwners
  /** Requests about a target that wait for something. */
  readonly activeOf: (target: string) => readonly TargetRequest[]
  /** Ends requests by word of their target. False: one of them is about somebody else, and none has ended. */
  readonly end: (target: string, requests: readonly string[]) => Promise<boolean>
}

export const logEvent = 'location-log'
const day = 86_400_000 // milliseconds
const toldAtMost = 100 // requests about a target that are kept
const pause = 200 // milliseconds in which changes become one state
const shownAtMost = 50 // requests of each kind in a NOTIFY

/** Requests about a target; a NOTIFY adds its version. */
export type LogState = Omit<LocationLog, 'version'>

export const logPackage: EventPackage<LogState> = {
  name: logEvent,
  types: [mediaType('location-log')],
  expires: { usual: 3600, max: 86_400 },
  render: ({ active, past }, { version }) => writeBody('location-log', { version, active: [...active], past: [...past] }),
}

export class LocationLogs {
  private readonly parts: LocationLogParts
  private readonly kept: Kept<LoggedRequest>
  private readonly ofTarget: RecordSets<LoggedRequest>
  private readonly notifiers = new Map<string, Set<Notifier<LogState>>>()
  /** Targets whose next state is told soon. */
  private readonly waiting = new Set<string>()

  constructor(parts: LocationLogParts) {
    const { host } = parts
    this.parts = parts
    this.kept = new Kept<LoggedRequest>(host, {
      prefix: `gmlc/${host.name}/told/`,
      noun: 'a request that was told a place',
      expires: ({ at }) => Date.parse(at) + day,
      ended: 'lapse',
    })
    this.ofTarget = this.kept.setIndex(({ target }) => [target])
    host.gauge('requests_told', () => this.kept.size)
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }

  /** A request was told a place now. */
  told(target: string, request: ActiveRequest): void {
    const at = new Date(this.parts.host.clock.date()).toISOString()
    void this.kept.enforce(request.request, { ...request, target, at })
    const all = [...this.ofTarget.of(target)]
    if (all.length > toldAtMost) void this.kept.expel(all.toSorted(latestFirst).at(-1)!.request)
    this.changed(target)
  }
  /** A request about the target has come, or is over. */
  changed(target: string): void {
    if (!this.notifiers.has(target) || this.waiting.has(target)) return
    this.waiting.add(target)
    this.parts.host.clock.after(pause, () => {
      this.waiting.delete(target)
      const state = this.stateOf(target)
      for (const notifier of this.notifiers.get(target) ?? []) notifier.notify(state)
    })
  }
  /** SUBSCRIBE of the target at its own URI, or of an element that speaks for it. */
  async handle(exchange: Exchange): Promise<void> {
    const owner = await this.parts.owners.ownerFor(exchange, exchange.request.uri.text)
    if (owner === undefined)
      return exchange.reply(403, { warning: 'a log is its subscriber’s; expected to be that, by your proxy' })
    exchange.accept<LogState>({
      package: logEvent,
      resource: owner.id,
      state: this.stateOf(owner.id),
      begun: (notifier) => this.follow(notifier),
    })
  }
  /** A target ends requests of its log. */
  async handleEnd(exchange: Exchange): Promise<void> {
    const { end, owners } = this.parts
    const body = readBody(exchange.request, 'lcs-end')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const owner = await owners.ownerFor(exchange, body.value.target)
    if (owner !== undefined && (await end(owner.id, body.value.requests))) return exchange.reply(200)
    exchange.reply(403, { warning: 'not all of these are about you; expected requests of your location-log' })
  }
  restored(notifier: Notifier<LogState>): void {
    this.follow(notifier)
    notifier.notify(this.stateOf(notifier.resource))
  }
  ended(notifier: Notifier<LogState>): void {
    const all = this.notifiers.get(notifier.resource)
    if (all?.delete(notifier) === true && all.size === 0) this.notifiers.delete(notifier.resource)
  }

  private follow(notifier: Notifier<LogState>): void {
    const all = this.notifiers.get(notifier.resource) ?? new Set()
    this.notifiers.set(notifier.resource, all.add(notifier))
  }
  private stateOf(target: string): LogState {
    const waiting = this.parts.activeOf(target)
    const live = new Set(waiting.map(({ request }) => request))
    const past = [...this.ofTarget.of(target)].filter(({ request }) => !live.has(request)).toSorted(latestFirst)
    return {
      active: fairly(waiting, shownAtMost)
        .toSorted((a, b) => a.since - b.since)
        .map(loggedOf),
      past: past.slice(0, shownAtMost).map(({ target: _, ...one }) => one),
    }
  }
}

function latestFirst(a: LoggedRequest, b: LoggedRequest): number {
  return a.at < b.at ? 1 : a.at > b.at ? -1 : 0
}

function loggedOf({ question: { client, requestor }, request, since, wishes: { type } }: TargetRequest): ActiveRequest {
  return { request, requestor, client, type, since: new Date(since).toISOString() }
}

/** So many of them, so that no asker hides another by how many he has. */
function fairly(requests: readonly TargetRequest[], most: number): readonly TargetRequest[] {
  if (requests.length <= most) return requests
  const turns = new Map<string, number>()
  const ranked = requests.map((one) => {
    const turn = turns.get(one.question.requestor) ?? 0
    turns.set(one.question.requestor, turn + 1)
    return { one, turn }
  })
  return ranked
    .toSorted((a, b) => a.turn - b.turn)
    .slice(0, most)
    .map(({ one }) => one)
}
