/** Stateful forwarding (RFC 3261 §16.6–§16.8): one request to one or several targets, one best answer back. */
import type { Timer } from '../clock.ts'
import type { Fork, ForwardOptions } from '../element.ts'
import { quote } from '../messages/address.ts'
import { realmOf } from '../messages/auth.ts'
import { buildResponse, headerLines, inline, warning } from '../messages/build.ts'
import { dropList, encode } from '../messages/edit.ts'
import { type SipRequest, SipResponse } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import { scan } from '../messages/scan.ts'
import type { ClientUser, NotSent } from '../transactions/client.ts'
import { type Cancellable, cancelledBefore, type ServerSide, withdrawnBefore } from '../transactions/server.ts'
import type { Flow } from '../transports/transport.ts'
import { bestOf, otherChallenges } from './best-response.ts'
import type { NextHop } from './next-hop.ts'
import { callerOf, type Ringing } from './ringing.ts'

/** The target of one branch, worked out. */
export interface BranchTarget {
  readonly hop: NextHop
  /** Request-URI of the copy. */
  readonly uri: string
  /** Route values of the copy, topmost first. */
  readonly routes: readonly string[]
  /** Record-Route values to add, topmost first. */
  readonly recordRoutes: readonly string[]
  /** They name only the way back: that of the socket by which it leaves comes on top, if it is another (RFC 5658 §6.1). */
  readonly crosses: boolean
  readonly q: number
  /** The same device by other flows, in the order to try. */
  readonly otherwise: readonly BranchTarget[]
}

/** The bytes of a request with that Via on top; `flow`: by which it leaves, undefined between elements. */
export type Composer = (via: string, flow?: Flow) => Buffer

/** The node of a fork, as the fork sees it. */
export interface ForkHolder {
  after(ms: number, fire: () => void): Timer
  readonly ringing: Ringing
  /** Sends a composed request; `compose` gets the Via value to put on top. Undefined: could not. */
  dispatch(hop: NextHop, method: string, from: string, compose: Composer, user: ClientUser): Cancellable | undefined
  /** A Record-Route value, without brackets, that leads through that element and on by that flow. */
  routeTo(element: string, flow: Flow): string
  /** Credentials for it have been consumed here, and go no further (RFC 3261 §22.3). */
  isOurRealm(realm: string): boolean
}

const completedElsewhere = ['SIP;cause=200;text="Call completed elsewhere"']
const tooLong = ['SIP;cause=408;text="Request Timeout"']
const timerC = 180_000 // RFC 3261 §16.6 step 11: more than three minutes

/** Header fields that never travel on as they came. */
const always = [H.Route, H['Proxy-Authorization']]
const claims = [H['P-Asserted-Identity'], H['Remote-Party-ID']] as const
const ofBody = [H['Content-Type'], H['Content-Length'], H['Content-Encoding']]

class Branch implements ClientUser {
  readonly fork: ForkRun
  readonly target: BranchTarget
  handle: Cancellable | undefined
  final: SipResponse | undefined
  /** Status of a branch that ended without a response. */
  failed = 0
  why: string | undefined
  constructor(fork: ForkRun, target: BranchTarget) {
    this.fork = fork
    this.target = target
  }
  get origin(): ServerSide {
    return this.fork.side
  }
  get open(): boolean {
    return this.final === undefined && this.failed === 0
  }
  onResponse(response: SipResponse): void {
    this.fork.received(this, response)
  }
  onNoResponse(status: 408 | 503, why?: NotSent): void {
    this.failed = why?.status ?? (status === 503 ? this.fork.unreached : status)
    this.why = why?.text
    if (!this.fork.instead(this)) this.fork.check()
  }
}

export class ForkRun implements Fork {
  private readonly carrier: ForkHolder
  readonly side: ServerSide
  private readonly request: SipRequest
  private readonly element: string
  private readonly how: ForwardOptions
  private readonly tag: () => string
  private readonly waiting: BranchTarget[][]
  private readonly running: Branch[] = []
  private finished = false
  private cancelled = false
  private giveUp: Timer | undefined
  /** Other targets may come: it does not end without success. */
  private held: boolean
  /** While it rings. */
  private caller: string | undefined = undefined

  constructor(
    carrier: ForkHolder,
    side: ServerSide,
    element: string,
    targets: readonly BranchTarget[],
    how: ForwardOptions,
    tag: () => string,
    held = false,
  ) {
    this.held = held
    this.carrier = carrier
    this.side = side
    this.request = side.request
    this.element = element
    this.how = how
    this.tag = tag
    this.waiting = targets.length === 1 ? [[targets[0]!]] : byQ(targets)
  }
  start(): void {
    this.side.admitted = true
    if (this.side.onCancel === withdrawnBefore) return this.end()
    if (this.side.onCancel === cancelledBefore) {
      this.finished = true
      this.answer(487) // RFC 3261 §9.2
      return
    }
    if (this.request.method === 'INVITE') {
      if (!this.mayRing()) return
      this.side.respond(100, buildResponse(this.request, 100, { via: this.side.via }))
      this.giveUp = this.carrier.after(timerC, () => this.cancel(tooLong))
    } else if (this.how.unanswered !== undefined)
      this.giveUp = this.carrier.after(this.how.unanswered.after, () => this.leaveUnanswered())
    this.side.onCancel = this
    this.next()
  }
  /** False: its caller rings too many already, and has been told so. */
  private mayRing(): boolean {
    const { carrier, element, request, side } = this
    if (side.flow.internal === true) return true // a To tag proves no dialog: anybody can make one up
    const caller = callerOf(request, side.flow, this.how.asserted)
    if (carrier.ringing.enter(caller)) {
      this.caller = caller
      return true
    }
    this.finished = true
    const why = warning(element, 'too many of your calls are unanswered: end some first')
    const headers = [
      ['Retry-After', '30'],
      ['Warning', why],
    ] as const
    side.respond(503, buildResponse(request, 503, { via: side.via, toTag: this.tag(), headers }))
    return false
  }
  /** RFC 3261 §16.10: every branch without a final response. `reasons`: values of Reason (RFC 3326). */
  cancel(reasons?: readonly string[]): void {
    this.cancelled = true
    this.held = false
    this.waiting.length = 0
    for (const branch of this.running) if (branch.open) branch.handle?.cancel(reasons)
    if (this.running.every((branch) => !branch.open)) this.check()
  }
  withdraw(): void {
    this.end()
    for (const branch of this.running) if (branch.open) branch.handle?.withdraw()
  }
  /** One more target of a fork that is held. */
  add(target: BranchTarget): void {
    if (this.finished || this.cancelled) return
    this.begin(target)
    this.check()
  }
  /** It is held no more. */
  release(): void {
    this.held = false
    this.check()
  }
  private next(): void {
    const group = this.waiting.shift()
    if (group === undefined) return
    for (const target of group) this.begin(target)
    this.check()
  }
  private begin(target: BranchTarget): void {
    const branch = new Branch(this, target)
    this.running.push(branch)
    const { method } = this.request
    branch.handle = this.carrier.dispatch(
      target.hop,
      method,
      this.element,
      (via, flow) => this.compose(via, target, flow),
      branch,
    )
    if (branch.handle !== undefined) return
    branch.failed = 'refused' in target.hop ? target.hop.refused : 480
    this.instead(branch)
  }
  /** The device of a branch by its next flow (RFC 5626 §7); the failed one counts no more. False: there is none. */
  instead(branch: Branch): boolean {
    const { otherwise } = branch.target
    if (otherwise.length === 0 || this.finished || this.cancelled) return false
    if (branch.failed === 408 && this.request.method !== 'INVITE') return false // nobody upstream waits any more
    this.running.splice(this.running.indexOf(branch), 1)
    this.begin({ ...otherwise[0]!, otherwise: otherwise.slice(1) })
    return true
  }
  private compose(via: string, target: BranchTarget, flow: Flow | undefined): Buffer {
    const { request, how, side } = this
    let top = `Via: ${via}\r\n`
    if (target.crosses && flow !== undefined && !sameSocket(flow, side.flow))
      top += `Record-Route: <${this.carrier.routeTo(this.element, flow)}>\r\n`
    for (const value of target.recordRoutes) top += `Record-Route: ${value}\r\n`
    for (const value of target.routes) top += `Route: ${inline(value)}\r\n`
    let drop = always
    let dropNames: string[] | undefined
    let bottom = request.find(H['Proxy-Authorization']) < 0 ? undefined : this.othersCredentials()
    if (how.asserted !== undefined) {
      drop = [...always, H['P-Asserted-Identity'], H['P-Preferred-Identity']]
      if (how.asserted !== '') bottom = `${bottom ?? ''}P-Asserted-Identity: <${inline(how.asserted)}>\r\n`
    }
    if (how.headers !== undefined || how.drop !== undefined) {
      const more = dropList([...(how.drop ?? []), ...(how.headers ?? []).map(([name]) => name)])
      drop = [...drop, ...more.drop]
      dropNames = more.dropNames
      bottom = (bottom ?? '') + headerLines(how.headers ?? [])
    }
    if (how.hideVias === true) drop = [...drop, H.Via]
    if (how.body !== undefined) {
      drop = [...drop, ...ofBody]
      if (how.body.content !== '') bottom = `${bottom ?? ''}Content-Type: ${inline(how.body.type)}\r\n`
    }
    return encode(request, {
      top,
      drop,
      maxForwards: request.maxForwards - 1,
      uri: target.uri === request.uriText ? undefined : target.uri,
      via: side.via === undefined || how.hideVias === true ? undefined : { text: side.via },
      bottom,
      dropNames,
      body: how.body?.content,
    })
  }

  /** RFC 3261 §22.3: credentials for another realm are for another proxy to consume. */
  private othersCredentials(): string | undefined {
    let lines: string | undefined
    for (const text of this.request.texts(H['Proxy-Authorization'])) {
      const realm = realmOf(text)
      if (realm === undefined || this.carrier.isOurRealm(realm)) continue
      lines = `${lines ?? ''}Proxy-Authorization: ${inline(text)}\r\n`
    }
    return lines
  }
  received(branch: Branch, answer: SipResponse): void {
    const response = withoutClaims(answer, branch.target.hop)
    const { status } = response
    const invite = this.request.method === 'INVITE'
    if (status < 200) {
      if (status > 100 && !this.finished && invite) {
        this.giveUp?.cancel()
        this.giveUp = this.carrier.after(timerC, () => this.cancel(tooLong))
        this.back(response)
      }
      return
    }
    const first = branch.final === undefined
    branch.final = response
    if (status < 300) {
      if (!this.finished || invite) this.back(response) // every 2xx to INVITE goes back (RFC 3261 §16.7 step 5)
      this.end()
      if (invite && first) this.cancel(completedElsewhere)
    } else {
      if (status >= 600) this.cancel([`SIP;cause=${status};text=${quote(response.reason)}`])
      if (status !== 430 || !this.instead(branch)) this.check()
    }
  }
  /** Nobody was there. In a dialog a 480 would end its usage for good, as sip.js has it (RFC 5057 §5.1). */
  get unreached(): 480 | 500 {
    return this.request.toTag === '' ? 480 : 500
  }
  /** When no branch is open: the next group, or the best answer. */
  check(): void {
    if (this.finished || this.running.some((branch) => branch.open)) return
    if (this.waiting.length > 0) {
      this.next()
      return
    }
    if (this.held) return
    this.end()
    const best = bestOf(this.running)
    // RFC 3261 §16.7 step 6: a 6xx, else the lowest class; in 4xx first an answer that tells the client how to do better.
    if (best?.status === 503 && !this.running.some(({ target }) => isOfOurs(target.hop))) this.answer(500)
    else if (best !== undefined) this.back(best, otherChallenges(best, this.running))
    else if (this.running.length === 0) this.answer(this.cancelled ? 487 : this.unreached)
    else this.answer(this.how.unanswered?.status ?? Math.min(...this.running.map((branch) => branch.failed || this.unreached)))
  }
  /** A late answer of a branch is heard by nobody from here on. */
  private leaveUnanswered(): void {
    this.end()
    this.answer(this.how.unanswered!.status)
  }
  private end(): void {
    this.finished = true
    if (this.caller !== undefined) this.carrier.ringing.leave(this.caller)
    this.caller = undefined
    this.giveUp?.cancel()
    this.waiting.length = 0
  }
  /** @param bottom header lines to add */
  private back(response: SipResponse, bottom?: string): void {
    const instead = response.status >= 200 ? this.how.onFinal?.(response) : undefined
    if (!(instead instanceof Promise)) return this.settle(response, instead, bottom)
    instead.then(
      (status) => this.settle(response, status, bottom),
      () => this.answer(500),
    )
  }
  private settle(response: SipResponse, instead: number | undefined, bottom: string | undefined): void {
    if (instead !== undefined) this.answer(instead)
    else if (response.status === 487 && response.vias.length === 1) {
      // some make it from the CANCEL, which came with our Via alone: nobody before us would know it
      this.side.respond(487, buildResponse(this.request, 487, { via: this.side.via, toTag: response.toTag }))
    } else this.side.respond(response.status, this.onItsWay(response, bottom))
  }
  /** The response without our Via, or with those of the request where the next hop had none of them. */
  private onItsWay(response: SipResponse, bottom: string | undefined): Buffer {
    const { hideVias, answerBody, answerHeaders } = this.how
    const replaced = answerHeaders?.(response)
    const body = answerBody?.(response)
    if (hideVias !== true && replaced === undefined && body === undefined) return encode(response, { via: 'pop', bottom })
    const names = replaced?.map(([name]) => name) ?? []
    const { drop, dropNames } = dropList(body === undefined ? names : [...names, 'Content-Length'])
    const lines = replaced === undefined ? bottom : (bottom ?? '') + headerLines(replaced.filter(hasValue))
    if (hideVias !== true) return encode(response, { via: 'pop', bottom: lines, drop, dropNames, body })
    const [first, ...others] = this.request.list(H.Via)
    const received = this.side.via === undefined ? first! : Buffer.from(this.side.via, 'latin1').toString()
    const top = [received, ...others].map((via) => `Via: ${via}\r\n`).join('')
    return encode(response, { top, bottom: lines, drop: [...drop, H.Via], dropNames, body })
  }
  private answer(status: number): void {
    if (status === 408 && this.request.method !== 'INVITE' && this.side.abandon !== undefined) {
      this.side.abandon() // RFC 4320 §4.1: nobody upstream waits for it any more
      return
    }
    const why = this.running.find((branch) => branch.failed === status)?.why
    const headers = why === undefined ? undefined : [['Warning', warning(this.element, why)] as const]
    this.side.respond(status, buildResponse(this.request, status, { via: this.side.via, toTag: this.tag(), headers }))
  }
}

function hasValue(field: readonly [name: string, value: string | undefined]): field is readonly [string, string] {
  return field[1] !== undefined
}

/** RFC 3325 §5: who answers says nothing of its identity unless it is trusted. */
function withoutClaims(response: SipResponse, hop: NextHop): SipResponse {
  if (!('flow' in hop) || hop.flow.trusted) return response
  if (response.find(claims[0]) < 0 && response.find(claims[1]) < 0) return response
  const bare = scan(encode(response, { drop: claims }))
  return bare instanceof SipResponse ? bare : response
}

function sameSocket(a: Flow, b: Flow): boolean {
  return a.transport === b.transport && a.local.port === b.local.port && a.local.host === b.local.host
}

function byQ(targets: readonly BranchTarget[]): BranchTarget[][] {
  const groups = new Map<number, BranchTarget[]>()
  for (const target of targets) groups.set(target.q, [...(groups.get(target.q) ?? []), target])
  return [...groups].sort(([a], [b]) => b - a).map(([, group]) => group)
}

/** Whether that hop is an element of our network, here or at another node, or a peer trusted like one. */
function isOfOurs(hop: NextHop): boolean {
  return 'element' in hop || ('flow' in hop && hop.flow.trusted)
}
