/** A ProSe client (SPEC §3): asks for its roles, broadcasts and listens, reports codes, asks for devices near it. */
import type { Clock, Timer } from '../../../signalling/index.ts'
import { type Bodies, mediaType, type ProseState, type Proximate, type ProximityQuery, readBody } from '../../schemas/index.ts'
import type { HeardBroadcast } from '../../shared/values/heard.ts'
import { applyNear } from '../../shared/values/near.ts'
import { eventAtRates, type NotificationRates } from '../../shared/values/rates.ts'
import { type AgentResponse, bodyOf, type NotifiedState, type UserAgent, type WatchHandle } from '../agents/agent.ts'
import { Attachment } from '../attachment.ts'
import { ReportBatch } from './report-batch.ts'
import { StandingQuestion } from './standing.ts'

/** The radio medium as a UE uses it (SPEC §7); `elements/air` has two. */
export interface AirPort {
  announce(device: string, code: string | undefined): void
  /** Returns the way to stop listening. */
  hear(device: string, listener: (heard: HeardBroadcast) => void): () => void
}

export type UeRole = 'discoverable' | 'discoverer'

export interface UeOptions {
  readonly agent: UserAgent
  readonly clock: Clock
  readonly air?: AirPort
  /** URI of the proximity server; default `sip:prose@<domain of the identity>`. */
  readonly prose?: string
  /** URI of the MME that `attach` attaches to. */
  readonly mme?: string
  /** Seconds. */
  readonly report?: { readonly window?: number; readonly refresh?: number }
  /** Hears of everything that happens, for logs and command lines. */
  readonly onEvent?: (event: UeEvent) => void
}

export type UeEvent =
  | { readonly kind: 'state'; readonly state: ProseState }
  | { readonly kind: 'attached'; readonly mme: string; readonly temporary: string }
  | { readonly kind: 'ended'; readonly status: number; readonly why: string }
  | { readonly kind: 'reported'; readonly codes: number; readonly status: number; readonly warning: string | undefined }
  | { readonly kind: 'heard'; readonly heard: HeardBroadcast }
  | { readonly kind: 'malformed'; readonly warning: string }

/** One NOTIFY of a standing question: the devices near now, and the changes since the last one. */
export interface NearChange {
  readonly proximate: readonly Proximate[]
  readonly came: readonly string[]
  readonly left: readonly string[]
}

export interface NearQuestion extends ProximityQuery, NotificationRates {
  /** Ask for differences instead of whole lists. */
  readonly diff?: boolean
}

const defaultRefresh = 20 // seconds

export class Ue {
  readonly agent: UserAgent
  private readonly options: UeOptions
  private readonly prose: string
  private readonly batch: ReportBatch
  private request: StandingQuestion | undefined
  private attachment: Attachment | undefined
  private granted: ProseState | undefined
  private listed: ReadonlySet<string> = new Set()
  private deaf: (() => void) | undefined
  private window: Timer | undefined
  private readonly watches = new Set<StandingQuestion>()

  constructor(options: UeOptions) {
    this.options = options
    this.agent = options.agent
    this.prose = options.prose ?? `sip:prose@${options.agent.identity.split('@')[1]}`
    this.batch = new ReportBatch((options.report?.refresh ?? defaultRefresh) * 1000)
  }
  get device(): string {
    return this.agent.identity
  }
  /** The grant of the server; undefined before its first word and after the end. */
  get state(): ProseState | undefined {
    return this.granted
  }

  /** The temporary identifier that it has at its MME. */
  get temporary(): string | undefined {
    return this.attachment?.temporary
  }
  /** The MME that it is attached to. */
  get mme(): string | undefined {
    return this.attachment?.mme
  }
  /** Its own identifier toward the proximity server. */
  private get name(): string {
    return this.attachment?.temporary ?? this.device
  }
  /** The way of every request to the proximity server. */
  private get through(): { through?: string } {
    return this.attachment === undefined ? {} : { through: this.attachment.mme }
  }

  /**
   * Attaches to an MME (SPEC §3.6), or moves to another one. Standing subscriptions are put anew by the new way, then end
   * by the old one. Resolves with the temporary identifier, or the status of a refusal; then everything stays as it was.
   */
  async attach(mme = this.options.mme): Promise<string | number> {
    if (mme === undefined) return 404
    const { attachment: before, device } = this
    const capabilities = { prose: true }
    const next = new Attachment(
      { agent: this.agent, clock: this.options.clock, mme, device, capabilities },
      {
        temporary: (temporary) => this.tell({ kind: 'attached', mme, temporary }),
        reattached: () => this.askAgain(),
      },
    )
    const former = before?.temporary === undefined ? undefined : { temporary: before.temporary, mme: before.mme }
    const temporary = await next.open(former)
    if (typeof temporary === 'number') return temporary
    this.attachment = next
    this.askAgain()
    before?.close()
    return temporary
  }
  /** Every standing question, by the way that leads to the proximity server now. */
  private askAgain(): void {
    this.request?.again()
    for (const standing of this.watches) standing.again()
  }

  /** The proximity service request (FIG 8). Resolves with the first state, or the status of a refusal. */
  requestProximity(roles: readonly UeRole[], options: { expires?: number; device?: string } = {}): Promise<ProseState | number> {
    return new Promise((resolve) => {
      this.request = new StandingQuestion(
        this.agent,
        this.options.clock,
        () => ({
          to: this.prose,
          event: 'prose',
          accept: [mediaType('prose-state')],
          expires: options.expires ?? 3600,
          body: () => bodyOf('prose-request', { device: options.device ?? this.name, roles }),
          ...this.through,
        }),
        {
          notified: (notified) => {
            const state = this.stateChanged(notified)
            if (state !== undefined) resolve(state)
          },
          ended: (status, why) => {
            this.withdraw()
            this.tell({ kind: 'ended', status, why })
            resolve(status)
          },
        },
      )
    })
  }
  private stateChanged(notified: NotifiedState): ProseState | undefined {
    if (notified.state === 'terminated' || notified.body.length === 0) return undefined
    const body = readBody(notified, 'prose-state')
    if (body.fault !== undefined) {
      this.tell({ kind: 'malformed', warning: body.fault.warning })
      return undefined
    }
    this.granted = body.value
    this.listed = new Set(body.value.monitor?.codes)
    const { air } = this.options
    const { announce, monitor, report } = body.value
    this.reportBy(report?.refresh)
    air?.announce(this.device, announce?.active ? announce.code : undefined)
    if (monitor === undefined) this.stopListening()
    else this.deaf ??= air?.hear(this.device, (heard) => this.hearBroadcast(heard))
    this.tell({ kind: 'state', state: body.value })
    return body.value
  }
  /** As the server says, or oftener (SPEC §3.2): an entry that is not refreshed in time leaves. */
  private reportBy(granted = defaultRefresh): void {
    this.batch.refresh = Math.min(this.options.report?.refresh ?? granted, granted) * 1000
  }
  private stopListening(): void {
    this.deaf?.()
    this.deaf = undefined
    this.window?.cancel()
  }
  private withdraw(): void {
    this.granted = undefined
    this.options.air?.announce(this.device, undefined)
    this.stopListening()
  }

  /** Something came over the air. In mode `listed` only codes on the list count (SPEC §3.2). */
  hearBroadcast(heard: HeardBroadcast): void {
    const monitor = this.granted?.monitor
    if (monitor === undefined || (monitor.mode === 'listed' && !this.listed.has(heard.code))) return
    if (heard.code === this.granted?.announce?.code) return
    if (this.granted?.report?.confirmed === true && heard.confirmed !== true) return // it would not count
    this.tell({ kind: 'heard', heard })
    if (!this.batch.add(heard)) return
    this.window = this.options.clock.after((this.options.report?.window ?? 1) * 1000, () => {
      const batch = this.batch.takeAsReported()
      this.report(batch).then(
        ({ status }) => {
          if (status !== 200 && status !== 404) this.batch.undo(batch)
        },
        () => this.batch.undo(batch),
      )
    })
  }
  /** Tells the server the codes heard and lost (FIG 8 step 807), now. */
  async report(heard: readonly HeardBroadcast[], lost: readonly string[] = []): Promise<AgentResponse> {
    const list = heard.map(({ code, rssi, at, confirmed }) => ({
      code,
      at: new Date(at).toISOString(),
      ...(rssi === undefined ? {} : { rssi }),
      ...(confirmed === undefined ? {} : { confirmed }),
    }))
    const sent = new Date(this.options.clock.date()).toISOString()
    const body = bodyOf('prose-match', { heard: list, sent, ...(lost.length === 0 ? {} : { lost }) })
    const answer = await this.agent.message(this.prose, body, undefined, this.mme)
    this.tell({ kind: 'reported', codes: list.length, status: answer.status, warning: answer.warning })
    return answer
  }

  /** Devices near this one now (FIG 3), or the status of a refusal. */
  async who(query: ProximityQuery = {}): Promise<readonly Proximate[] | number> {
    const body = await this.ask('proximity', query, 'proximity-list')
    return typeof body === 'number' ? body : body.proximate
  }
  /** Whether that device is near (FIG 4). */
  async isNear(peer: string, query: ProximityQuery = {}): Promise<boolean | number> {
    const body = await this.ask(`proximity;peer="${peer}"`, query, 'proximity-pair')
    return typeof body === 'number' ? body : body.proximate
  }
  private ask<Name extends 'proximity-list' | 'proximity-pair'>(event: string, query: ProximityQuery, name: Name) {
    return new Promise<Bodies[Name] | number>((resolve) => {
      this.agent.subscribe(
        {
          to: this.prose,
          event,
          accept: [mediaType(name)],
          expires: 0,
          body: bodyOf('proximity-query', { device: this.name, ...query }),
          ...this.through,
        },
        {
          notified: (notified) => {
            const body = readBody(notified, name)
            resolve(body.fault === undefined ? body.value : body.fault.status)
          },
          ended: (status) => resolve(status),
        },
      )
    })
  }
  /** A standing question (FIG 10, 11, 13): `onChange` at each NOTIFY, `onEnd` once. */
  watch(
    question: NearQuestion,
    onChange: (change: NearChange) => void,
    onEnd: (status: number, why: string) => void = () => undefined,
  ): WatchHandle {
    const { period, gap, diff, ...query } = question
    const name = diff === true ? 'proximity-diff' : 'proximity-list'
    const event = eventAtRates('proximity', { period, gap })
    const near = new Map<string, Proximate>()
    const watching = new StandingQuestion(
      this.agent,
      this.options.clock,
      () => ({
        to: this.prose,
        event,
        accept: [mediaType(name)],
        expires: 3600,
        body: () => bodyOf('proximity-query', { device: this.name, ...query }),
        ...this.through,
      }),
      {
        notified: (notified) => {
          if (notified.body.length > 0) this.nearChanged(notified, name, near, onChange)
        },
        ended: (status, why) => {
          this.watches.delete(watching)
          onEnd(status, why)
        },
      },
    )
    this.watches.add(watching)
    return watching
  }
  private nearChanged(
    notified: NotifiedState,
    name: 'proximity-list' | 'proximity-diff',
    near: Map<string, Proximate>,
    onChange: (change: NearChange) => void,
  ): void {
    const before = new Set(near.keys())
    const body = readBody<'proximity-list' | 'proximity-diff'>(notified, name)
    if (body.fault !== undefined) {
      this.tell({ kind: 'malformed', warning: body.fault.warning })
      return
    }
    applyNear(near, body.value)
    const came = [...near.keys()].filter((device) => !before.has(device))
    const left = [...before].filter((device) => !near.has(device))
    onChange({ proximate: [...near.values()], came, left })
  }

  private tell(event: UeEvent): void {
    this.options.onEvent?.(event)
  }
  /** Ends the proximity service and stays registered. */
  endProximity(): void {
    this.request?.unsubscribe()
    this.withdraw()
  }
  async stop(): Promise<void> {
    this.endProximity()
    for (const watching of this.watches) watching.unsubscribe()
    this.attachment?.close()
    await this.agent.stop()
  }
}
