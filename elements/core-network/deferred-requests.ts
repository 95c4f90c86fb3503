/**
 * Requests about targets that wait for a time, an attach or a move (SPEC §8.2, §8.3): stored until the last report is taken. A
 * report is sent again until the GMLC has it; the next one is made after that.
 */
import type { Exchange, Host } from '../../signalling/index.ts'
import { type LcsCancelled, type LcsReport, type LcsRequest, readBody, writeBody } from '../schemas/index.ts'
import { elementAsking } from '../shared/clients/asker.ts'
import type { Conversations } from '../shared/clients/conversations.ts'
import { withCivic } from '../shared/location/civic.ts'
import { firstDue, nextDue } from '../shared/location/deferred-terms.ts'
import { requestAt, targetAt } from '../shared/location/request-address.ts'
import { RequestAudits } from '../shared/location/request-audits.ts'
import { fixOf, isWatched, placeOf, type WatchMemory, watchOf } from '../shared/location/target-watch.ts'
import { Kept } from '../shared/state/kept.ts'
import { enforceTogether } from '../shared/state/kept-change.ts'
import { AttachedTargets } from './attached-targets.ts'
import type { Positions } from './positions.ts'

interface DeferredRequestParts {
  readonly host: Host
  readonly conversations: Conversations
  readonly positions: Positions
  /** URI of the element that tells registrations; undefined: no attach is heard of here. */
  readonly registration: string | undefined
  /** Names of the GMLCs that may ask. */
  readonly gmlcs: readonly string[]
}

interface DeferredRequest {
  readonly asked: LcsRequest
  /** URI of the GMLC that asks. */
  readonly gmlc: string
  /** Number of its last report. */
  readonly seq: number
  /** Reports of places that it has made, or tried to. */
  readonly made: number
  /** Made, and not taken yet, in their order. */
  readonly reports: readonly LcsReport[]
  /** Milliseconds since the epoch of the next report; undefined: it waits for an attach, or there is none. */
  readonly due?: number
  /** Its target was heard to be away: the next attach counts. */
  readonly isAway?: true
  /** Of types area and moved: what has been seen, and the time of the next fix, in milliseconds since the epoch. */
  readonly watch?: WatchMemory
  readonly fixAt?: number
}

const firstPause = 1000 // milliseconds, doubled for each time that a report is not taken
const longestPause = 60_000
const pauseAfterFault = 5000 // milliseconds, such as of a store that has failed
const betweenFixes = 60_000 // milliseconds between two fixes of a target that is watched here
const leastPause = 1000 // milliseconds until a watch is looked at again
const requestsAtMost = 1_000_000

export class DeferredRequests {
  private readonly parts: DeferredRequestParts
  private readonly kept: Kept<DeferredRequest>
  private readonly working = new Set<string>()
  private readonly attached: AttachedTargets | undefined
  readonly audits: RequestAudits
  private isStopped = false

  constructor(parts: DeferredRequestParts) {
    const { conversations, gmlcs, host, registration } = parts
    this.parts = parts
    const isKnown = (request: string, gmlc: string): boolean => this.kept.get(request)?.gmlc === gmlc
    this.audits = new RequestAudits({ host, conversations, askers: gmlcs, isKnown })
    this.kept = new Kept<DeferredRequest>(host, {
      prefix: `core/${host.name}/request/`,
      noun: 'a request about a target',
      due: ({ due, reports }) => (reports.length === 0 ? due : undefined),
      ended: (records) => {
        for (const [request] of records) void this.work(request)
      },
    })
    const awaiting = this.kept.setIndex(({ asked, made }) => (asked.type === 'available' && made === 0 ? [asked.target] : []))
    const isAwaited = (target: string): boolean => awaiting.of(target).size > 0
    const heard = (target: string, isAttached: boolean): void => {
      for (const { asked } of [...awaiting.of(target)]) void this.heard(asked.request, isAttached)
    }
    this.attached = registration === undefined ? undefined : new AttachedTargets({ host, registration, isAwaited, heard })
    host.gauge('requests_waiting', () => this.kept.size)
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  start(): void {
    const all = [...this.kept.values()]
    for (const { asked } of all) this.goOn(asked)
    for (const [gmlc, some] of Map.groupBy(all, (one) => one.gmlc))
      void this.audits.ask(
        gmlc,
        some.map(({ asked }) => asked.request),
        (unknown) => {
          for (const request of unknown) void this.kept.expel(request)
        },
      )
  }
  stop(): Promise<void> {
    this.isStopped = true
    this.attached?.stop()
    return this.kept.stop()
  }

  /** A request of a GMLC, read. 202: it is stored. One that comes again is there once. */
  async take(exchange: Exchange, gmlc: string, asked: LcsRequest): Promise<void> {
    const { host } = this.parts
    const { request, type } = asked
    if (type === 'available' && this.attached === undefined)
      return exchange.reply(403, { warning: 'no attach is heard of here; expected an element of role registration' })
    const known = this.kept.get(request)
    if (known !== undefined) return this.replace(exchange, known, asked)
    const isFull = this.kept.size >= requestsAtMost || (type === 'available' && this.attached?.isFull === true)
    if (isFull) return exchange.reply(503, { headers: [['Retry-After', '60']] })
    const due = firstDue(asked, host.clock.date())
    const seq = asked.seq === undefined ? 0 : asked.seq + 1
    const report: LcsReport = { request, seq, state: 'active', at: this.now() }
    await this.kept.put(request, { asked, gmlc, seq, made: 0, reports: [report], ...(due === undefined ? {} : { due }) })
    exchange.reply(202)
    this.goOn(asked)
  }
  /** The same request again: with other terms it goes on by those (SPEC §8.6). */
  private async replace(exchange: Exchange, { asked: before, gmlc }: DeferredRequest, asked: LcsRequest): Promise<void> {
    const { domains, clock } = this.parts.host
    if (elementAsking(exchange, domains, this.parts.gmlcs) !== gmlc)
      return exchange.reply(403, { warning: 'that request is not yours; expected one of your own' })
    const due = firstDue(asked, clock.date())
    if (termsOf(before) !== termsOf(asked))
      await this.change(asked.request, ({ due: _, fixAt: __, watch: ___, ...now }) => ({
        ...{ ...now, asked, reports: [] }, // what was seen by the terms before is nothing to these
        ...(due === undefined ? {} : { due }),
      }))
    exchange.reply(202)
    this.goOn(asked)
  }
  /** Ends requests of the GMLC that asks, all of one message or none. */
  async cancel(exchange: Exchange): Promise<void> {
    const { conversations, gmlcs, host } = this.parts
    const gmlc = elementAsking(exchange, host.domains, gmlcs)
    const body = readBody(exchange.request, 'lcs-cancel')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { requests, target } = body.value
    const known = requests.flatMap((request) => this.kept.get(request) ?? [])
    if (gmlc === undefined || known.some((one) => one.gmlc !== gmlc || one.asked.target !== target))
      return exchange.reply(403, { warning: 'not all of these are yours, or about that target; expected your own' })
    const isEnded = await enforceTogether(
      host,
      known.map(({ asked: { request } }) => this.kept.removing(request)),
    )
    if (!isEnded) return exchange.reply(500, { warning: 'the store failed: ask again' })
    exchange.reply(202)
    const cancelled = known.map(({ asked: { request } }) => request)
    const unknown = requests.filter((request) => !cancelled.includes(request))
    const answer: LcsCancelled = { cancelled, unknown, waiting: [] }
    conversations.answer(exchange, targetAt(gmlc, target), writeBody('lcs-cancelled', answer))
  }

  private goOn({ request, target, type }: LcsRequest): void {
    if (type === 'available') this.attached?.watch(target)
    void this.work(request)
  }
  /** An attach is one that finds the target away: what was so when the request came is no attach. */
  private async heard(request: string, isAttached: boolean): Promise<void> {
    const { clock, log } = this.parts.host
    try {
      await this.change(request, (record) => {
        if (record.due !== undefined || isAttached !== (record.isAway === true)) return record
        return { ...record, ...(isAttached ? { due: clock.date() } : { isAway: true }) }
      })
      await this.work(request)
    } catch (fault) {
      log.error({ request, fault: String(fault) }, 'an attach is not stored: tried again')
      clock.after(pauseAfterFault, () => void this.heard(request, isAttached))
    }
  }
  /** Changes of one request come one after the other. */
  private change(request: string, changed: (record: DeferredRequest) => DeferredRequest): Promise<void> {
    return this.kept.inTurn(request, async () => {
      const record = this.kept.get(request)
      const after = record && changed(record)
      if (after !== undefined && after !== record) await this.kept.put(request, after)
    })
  }
  /** Sends the report that is to be taken, and makes the next one that is due. */
  private async work(request: string): Promise<void> {
    if (this.working.has(request)) return
    this.working.add(request)
    try {
      for (;;) {
        const record = this.kept.get(request)
        if (record === undefined || this.isStopped) return
        const [report] = record.reports
        if (report !== undefined) await this.send(record, report)
        else if (record.due !== undefined && record.due <= this.parts.host.clock.date())
          await (isWatched(record.asked) ? this.look(record) : this.make(record, record.due))
        else return
      }
    } catch (fault) {
      const { clock, log } = this.parts.host
      log.error({ request, fault: String(fault) }, 'a request about a target does not go on: tried again')
      clock.after(pauseAfterFault, () => void this.work(request))
    } finally {
      this.working.delete(request)
    }
  }
  private async make({ asked, ...record }: DeferredRequest, due: number): Promise<void> {
    const { host, positions } = this.parts
    const { age, qos, request, target, type } = asked
    const seq = record.seq + 1
    const found = await positions.of({ request, seq, target, qos, age })
    const made = record.made + 1
    const next = nextDue(asked, made, due, host.clock.date())
    const isFailed = typeof found === 'string'
    const report: LcsReport = {
      ...{ request, seq, at: this.now() },
      state: next !== undefined ? 'report' : isFailed && type !== 'periodic' ? 'failed' : 'done',
      ...(isFailed ? { cause: found } : { place: found }),
    }
    const following = next === undefined ? {} : { due: next }
    await this.change(request, ({ due: _, ...now }) => ({ ...now, made, seq, reports: [report], ...following }))
  }
  /** Sees where the target is, and makes reports of what that means for the request. */
  private async look({ asked, ...record }: DeferredRequest): Promise<void> {
    const { host, positions } = this.parts
    const { age, qos, request, target } = asked
    const watch = watchOf(asked, record.watch)
    const isForFix = (record.fixAt ?? 0) <= host.clock.date()
    const made = record.made + (isForFix ? 1 : 0)
    const found = isForFix
      ? await positions.of({ request, seq: Math.floor(host.clock.date() / 1000), target, qos, age })
      : undefined
    const now = host.clock.date()
    const seen = [...(typeof found === 'object' ? watch.fix(fixOf(found)) : []), ...watch.pass(now)]
    const fixAt = isForFix ? now + betweenFixes : record.fixAt!
    const isOver = watch.memory.isOver === true
    const reports = seen.map(
      ({ at, event, place, state }, index): LcsReport => ({
        ...{ request, seq: record.seq + 1 + index, at: new Date(at).toISOString() },
        state: isOver && index === seen.length - 1 ? 'done' : 'report',
        place: typeof found === 'object' && place.at === Date.parse(found.at) ? found : withCivic(placeOf(place), host.log),
        ...(event === undefined ? {} : { event }),
        ...(state === undefined ? {} : { inside: state === 'inside' }),
      }),
    )
    const due = isOver ? {} : { due: Math.max(now + leastPause, Math.min(fixAt, watch.due ?? fixAt)) }
    await this.change(
      request,
      ({ due: _, ...current }) =>
        current.asked === asked
          ? { ...current, made, fixAt, watch: watch.memory, seq: record.seq + reports.length, reports, ...due }
          : current, // its terms are others by now
    )
  }
  /** Until the GMLC has it. One that it does not want ends the request. */
  private async send(record: DeferredRequest, report: LcsReport): Promise<void> {
    const { conversations, host } = this.parts
    const { gmlc } = record
    const { request } = record.asked
    const message = { to: requestAt(gmlc, request), asserted: host.uri, body: writeBody('lcs-report', report) }
    const isWanted = (): boolean => !this.isStopped && this.kept.get(request)?.reports[0] === report
    for (let pause = firstPause; isWanted(); pause = Math.min(pause * 2, longestPause)) {
      const { status = 503 } = (await conversations.messages.send(message, isWanted)) ?? {}
      if (!isWanted()) return
      const isLast = report.state === 'done' || report.state === 'failed'
      if (status === 481 || status === 403 || (status < 300 && isLast)) {
        await this.kept.remove(request)
        return
      }
      if (status < 300) {
        await this.change(request, (now) => ({ ...now, reports: now.reports.filter(({ seq }) => seq !== report.seq) }))
        return
      }
      await new Promise<void>((resolve) => {
        host.clock.after(pause, resolve)
      })
    }
  }
  private now(): string {
    return new Date(this.parts.host.clock.date()).toISOString()
  }
}

function termsOf({ seq: _, ...terms }: LcsRequest): string {
  return JSON.stringify(terms)
}
