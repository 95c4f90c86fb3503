/** One request in an element's hands, until it is settled. */

import type { Sessions } from '../dialogs/sessions.ts'
import type {
  Element,
  Exchange,
  Fork,
  ForwardOptions,
  ForwardTarget,
  HeldFork,
  Notifier,
  ReplyFields,
  SubscriptionOptions,
} from '../element.ts'
import { ProximaFault } from '../errors.ts'
import type { Address } from '../messages/address.ts'
import { buildResponse, type HeaderList, warning } from '../messages/build.ts'
import type { SipRequest } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import { canonical, type Uri } from '../messages/uri.ts'
import type { Session, SessionListener } from '../session.ts'
import { cancelledBefore, type ServerSide } from '../transactions/server.ts'
import { PassedOnFlow } from '../transports/passed-on-flow.ts'
import type { Flow } from '../transports/transport.ts'
import { type BranchTarget, type ForkHolder, ForkRun } from './fork.ts'
import type { Merging } from './merging.ts'
import { type NextHop, type NextHopHolder, planQuery, soonKnown } from './next-hop.ts'
import type { Peers } from './peers.ts'
import { type Plan, type PlanDecision, servedEvents } from './plan.ts'
import { strictly } from './strict.ts'

/** The node of an exchange, as the exchange sees it. */
export interface ExchangeHolder {
  /** Sends the requests that it forwards. */
  readonly outbound: ForkHolder
  newTag(): string
  /** @param asserted who sends, as the copy will say */
  hopFor(exchange: NodeExchange, uri: string, routes: readonly string[], asserted: string | undefined): NextHop
  passOn(exchange: NodeExchange): void
  planned(exchange: NodeExchange, uri: Uri): string | undefined
  readonly plan: Plan
  acceptSubscription(
    exchange: NodeExchange,
    options: SubscriptionOptions<unknown>,
  ): Notifier | { status: number; headers?: HeaderList }
  faulted(exchange: NodeExchange, fault: ProximaFault): void
  readonly merging: Merging
  readonly peers: Pick<Peers, 'asserted'>
  readonly sessions: Sessions
}

export class NodeExchange implements Exchange {
  readonly request: SipRequest
  flow: Flow
  readonly side: ServerSide
  /** The element that handles it. */
  readonly element: string
  /** Its origin, in the plan's words. */
  readonly from: string
  /** The rule that chose the element; undefined: none did. */
  readonly decision: PlanDecision | undefined
  ownRoutes: readonly Address[]
  readonly routes: readonly string[]
  settled = false
  /** The instance that it was handed to. */
  instance: Element | undefined = undefined
  /** Another one of its Call-ID, CSeq and From tag is refused, unless nothing comes of this one. */
  merges = false
  private readonly holder: ExchangeHolder
  private ownTag: string | undefined = undefined
  private cancelListeners: (() => void)[] | undefined = undefined
  private cancelled = false

  constructor(
    holder: ExchangeHolder,
    side: ServerSide,
    element: string,
    from: string,
    decision: PlanDecision | undefined,
    ownRoutes: readonly Address[],
    routes: readonly string[],
  ) {
    this.holder = holder
    this.side = side
    this.request = side.request
    this.flow = side.flow
    this.element = element
    this.from = from
    this.decision = decision
    this.ownRoutes = ownRoutes
    this.routes = routes
  }
  /** Our To tag, the same in all answers. */
  private get tag(): string {
    return (this.ownTag ??= this.holder.newTag())
  }
  get asserted(): Address | undefined {
    return this.flow.trusted ? this.request.asserted[0] : this.holder.peers.asserted(this.request, this.flow)
  }

  /** False, and a coded fault, where it was settled before. */
  private settle(): boolean {
    if (this.settled) {
      this.holder.faulted(
        this,
        new ProximaFault('SETTLED_TWICE', `${this.element}, ${this.request.method} ${this.request.uriText}`),
      )
      return false
    }
    this.settled = true
    return true
  }
  distrust(): void {
    this.flow = new PassedOnFlow(this.flow)
    this.ownRoutes = this.ownRoutes.slice(1)
  }
  admit(): void {
    this.side.admitted = true
  }
  reply(status: number, fields: ReplyFields = {}): void {
    if (status < 200 ? !this.settled : this.settle()) this.answer(status, fields)
  }
  answerInvite(fields: ReplyFields, listener: SessionListener): Session {
    if (!this.settle()) return deadSession
    const { sessions } = this.holder
    if (sessions.full) {
      this.answer(503, {
        headers: [['Retry-After', '60']],
        warning: 'this node has as many sessions as it may: come again later',
      })
      return deadSession
    }
    this.side.onCancel = undefined
    return sessions.accept(this.element, this.side, this.tag, fields, listener)
  }
  onCancel(listener: () => void): void {
    const { cancelListeners, side } = this
    if (this.cancelled) return listener()
    if (cancelListeners !== undefined) return void cancelListeners.push(listener)
    const listeners = (this.cancelListeners = [listener])
    const cancel = (): void => {
      if (this.settled) return
      this.settled = this.cancelled = true
      this.answer(487)
      for (const each of listeners) each()
    }
    side.admitted = true
    if (side.onCancel === undefined) side.onCancel = { cancel, withdraw: () => undefined }
    else if (side.onCancel === cancelledBefore) cancel() // it came before anybody was there to be told
  }
  /** Answers without the check: for the node itself. */
  answer(status: number, fields: ReplyFields = {}): void {
    if (status >= 300) this.yield()
    const headers: (readonly [string, string])[] = [...(fields.headers ?? [])]
    if (fields.warning !== undefined) headers.push(['Warning', warning(this.element, fields.warning)])
    if (fields.body !== undefined) headers.push(['Content-Type', fields.body.type])
    this.side.respond(
      status,
      buildResponse(this.request, status, {
        via: this.side.via,
        headers,
        toTag: status > 100 ? this.tag : undefined,
        reason: fields.reason,
        body: fields.body?.content,
      }),
    )
  }
  pass(): void {
    if (!this.settle()) return
    this.yield()
    this.holder.passOn(this)
  }
  private yield(): void {
    if (this.merges) this.holder.merging.forget(this)
  }

  forward(to: ForwardTarget | readonly ForwardTarget[], how: ForwardOptions = {}): Fork {
    if (!this.settle()) return noFork
    this.yield()
    const { request } = this
    if (request.maxForwards <= 0) {
      this.answer(483)
      return noFork
    }
    const list = Array.isArray(to) ? (to as readonly ForwardTarget[]) : [to as ForwardTarget]
    const targets = list.map((target) => this.branch(target, how))
    if (targets.length === 0) {
      this.answer(480)
      return noFork
    }
    const only = targets.length === 1 ? targets[0]!.hop : undefined
    if (only !== undefined && 'refused' in only) {
      this.answer(only.refused, { warning: only.text })
      return noFork
    }
    const fork = new ForkRun(this.holder.outbound, this.side, this.element, targets, how, () => this.tag)
    fork.start()
    return fork
  }
  hold(to: readonly ForwardTarget[], how: ForwardOptions = {}): HeldFork {
    if (!this.settle()) return noHeldFork
    this.yield()
    if (this.request.maxForwards <= 0) {
      this.answer(483)
      return noHeldFork
    }
    const targets = to.map((target) => this.branch(target, how))
    const fork = new ForkRun(this.holder.outbound, this.side, this.element, targets, how, () => this.tag, true)
    fork.start()
    return {
      cancel: () => fork.cancel(),
      add: (target) => fork.add(this.branch(target, how)),
      release: () => fork.release(),
    }
  }
  get planned(): string | undefined {
    return this.holder.planned(this, this.request.uri)
  }
  plannedAt(uri: Uri): string | undefined {
    return this.holder.planned(this, uri)
  }
  eventsAt(uri?: Uri): readonly string[] {
    const { plan } = this.holder
    return servedEvents(planQuery(this.request, this.element, soonKnown(plan, this), uri), plan)
  }
  private branch(target: ForwardTarget, how: ForwardOptions): BranchTarget {
    const uri = target.uri ?? this.request.uriText
    const routes = target.route === undefined ? this.routes : [...target.route, ...this.routes]
    const hop: NextHop =
      target.element !== undefined
        ? { element: target.element }
        : target.flow !== undefined
          ? { flow: target.flow }
          : this.holder.hopFor(this, uri, routes, how.asserted)
    const otherwise = target.otherwise === undefined ? nothing : target.otherwise.map((other) => this.branch(other, how))
    const recordRoutes = target.recordRoute ?? how.recordRoute ?? nowhere
    const crosses = target.flow === undefined && recordRoutes.length > 0
    const strict = routes.length === 0 || 'element' in hop ? undefined : strictly(uri, routes)
    return {
      hop,
      uri: strict?.uri ?? uri,
      routes: strict?.routes ?? routes,
      recordRoutes,
      crosses,
      q: target.q ?? 1,
      otherwise,
    }
  }

  accept<State>(options: SubscriptionOptions<State>): Notifier<State> {
    if (!this.settle()) return deadNotifier as Notifier<State>
    if (this.request.method !== 'SUBSCRIBE') {
      this.holder.faulted(this, new ProximaFault('NOT_A_SUBSCRIBE', `${this.element}, ${this.request.method}`))
      this.answer(500)
      return deadNotifier as Notifier<State>
    }
    const made = this.holder.acceptSubscription(this, options as SubscriptionOptions<unknown>)
    if (!('status' in made)) return made as Notifier<State>
    this.answer(made.status, { headers: made.headers })
    return deadNotifier as Notifier<State>
  }
  /** Canonical URI of who asks, where somebody vouches. */
  get subscriber(): string | undefined {
    return this.asserted === undefined ? undefined : canonical(this.asserted.uri)
  }
}

const nowhere: readonly string[] = []
const nothing: readonly BranchTarget[] = []
const noFork: Fork = { cancel: () => undefined }
const noHeldFork: HeldFork = { ...noFork, add: () => undefined, release: () => undefined }

const deadSession: Session = { live: false, end: () => undefined }

/** Stands for a subscription that was refused. */
const deadNotifier: Notifier = {
  id: '',
  package: '',
  resource: '',
  subscriber: '',
  parameters: new Map(),
  type: '',
  record: undefined,
  credentials: undefined,
  expires: 0,
  live: false,
  pending: false,
  authorise: () => undefined,
  notify: () => undefined,
  recall: () => undefined,
  keep: () => undefined,
  terminate: () => undefined,
}

/** Takes our own values off the top of the Route set (RFC 3261 §16.4). */
export function splitRoutes(
  request: SipRequest,
  surroundings: Pick<NextHopHolder, 'isOurs'>,
): { own: readonly Address[]; rest: readonly string[] } | undefined {
  if (request.find(H.Route) < 0) return none
  const routes = request.routes
  if (routes === undefined) return undefined
  const values = request.list(H.Route)
  let ownCount = 0
  while (ownCount < routes.length && surroundings.isOurs(routes[ownCount]!.uri.host, routes[ownCount]!.uri.port)) ownCount++
  return { own: routes.slice(0, ownCount), rest: values.slice(ownCount) }
}

const none = { own: [], rest: [] }
