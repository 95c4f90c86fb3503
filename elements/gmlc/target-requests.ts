/**
 * Requests about targets that wait for something (SPEC §8.2–§8.4): stored until they have ended everywhere. The privacy of the
 * target judges each when it comes, at each report, at each change of its profile and at the edges of rules.
 */
import type { EndReason, Host, Notifier } from '../../signalling/index.ts'
import type { LcsReport } from '../schemas/index.ts'
import { isAsking, nextJudgement } from '../shared/location/privacy-rules.ts'
import { isWatched } from '../shared/location/target-watch.ts'
import { Kept } from '../shared/state/kept.ts'
import { enforceTogether } from '../shared/state/kept-change.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'
import type { CoreRequests } from './core-requests.ts'
import { JudgementTimes } from './judgement-times.ts'
import type { LocationPermissions } from './location-permissions.ts'
import { type LocationState, nothingYet } from './location-state.ts'
import type { Profiles } from './profiles.ts'
import type { DisclosedReport, TargetReports } from './target-reports.ts'
import { type CancelCause, endReasons, isFinal, type TargetRequest } from './target-request.ts'
import { carriedWishes, precisionFor } from './watched-reports.ts'

interface TargetRequestParts {
  readonly host: Host
  readonly profiles: Profiles
  readonly permissions: LocationPermissions
  readonly cores: CoreRequests
  readonly reports: TargetReports
  /** A request about that target has come, or is over. */
  readonly changed: (target: string) => void
}

const askPatience = 300_000 // milliseconds for which the word of a target is waited for
const heldAtMost = 2000 // milliseconds until an asker hears of the end, if not every stage confirms it before
const orphansAfter = 60_000 // milliseconds after a start in which subscriptions are taken up again
const pauseAfterFault = 5000 // milliseconds, such as of a store that has failed
const reportsAtMost = 16 // of one request, not told yet
const requestsAtMost = 1_000_000

export class TargetRequests {
  private readonly parts: TargetRequestParts
  private readonly kept: Kept<TargetRequest>
  private readonly ofTarget: RecordSets<TargetRequest>
  private readonly times: JudgementTimes
  private readonly notifiers = new Map<string, Notifier<LocationState>>()
  /** Requests whose reports are being told. */
  private readonly telling = new Set<string>()
  /** Reports that have been told while the store fails to say so, by request. */
  private readonly finished = new Map<string, DisclosedReport & { readonly seq: number }>()
  /** Called when a request has ended everywhere. */
  private readonly endListeners = new Map<string, () => void>()
  private isStopped = false

  constructor(parts: TargetRequestParts) {
    const { host } = parts
    this.parts = parts
    this.kept = new Kept<TargetRequest>(host, { prefix: `gmlc/${host.name}/request/`, noun: 'a request about a target' })
    this.ofTarget = this.kept.setIndex(({ target }) => [target])
    this.times = new JudgementTimes(host.clock, (requests) => void this.judgeAtTime(requests))
    host.gauge('requests_waiting', () => this.kept.size)
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  /** Goes on with what was under way when an earlier process ended. Profiles may have changed without a word to it. */
  start(): void {
    const all = [...this.kept.values()]
    const ending = all.filter(({ stage }) => stage === 'cancelling')
    for (const [cause, some] of Map.groupBy(ending, (one) => one.cause!)) this.withdraw(some, cause)
    void this.cancel(
      all.filter((one) => !this.mayBeTold(one)),
      'privacy',
    )
    for (const { request, stage } of all) if (stage === 'asked' || stage === 'sent') void this.open(request)
    for (const { request } of all) this.watch(request)
    const armed = all.filter(({ reports, stage }) => stage === 'armed' && !reports.some(isFinal)).map(({ request }) => request)
    this.carryChanged(all.filter(({ stage }) => stage === 'armed'))
    void this.parts.cores.compare(armed, (lost) => {
      for (const request of lost) void this.carryAnew(request)
    })
    this.parts.host.clock.after(orphansAfter, () => this.endOrphans())
  }
  stop(): Promise<void> {
    this.isStopped = true
    this.times.stop()
    return this.kept.stop()
  }

  isKnown(request: string): boolean {
    return this.kept.get(request) !== undefined
  }
  get isFull(): boolean {
    return this.kept.size >= requestsAtMost
  }
  /** A new one, to be stored with its subscription. */
  beginning(
    asked: Pick<TargetRequest, 'request' | 'target' | 'question' | 'wishes'>,
  ): ReturnType<Kept<TargetRequest>['changing']> {
    const since = this.parts.host.clock.date()
    return this.kept.changing(asked.request, () => ({ ...asked, since, stage: 'asked', seq: -1, reports: [] }))
  }
  /** Its subscription stands. */
  begun(notifier: Notifier<LocationState>, request: string): void {
    this.notifiers.set(request, notifier)
    this.watch(request)
    this.parts.changed(notifier.resource)
    void this.open(request)
  }
  /** False: the subscription of no request. */
  restored(notifier: Notifier<LocationState>): boolean {
    const record = this.recordOf(notifier)
    if (record === undefined) return false
    this.notifiers.set(record.request, notifier)
    notifier.notify(nothingYet)
    if (record.stage === 'cancelling') this.endSoon(record.request)
    else void this.tell(record.request)
    return true
  }
  /** Its subscriber wants no more, or its time is over. Resolves once it has ended everywhere, or that takes long. */
  ended(notifier: Notifier<LocationState>, isExpired: boolean): Promise<void> | undefined {
    const record = this.recordOf(notifier)
    if (record === undefined || !this.notifiers.delete(record.request) || record.stage === 'cancelling') return undefined
    const over = new Promise<void>((resolve) => {
      this.endListeners.set(record.request, resolve)
    })
    void this.cancel([record], isExpired ? 'expired' : 'client')
    return over
  }
  private recordOf({ record }: Notifier<LocationState>): TargetRequest | undefined {
    const { request } = (record ?? {}) as { readonly request?: string }
    return request === undefined ? undefined : this.kept.get(request)
  }

  /** Requests about a target that have not ended. */
  activeOf(target: string): readonly TargetRequest[] {
    return [...this.ofTarget.of(target)].filter(({ stage }) => stage !== 'cancelling')
  }
  /** Ends requests by word of their target. False: one of them is about somebody else, and none has ended. */
  async endBy(target: string, requests: readonly string[]): Promise<boolean> {
    const records = requests.flatMap((request) => this.kept.get(request) ?? [])
    if (records.some((one) => one.target !== target)) return false
    await this.cancel(records, 'target')
    return true
  }
  /** The profile of a target is another. Nothing of those that it ends leaves when it returns; for good when it resolves. */
  judge(target: string): Promise<void> {
    const all = [...this.ofTarget.of(target)]
    for (const { isAllowed, request } of all) {
      this.watch(request)
      if (isAllowed === true) void this.change(request, ({ isAllowed: _, ...now }) => now) // its word was about other rules
    }
    this.carryChanged(all)
    return this.cancel(
      all.filter((one) => !this.mayBeTold(one)),
      'privacy',
    )
  }
  /** A report of the core network: the status of its answer. 200: it is stored, and told when it may be. */
  async take(report: LcsReport): Promise<number> {
    const { request, seq } = report
    const status = await this.kept.inTurn(request, async () => {
      const record = this.kept.get(request)
      if (record === undefined || record.stage === 'cancelling') return 481
      if (seq <= record.seq) return 200
      if (record.reports.length >= reportsAtMost) return 503
      const isTaken = await this.kept.put(request, { ...record, seq, reports: [...record.reports, report] })
      return isTaken ? 200 : 481
    })
    void this.tell(request)
    return status
  }

  private mayBeTold({ question, target, wishes }: TargetRequest): boolean {
    return this.parts.permissions.mayBeTold(target, question, wishes.type)
  }
  private isToBeAsked({ question, target }: TargetRequest): boolean {
    const mode = this.parts.permissions.of(target, question)?.mode
    return mode !== undefined && isAsking(mode)
  }
  private isUnderWay(request: string): boolean {
    const stage = this.kept.get(request)?.stage
    return !this.isStopped && stage !== undefined && stage !== 'cancelling'
  }
  private async change(request: string, changed: (record: TargetRequest) => TargetRequest): Promise<void> {
    await this.kept.inTurn(request, async () => {
      const record = this.kept.get(request)
      if (record !== undefined && record.stage !== 'cancelling') await this.kept.put(request, changed(record))
    })
  }

  /** The target lets it, and the core network gets it. */
  private async open(request: string): Promise<void> {
    const { host, permissions } = this.parts
    try {
      const record = this.kept.get(request)
      if (record === undefined || record.stage === 'cancelling') return
      const { question, target } = record
      const isAllowed = record.isAllowed === true || record.stage === 'sent'
      const isAsked = !isAllowed && this.isToBeAsked(record)
      const { type } = record.wishes
      const granted = await permissions.granted(target, question, { isAllowed, patience: askPatience, type })
      if (!this.isUnderWay(request)) return
      if (granted === undefined) return await this.cancel([record], this.mayBeTold(record) ? 'target' : 'privacy')
      const allowed = isAsked ? ({ isAllowed: true } as const) : {}
      const carried = precisionFor(record, this.parts.permissions)
      await this.change(request, (now) => ({ ...now, ...allowed, carried, stage: now.stage === 'asked' ? 'sent' : now.stage }))
      await this.carry(request)
    } catch (fault) {
      host.log.error({ request, fault: String(fault) }, 'a request about a target does not go on: tried again')
      host.clock.after(pauseAfterFault, () => void this.open(request))
    }
  }

  /** Requests that the core network is to watch for another precision are sent anew. */
  private carryChanged(records: readonly TargetRequest[]): void {
    for (const one of records)
      if (isWatched(one.wishes) && one.carried !== precisionFor(one, this.parts.permissions)) void this.carryAnew(one.request)
  }
  private async carryAnew(request: string): Promise<void> {
    const { host } = this.parts
    try {
      await this.change(request, (now) => ({
        ...now,
        carried: precisionFor(now, this.parts.permissions),
        stage: now.stage === 'asked' ? 'asked' : 'sent',
      }))
      if (this.kept.get(request)?.stage === 'sent') await this.carry(request)
    } catch (fault) {
      host.log.error({ request, fault: String(fault) }, 'a request about a target is not carried anew: tried again')
      host.clock.after(pauseAfterFault, () => void this.carryAnew(request))
    }
  }
  private async carry(request: string): Promise<void> {
    const { cores, host } = this.parts
    const record = this.kept.get(request)
    if (record === undefined) return
    const { carried = 'exact', seq } = record
    const isWanted = (): boolean => this.kept.get(request)?.stage === 'sent' && this.kept.get(request)?.carried === carried
    const refused = await cores.carry({ ...record, wishes: carriedWishes(record, carried) }, isWanted)
    if (refused === undefined) return this.change(request, (now) => (now.carried === carried ? { ...now, stage: 'armed' } : now))
    if (!this.isUnderWay(request)) return
    host.log.warn({ request, status: refused }, 'the core network has refused a request about a target')
    const at = new Date(host.clock.date()).toISOString()
    await this.take({ request, seq: (this.kept.get(request)?.seq ?? seq) + 1, state: 'failed', cause: 'position-failed', at })
  }

  /** Tells the reports of a request, one after the other: each is stored until it has arrived. */
  private async tell(request: string): Promise<void> {
    if (this.telling.has(request)) return
    this.telling.add(request)
    try {
      for (;;) {
        const record = this.kept.get(request)
        const notifier = this.notifiers.get(request)
        const report = record?.reports[0]
        if (record === undefined || record.stage === 'cancelling' || report === undefined || notifier?.live !== true) return
        const isAsked = record.isAllowed !== true && this.isToBeAsked(record)
        const known = this.finished.get(request)
        const disclosed = known?.seq === report.seq ? known : await this.disclosed(record, report, notifier, isAsked)
        const { outcome } = disclosed
        if (outcome === 'over' || !this.isUnderWay(request)) return
        if (outcome === 'refused') return await this.cancel([record], 'target')
        this.finished.set(request, { ...disclosed, seq: report.seq })
        await this.finishReport(record, report, { ...disclosed, outcome, isAsked })
      }
    } catch (fault) {
      const { clock, log } = this.parts.host
      log.error({ request, fault: String(fault) }, 'a report about a target is not told: tried again')
      clock.after(pauseAfterFault, () => void this.tell(request))
    } finally {
      this.telling.delete(request)
    }
  }
  /** @param isAsked the profile has come to want the word of the target */
  private async disclosed(
    record: TargetRequest,
    report: LcsReport,
    notifier: Notifier<LocationState>,
    isAsked: boolean,
  ): Promise<DisclosedReport> {
    const { request } = record
    const isAllowed = (): boolean => this.kept.get(request)?.isAllowed === true
    const found = await this.parts.reports.disclose({ record, report, notifier, isAllowed })
    return found.outcome === 'withheld' && isAsked && this.mayBeTold(record) ? { ...found, outcome: 'refused' } : found
  }
  /** A report is done with. */
  private async finishReport(
    record: TargetRequest,
    { seq, state }: LcsReport,
    { isAsked, isPlaceTold, outcome, watch }: DisclosedReport & { readonly isAsked: boolean },
  ): Promise<void> {
    const { request, target } = record
    const reason = outcome === 'withheld' ? 'rejected' : 'noresource'
    const isUntold = isWatched(record.wishes) && state === 'done' && !isPlaceTold
    if (isFinal({ state }) && !isUntold) {
      await this.kept.remove(request)
      this.parts.changed(target)
      this.endSubscription(request, reason)
      return this.over(request)
    }
    const known = isPlaceTold ? { isNoticed: true as const, ...(isAsked ? { isAllowed: true as const } : {}) } : {}
    const seen = watch === undefined ? {} : { watch }
    await this.change(request, (now) => ({ ...now, ...known, ...seen, reports: now.reports.filter((one) => one.seq !== seq) }))
    this.finished.delete(request)
    if (isUntold) return this.carryAnew(request) // its end would tell the event
    if (watch?.isOver !== true || !isPlaceTold) return
    this.endSubscription(request, reason)
    await this.cancel([record], 'client') // its one event has come: the core network watches no more
  }

  /** Nothing of them leaves this element any more when it returns; for good when it resolves. */
  private async cancel(records: readonly TargetRequest[], cause: CancelCause): Promise<void> {
    const { changed, host } = this.parts
    const live = records.filter(({ request }) => this.isUnderWay(request))
    if (live.length === 0) return
    const ending = live.map((one): TargetRequest => ({ ...one, stage: 'cancelling', cause, reports: [] }))
    const written = enforceTogether(
      host,
      ending.map((one) => this.kept.putting(one.request, one)),
    )
    for (const { request } of live) {
      this.notifiers.get(request)?.recall()
      this.endSoon(request)
    }
    for (const target of new Set(live.map((one) => one.target))) changed(target)
    await written
    this.withdraw(live, cause)
  }
  /** Tells the core network, target by target, and forgets them when it has confirmed. */
  private withdraw(records: readonly TargetRequest[], cause: CancelCause): void {
    const { cores, host, profiles } = this.parts
    const version = cause === 'privacy' ? { profile: profiles.lastVersion } : {}
    const ended = async (requests: readonly string[]): Promise<void> => {
      await enforceTogether(
        host,
        requests.map((request) => this.kept.removing(request)),
      )
      for (const request of requests) {
        this.endSubscription(request, endReasons[cause])
        this.over(request)
      }
    }
    void ended(records.filter(({ stage }) => stage === 'asked').map(({ request }) => request))
    const carried = records.filter(({ stage }) => stage !== 'asked')
    for (const [target, some] of Map.groupBy(carried, (one) => one.target)) {
      const requests = some.map(({ request }) => request)
      cores.cancel({ target, cause, requests, ...version }, ended).catch((fault: unknown) => {
        host.log.error({ target, fault: String(fault) }, 'requests about a target are not cancelled')
      })
    }
  }
  /** The asker hears of the end, even if a stage is down. */
  private endSoon(request: string): void {
    this.parts.host.clock.after(heldAtMost, () => {
      const cause = this.kept.get(request)?.cause
      if (cause !== undefined) this.endSubscription(request, endReasons[cause])
      this.over(request)
    })
  }
  private endSubscription(request: string, reason: EndReason): void {
    const notifier = this.notifiers.get(request)
    this.notifiers.delete(request)
    notifier?.terminate(reason)
  }
  private over(request: string): void {
    this.times.set(request, undefined)
    this.finished.delete(request)
    this.endListeners.get(request)?.()
    this.endListeners.delete(request)
  }
  /** Their subscriptions were lost with an earlier process. */
  private endOrphans(): void {
    void this.cancel(
      [...this.kept.values()].filter(({ request }) => !this.notifiers.has(request)),
      'client',
    )
  }

  /** Looked at when a rule begins or ends, and at its own end. */
  private watch(request: string): void {
    const record = this.kept.get(request)
    if (record === undefined || record.stage === 'cancelling') return this.times.set(request, undefined)
    const { host, profiles } = this.parts
    const { question, target, wishes } = record
    const edge = nextJudgement(profiles.of(target), question, host.clock.date())
    const end = wishes.stop === undefined ? undefined : Date.parse(wishes.stop)
    this.times.set(request, edge === undefined || end === undefined ? (edge ?? end) : Math.min(edge, end))
  }
  private async judgeAtTime(requests: readonly string[]): Promise<void> {
    const now = this.parts.host.clock.date()
    const records = requests.flatMap((request) => this.kept.get(request) ?? [])
    const isOver = ({ wishes: { stop } }: TargetRequest): boolean => stop !== undefined && Date.parse(stop) <= now
    for (const request of requests) this.watch(request)
    await this.cancel(records.filter(isOver), 'expired')
    await this.cancel(
      records.filter((one) => !isOver(one) && !this.mayBeTold(one)),
      'time',
    )
    this.carryChanged(records)
  }
}
