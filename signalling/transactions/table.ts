/** All transactions of a node: where retransmissions, ACK, CANCEL and responses end. Bounded, and empty when quiet. */
import type { Clock } from '../clock.ts'
import type { Ids } from '../ids.ts'
import { buildResponse, warning } from '../messages/build.ts'
import type { SipRequest, SipResponse } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import { transactionKey } from '../messages/scan.ts'
import type { Flow } from '../transports/transport.ts'
import { mayRepeat } from './amplification.ts'
import { type ClientHolder, ClientTransaction, type ClientUser, InviteClientTransaction } from './client.ts'
import { RecentAnswers } from './recent-answers.ts'
import { InviteServerTransaction, type ServerHolder, ServerTransaction } from './server.ts'
import { stampedVia } from './stateless.ts'
import { standardTiming, type TransactionTiming } from './timing.ts'

/** The transaction user: it is handed new requests and ACKs. */
interface TransactionUser {
  onRequest(transaction: ServerTransaction): void
  /** An ACK for a 2xx: no transaction is its, it goes where the dialog goes. */
  onAck(request: SipRequest, flow: Flow): void
}

/**
 * Progress of a request in overload control, handed on with it. Nothing is decided; or its turn has come after it waited as
 * a datagram, or after it was read and counted for its source.
 */
export type OverloadTurn = 'undecided' | 'waited-unread' | 'waited'

interface TableOptions {
  readonly clock: Clock
  readonly ids: Ids
  readonly user: TransactionUser
  /** Puts bytes on a flow, past the tap; false if the flow took nothing. */
  readonly transmit: (flow: Flow, bytes: Buffer) => boolean
  /** Asked before a request gets a transaction, CANCEL excepted; false: it has had its answer, or gets none. */
  readonly admits?: (request: SipRequest, flow: Flow, turn: OverloadTurn) => boolean
  /** RFC 7339: parameters for the Via of a response to a peer that offers `oc`. */
  readonly feedback?: () => string
  /** The flow on which a request is answered; left out: its own. */
  readonly answerFlow?: (request: SipRequest, flow: Flow) => Flow
  /** Told of a response that its flow cannot carry. */
  readonly tooLong?: (flow: Flow, method: string, status: number, bytes: number) => void
  readonly timing?: TransactionTiming
  /** Server transactions at most, answered ones included; beyond that the oldest answered ones go first. */
  readonly limit?: number
}

const sweepEvery = 50
/** Of a request as it leaves us: our Via stands first. */
const sentBranch = /^[A-Z]+ \S+ SIP\/2\.0\r\nVia: [^\r\n;]+;branch=([\w.-]+)[;\r]/

export class TransactionTable implements ClientHolder, ServerHolder {
  readonly clock: Clock
  readonly timing: TransactionTiming
  readonly transmit: (flow: Flow, bytes: Buffer) => boolean
  private readonly user: TransactionUser
  private readonly admits: TableOptions['admits']
  private readonly feedback: TableOptions['feedback']
  private readonly answerFlow: TableOptions['answerFlow']
  private readonly tooLong: TableOptions['tooLong']
  private readonly limit: number
  private readonly prefix: string
  private readonly prefixBytes: Buffer
  private readonly servers = new Map<string, ServerTransaction>()
  /** Non-INVITE requests on datagrams that were answered in the last 64*T1. */
  private readonly answers: RecentAnswers
  private sweeping = false
  private readonly slots: (ClientTransaction | undefined)[] = []
  private readonly free: number[] = []
  private readonly ids: Ids
  private readonly byFlow = new Map<string, Set<ClientTransaction>>()
  /** Transactions whose branch their user has named. */
  private readonly named = new Map<string, ClientTransaction>()

  constructor(options: TableOptions) {
    this.clock = options.clock
    this.timing = options.timing ?? standardTiming
    this.transmit = options.transmit
    this.user = options.user
    this.admits = options.admits
    this.feedback = options.feedback
    this.answerFlow = options.answerFlow
    this.tooLong = options.tooLong
    this.limit = options.limit ?? 500_000
    this.ids = options.ids
    this.prefix = `z9hG4bK${options.ids.token(6)}.`
    this.prefixBytes = Buffer.from(this.prefix)
    this.answers = new RecentAnswers({ seed: Buffer.from(options.ids.token(6)).readInt32LE() })
  }
  /** Answered ones included, for as long as their repeats are answered. */
  get serverCount(): number {
    this.answers.expire(this.clock.now())
    return this.servers.size + this.answers.count
  }
  /** Requests that nobody has answered yet. */
  get unanswered(): number {
    let count = 0
    for (const transaction of this.servers.values()) if (!transaction.answered) count++
    return count
  }
  get clientCount(): number {
    return this.slots.length - this.free.length
  }
  /** Requests of ours that nobody has answered yet. */
  get clientUnanswered(): number {
    let count = 0
    for (const transaction of this.slots) if (transaction?.answered === false) count++
    return count
  }

  receiveRequest(request: SipRequest, flow: Flow, turn: OverloadTurn = 'undecided'): void {
    const key = transactionKey(request)
    const existing = this.servers.get(key)
    if (request.method === 'ACK') {
      if (existing instanceof InviteServerTransaction && existing.acknowledge()) return
      this.user.onAck(request, flow)
      return
    }
    if (existing !== undefined) {
      existing.again()
      return
    }
    const answer = request.method === 'INVITE' ? undefined : this.answers.find(key, this.clock.now())
    if (answer !== undefined) {
      if (!mayRepeat(answer.bytes, request, flow)) return
      this.transmit(answer.flow, answer.bytes)
      return
    }
    if (this.admits !== undefined && request.method !== 'CANCEL' && !this.admits(request, flow, turn)) return
    const via = stampedVia(request, flow, this.feedback)
    const transaction =
      request.method === 'INVITE'
        ? new InviteServerTransaction(this, key, request, flow, via)
        : new ServerTransaction(this, key, request, flow, via)
    if (this.answerFlow !== undefined && !flow.reliable) transaction.back = this.answerFlow(request, flow)
    this.servers.set(key, transaction)
    if (this.servers.size + this.answers.count > this.limit) this.evict()
    if (request.method === 'CANCEL') this.cancel(transaction)
    else this.user.onRequest(transaction)
  }

  private cancel(transaction: ServerTransaction): void {
    const { request, via } = transaction
    const invite = this.servers.get(transaction.key.replace(/\|CANCEL$/, '|INVITE'))
    // a callee has read the caller's branch: only where the INVITE came from may it be cancelled (RFC 3261 §9.2, §26.1)
    if (invite instanceof InviteServerTransaction && invite.flow.remote.host === transaction.flow.remote.host) {
      transaction.respond(200, buildResponse(request, 200, { via, toTag: 'c' }))
      invite.cancel(request.texts(H.Reason))
    } else transaction.respond(481, buildResponse(request, 481, { via, toTag: 'c' }))
  }

  private evict(): void {
    if (this.answers.drop()) return
    let looked = 0
    for (const transaction of this.servers.values()) {
      if (transaction.answered) {
        transaction.abandon()
        return
      }
      if (++looked > 64) return // all in progress: they are bounded by admission, not here
    }
  }

  receiveResponse(response: SipResponse): void {
    const branch = response.via?.branch
    if (branch !== undefined) this.sent(branch)?.receive(response) // else a stray (RFC 6026 §7.1)
  }
  private sent(branch: string): ClientTransaction | undefined {
    if (!branch.startsWith(this.prefix)) return this.named.get(branch)
    const dot = branch.indexOf('.', this.prefix.length)
    const slot = Number.parseInt(branch.slice(this.prefix.length, dot), 36)
    const transaction = this.slots[slot]
    return transaction?.branch === branch ? transaction : undefined
  }
  /** UnderWay (routing/loop.ts). */
  mayHold(bytes: Buffer): boolean {
    return bytes.includes(this.prefixBytes)
  }
  userOf(branch: string): ClientUser | undefined {
    return this.sent(branch)?.user
  }

  /**
   * A new client transaction; `begin` sends the request, whose top Via must carry its `branch`.
   * @param given a branch that is to be used again after a restart; left out: a new one
   */
  client(method: string, flow: Flow, user: ClientUser, given?: string): ClientTransaction {
    const slot = this.free.pop() ?? this.slots.push(undefined) - 1
    // not to be guessed: who knows it can answer, or fake an ICMP error
    const branch = given ?? `${this.prefix}${slot.toString(36)}.${this.ids.token(8)}`
    const transaction =
      method === 'INVITE'
        ? new InviteClientTransaction(this, slot, branch, flow, user)
        : new ClientTransaction(this, slot, branch, flow, user)
    this.slots[slot] = transaction
    if (flow.reliable) this.note(flow, transaction)
    if (given !== undefined) this.named.set(given, transaction)
    return transaction
  }
  /** Requests under way on a connection fail as it breaks; datagrams have Timer F. */
  private note(flow: Flow, transaction: ClientTransaction): void {
    let set = this.byFlow.get(flow.id)
    if (set === undefined) this.byFlow.set(flow.id, (set = new Set()))
    set.add(transaction)
  }
  flowClosed(flow: Flow): void {
    for (const transaction of this.byFlow.get(flow.id) ?? []) transaction.fail(503)
    this.byFlow.delete(flow.id)
  }
  /**
   * A request that we passed on found nobody, as ICMP says by quoting it: it fails at once (RFC 3261 §18.4). Our own requests are
   * sent again until their time is over: who restarts, such as a subscriber, is back by then.
   */
  unreachable(quoted: Buffer): void {
    const branch = sentBranch.exec(quoted.toString('latin1', 0, 1280))?.[1]
    const transaction = branch === undefined ? undefined : this.sent(branch)
    if (transaction?.user.origin !== undefined) transaction.fail(503)
  }
  release(transaction: ClientTransaction): void {
    if (this.slots[transaction.slot] !== transaction) return
    this.slots[transaction.slot] = undefined
    this.free.push(transaction.slot)
    if (transaction.flow.reliable) this.byFlow.get(transaction.flow.id)?.delete(transaction)
    if (this.named.size > 0 && this.named.get(transaction.branch) === transaction) this.named.delete(transaction.branch)
  }
  forget(transaction: ServerTransaction): void {
    this.servers.delete(transaction.key)
  }
  shorter({ request, via, back }: ServerTransaction, status: number, { length }: Buffer): Buffer | undefined {
    this.tooLong?.(back, request.method, status, length)
    const text = `an answer of ${length} bytes is more than a datagram carries: come by TCP, TLS or WebSocket`
    const headers = [['Warning', warning('proxima', text)]] as const
    const answer = buildResponse(request, 500, { via, toTag: this.ids.token(8), headers })
    return answer.length > back.longest! ? undefined : answer
  }
  keepAnswer({ key, back }: ServerTransaction, bytes: Buffer): void {
    this.answers.add(key, back, bytes, this.clock.now() + 64 * this.timing.T1)
    if (!this.sweeping) this.sweepAt(this.answers.due)
  }
  /** One timer for all answers; how late it comes costs memory only, since one that is over is not found. */
  private sweepAt(due: number | undefined): void {
    this.sweeping = due !== undefined
    if (due !== undefined) this.clock.after(Math.max(0, due - this.clock.now()), this.sweep)
  }
  private readonly sweep = (): void => {
    const now = this.clock.now()
    this.answers.expire(now)
    const { due } = this.answers
    this.sweepAt(due === undefined ? undefined : Math.max(due, now + sweepEvery))
  }
}
