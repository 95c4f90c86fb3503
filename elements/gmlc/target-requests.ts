/**
 * Requests about targets that wait for something (SPEC §8.2–§8.4): stored until they have ended everywhere. The privacy of the
 * target judges each when it comes, at each report, at each change of its profile and at the edges of rules.
 */
import type { EndReason, Host, Notifier } from '../../signalling/index.ts'
import type { LcsCancel, LcsReport, LocationRequest } from '../schemas/index.ts'
import { isAsking, nextJudgement, type PrivacyQuestion } from '../shared/location/privacy-rules.ts'
import { Kept } from '../shared/state/kept.ts'
import { enforceTogether } from '../shared/state/kept-change.ts'
import { KeyedDeadlines } from '../shared/state/keyed-deadlines.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'
import type { CoreRequests } from './core-requests.ts'
import type { Disclosures } from './disclosures.ts'
import { noteDocument } from './location-document.ts'
import type { LocationPermissions } from './location-permissions.ts'
import { type LocationState, nothingYet } from './location-state.ts'
import type { Profiles } from './profiles.ts'

type CancelCause = LcsCancel['cause']

interface TargetRequest {
  readonly request: string
  /** Canonical. */
  readonly target: string
  readonly question: PrivacyQuestion
  /** Without its codeword, whose seal is in the question. */
  readonly wishes: LocationRequest
  /** `asked`: the core network has not heard of it; `sent`: it may have; `armed`: it has it; `cancelling`: it is to forget it. */
  readonly stage: 'asked' | 'sent' | 'armed' | 'cancelling'
  /** Of one that is cancelling. */
  readonly cause?: CancelCause
  /** Number of the last report taken; -1: none. */
  readonly seq: number
  /** Taken and not told yet, in their order. */
  readonly reports: readonly LcsReport[]
  /** The target was asked, and lets it. */
  readonly isAllowed?: true
  /** The target has been told of it. */
  readonly isNoticed?: true
}

interface TargetRequestParts {
  readonly host: Host
  readonly profiles: Profiles
  readonly permissions: LocationPermissions
  readonly disclosures: Disclosures
  readonly cores: CoreRequests
}

const askPatience = 300_000 // milliseconds for which the word of a target is waited for
const heldAtMost = 2000 // milliseconds until an asker hears of the end, if not every stage confirms it before
const orphansAfter = 10_000 // milliseconds after a start in which subscriptions are taken up again
const reportsAtMost = 16 // of one request, not told yet
const requestsAtMost = 1_000_000

const reasons: { readonly [cause in CancelCause]: EndReason } = {
  client: 'timeout',
  expired: 'timeout',
  privacy: 'rejected',
  target: 'rejected',
  time: 'rejected',
  operator: 'noresource',
}

export class TargetRequests {
  private readonly parts: TargetRequestParts
  private readonly kept: Kept<TargetRequest>
  private readonly ofTarget: RecordSets<TargetRequest>
  private readonly edges: KeyedDeadlines<string>
  /** Milliseconds since the epoch at which each is looked at next. */
  private readonly edgeOf = new Map<string, number>()
  private readonly notifiers = new Map<string, Notifier<LocationState>>()
  /** Requests whose reports are being told. */
  private readonly telling = new Set<string>()
  /** Called when a request has ended everywhere. */
  private readonly waiting = new Map<string, (() => void)[]>()
  private isStopped = false

  constructor(parts: TargetRequestParts) {
    const { host } = parts
    this.parts = parts
    this.kept = new Kept<TargetRequest>(host, { prefix: `gmlc/${host.name}/request/`, noun: 'a request about a target' })
    this.ofTarget = this.kept.setIndex(({ target }) => [target])
    this.edges = new KeyedDeadlines<string>(
      host.clock,
      (request) => this.edgeOf.get(request),
      (due) => void this.atEdge(due),
    )
    host.gauge('requests_waiting', () => this.kept.size)
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  /** Goes on with what was under way when an earlier process ended. Profiles may have changed without a word to it. */
  start(): void {
    const all = [...this.kept.values()]
    const ending = all.filter(({ stage }) => stage === 'cancelling')
    for (const cause of new Set(ending.map((one) => one.cause!)))
      this.withdraw(
        ending.filter((one) => one.cause === cause),
        cause,
      )
    void this.cancel(
      all.filter((one) => one.stage !== 'cancelling' && !this.isTold(one)),
      'privacy',
    )
    for (const { request, stage } of all) if (stage === 'asked' || stage === 'sent') void this.open(request)
    for (const { request } of all) this.watch(request)
    this.parts.host.clock.after(orphansAfter, () => this.endOrphans())
  }
  stop(): Promise<void> {
    this.isStopped = true
    this.edges.stop()
    return this.kept.stop()
  }

  get isFull(): boolean {
    return this.kept.size >= requestsAtMost
  }
  /** A new one, to be stored with its subscription. */
  beginning(
    asked: Pick<TargetRequest, 'request' | 'target' | 'question' | 'wishes'>,
  ): ReturnType<Kept<TargetRequest>['changing']> {
    return this.kept.changing(asked.request, () => ({ ...asked, stage: 'asked', seq: -1, reports: [] }))
  }
  /** Its subscription stands. */
  begun(notifier: Notifier<LocationState>, request: string): void {
    this.notifiers.set(request, notifier)
    this.watch(request)
    void this.open(request)
  }
  /** False: the subscription of no request. */
  restored(notifier: Notifier<LocationState>): boolean {
    const request = requestOf(notifier)
    const record = request === undefined ? undefined : this.kept.get(request)
    if (request === undefined || record === undefined) return false
    this.notifiers.set(request, notifier)
    notifier.notify(nothingYet)
    if (record.stage === 'cancelling') this.endSoon(request)
    else void this.tell(request)
    return true
  }
  /** Its subscriber wants no more, or its time is over. Resolves once it has ended everywhere, or that takes long. */
  ended(notifier: Notifier<LocationState>, isExpired: boolean): Promise<void> | undefined {
    const request = requestOf(notifier)
    const record = request === undefined ? undefined : this.kept.get(request)
    if (request === undefined || this.notifiers.get(request) !== notifier) return undefined
    this.notifiers.delete(request)
    if (record === undefined || record.stage === 'cancelling') return undefined
    const over = this.whenOver(request)
    void this.cancel([record], isExpired ? 'expired' : 'client')
    return over
  }
  /** A report of the core network: the status of its answer. 200: it is stored, and told when it may be. */
  async take(report: LcsReport): Promise<number> {
    const { request, seq } = report
    const status = await this.kept.inTurn(request, async () => {
      const record = this.kept.get(request)
      if (record === undefined || record.stage === 'cancelling') return 481
      if (seq <= record.seq) return 200
      if (record.reports.length >= reportsAtMost) return 503
      const isTaken = await this.kept.put(request, { ...record, stage: 'armed', seq, reports: [...record.reports, report] })
      return isTaken ? 200 : 481
    })
    void this.tell(request)
    return status
  }
  /** The profile of a target is another. Resolves once those that it ends are to end for good; nothing of them leaves any more. */
  judge(target: string, cause: 'privacy' | 'time' = 'privacy'): Promise<void> {
    const lost = [...this.ofTarget.of(target)].filter((one) => one.stage !== 'cancelling' && !this.isTold(one))
    for (const { request } of this.ofTarget.of(target)) this.watch(request)
    return this.cancel(lost, cause)
  }

  private isTold({ question, target }: TargetRequest): boolean {
    return this.parts.permissions.isTold(target, question)
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
    const { cores, host, permissions } = this.parts
    try {
      const record = this.kept.get(request)
      if (record === undefined || record.stage === 'cancelling') return
      const { question, target } = record
      const isAllowed = record.isAllowed === true || record.stage === 'sent'
      const detail = await permissions.granted(target, question, { isAllowed, patience: askPatience })
      if (!this.isUnderWay(request)) return
      if (detail === undefined) return await this.cancel([record], this.isTold(record) ? 'target' : 'privacy')
      await this.change(request, (now) => ({ ...now, isAllowed: true, stage: now.stage === 'asked' ? 'sent' : now.stage }))
      const refused = await cores.carry(record, () => this.kept.get(request)?.stage === 'sent')
      if (refused === undefined || !this.isUnderWay(request)) return
      host.log.warn({ request, status: refused }, 'the core network has refused a request about a target')
      await this.take({ request, seq: record.seq + 1, state: 'failed', cause: 'position-failed', at: this.now() })
    } catch (fault) {
      host.log.error({ request, fault: String(fault) }, 'a request about a target does not go on')
    }
  }
  private now(): string {
    return new Date(this.parts.host.clock.date()).toISOString()
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
        const outcome = await this.told(record, report, notifier)
        if (outcome === 'over' || !this.isUnderWay(request)) return
        if (outcome === 'refused') return await this.cancel([record], 'target')
        await this.passed(record, report, outcome === 'withheld' ? 'rejected' : 'noresource')
      }
    } catch (fault) {
      this.parts.host.log.error({ request, fault: String(fault) }, 'a report about a target is not told')
    } finally {
      this.telling.delete(request)
    }
  }
  private async told(
    record: TargetRequest,
    { cause, place, state }: LcsReport,
    notifier: Notifier<LocationState>,
  ): Promise<'told' | 'withheld' | 'refused' | 'over'> {
    const { disclosures, permissions } = this.parts
    const { question, request, target } = record
    if (notifier.pending) notifier.authorise(true, nothingYet)
    if (state === 'active') return 'told'
    if (place === undefined) {
      notifier.notify({ document: noteDocument({ request, target }, cause ?? 'position-failed') })
      return 'told'
    }
    // a profile that has come to want the word of the target asks for it now
    const isAllowed = record.isAllowed
    const give = (document: string): void => notifier.notify({ document })
    const outcome = await disclosures.tell({ notifier, request, target, question, place, isAllowed, give })
    if (outcome === 'told' && record.isNoticed !== true) permissions.notice(target, question)
    const mode = permissions.of(target, question)?.mode
    return outcome === 'withheld' && mode !== undefined && isAsking(mode) && isAllowed !== true ? 'refused' : outcome
  }
  /** A report is done with. @param reason of the end, where it was the last one */
  private async passed({ request }: TargetRequest, { place, seq, state }: LcsReport, reason: EndReason): Promise<void> {
    const isNoticed = place === undefined ? {} : ({ isNoticed: true } as const)
    await this.change(request, (now) => ({ ...now, ...isNoticed, reports: now.reports.filter((one) => one.seq !== seq) }))
    if (state !== 'done' && state !== 'failed') return
    await this.kept.remove(request)
    this.endSubscription(request, reason)
    this.over(request)
  }

  /** None of them leaves this element any more when it returns; for good when it resolves. */
  private async cancel(records: readonly TargetRequest[], cause: CancelCause): Promise<void> {
    const live = records.filter(({ request }) => this.kept.get(request)?.stage !== 'cancelling')
    if (live.length === 0) return
    const written = enforceTogether(
      this.parts.host,
      live.map((one) => this.kept.putting(one.request, { ...one, stage: 'cancelling', cause, reports: [] })),
    )
    for (const { request } of live) {
      this.notifiers.get(request)?.recall()
      this.endSoon(request)
    }
    await written
    this.withdraw(live, cause)
  }
  /** Tells the core network, target by target, and forgets them when it has confirmed. */
  private withdraw(records: readonly TargetRequest[], cause: CancelCause): void {
    const { cores, profiles } = this.parts
    const version = cause === 'privacy' ? { profile: profiles.lastVersion } : {}
    const ended = (requests: readonly string[]): void => {
      for (const request of requests)
        void this.kept.expel(request).then(() => {
          this.endSubscription(request, reasons[cause])
          this.over(request)
        })
    }
    ended(records.filter(({ stage }) => stage === 'asked').map(({ request }) => request))
    const carried = records.filter(({ stage }) => stage !== 'asked')
    for (const target of new Set(carried.map((one) => one.target))) {
      const requests = carried.filter((one) => one.target === target).map(({ request }) => request)
      cores.cancel({ target, cause, requests, ...version }, ended).catch((fault: unknown) => {
        this.parts.host.log.error({ target, fault: String(fault) }, 'requests about a target are not cancelled')
      })
    }
  }
  /** The asker hears of the end, even if a stage is down. */
  private endSoon(request: string): void {
    this.parts.host.clock.after(heldAtMost, () => {
      const cause = this.kept.get(request)?.cause
      if (cause !== undefined) this.endSubscription(request, reasons[cause])
      this.over(request)
    })
  }
  private endSubscription(request: string, reason: EndReason): void {
    const notifier = this.notifiers.get(request)
    this.notifiers.delete(request)
    notifier?.terminate(reason)
  }
  private whenOver(request: string): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.set(request, [...(this.waiting.get(request) ?? []), resolve])
    })
  }
  private over(request: string): void {
    this.edgeOf.delete(request)
    for (const resolve of this.waiting.get(request) ?? []) resolve()
    this.waiting.delete(request)
  }
  /** Their subscriptions were lost with an earlier process. */
  private endOrphans(): void {
    if (this.isStopped) return
    const lost = [...this.kept.values()].filter(({ request, stage }) => stage !== 'cancelling' && !this.notifiers.has(request))
    void this.cancel(lost, 'client')
  }

  /** It is looked at when a rule begins or ends, and at its own end. */
  private watch(request: string): void {
    const record = this.kept.get(request)
    this.edgeOf.delete(request)
    if (record === undefined || record.stage === 'cancelling') return
    const { host, profiles } = this.parts
    const { question, target, wishes } = record
    const edges = [
      nextJudgement(profiles.of(target), question, host.clock.date()),
      wishes.stop === undefined ? undefined : Date.parse(wishes.stop),
    ].filter((edge) => edge !== undefined)
    if (edges.length === 0) return
    const edge = Math.min(...edges)
    this.edgeOf.set(request, edge)
    this.edges.add(request, edge)
  }
  private async atEdge(due: readonly string[]): Promise<void> {
    const now = this.parts.host.clock.date()
    const records = due.flatMap((request) => this.kept.get(request) ?? []).filter(({ stage }) => stage !== 'cancelling')
    const isOver = ({ wishes: { stop } }: TargetRequest): boolean => stop !== undefined && Date.parse(stop) <= now
    await this.cancel(records.filter(isOver), 'expired')
    await this.cancel(
      records.filter((one) => !isOver(one) && !this.isTold(one)),
      'time',
    )
    for (const { request } of records) this.watch(request)
  }
}

/** The request of a subscription; undefined: an immediate one. */
function requestOf({ record }: Notifier<LocationState>): string | undefined {
  return (record as { readonly request?: string } | undefined)?.request
}
