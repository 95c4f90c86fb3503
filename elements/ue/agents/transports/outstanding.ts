/**
 * Outstanding requests of sip.js, whose transaction layer is not made for UDP. Over UDP they are sent again until
 * they are answered (RFC 3261 §17.1.1.2, §17.1.2.2, Timers A and E). A request that comes again gets the same
 * response again (§17.2.2), and no repetition goes further. A request without an answer fails when its connection
 * breaks.
 */
import type { Clock, Timer } from '../../../../signalling/index.ts'

const t1 = 500
const t2 = 4000
const lifetime = 64 * t1
const refusalsBorne = 3 // a server that is being started again is back before the third

/** A request that waits for its final response. */
interface OutstandingRequest {
  readonly text: string
  readonly invite: boolean
  readonly settle: (fault?: Error) => void
  interval: number
  left: number
  refusals: number
  timer: Timer
}

/** The name of a transaction: top Via branch and CSeq method (RFC 3261 §17.1.3). */
function transactionOf(message: string): { readonly key: string; readonly method: string } | undefined {
  const head = message.slice(0, message.indexOf('\r\n\r\n') + 2)
  const branch = /\n(?:via|v)[ \t]*:[^\r\n,]*?;[ \t]*branch[ \t]*=[ \t]*([^;,\s]+)/i.exec(head)?.[1]
  const method = /\ncseq[ \t]*:[ \t]*\d+[ \t]+([A-Z]+)/i.exec(head)?.[1]
  return branch === undefined || method === undefined ? undefined : { key: `${branch} ${method}`, method }
}

const isResponse = (text: string): boolean => text.startsWith('SIP/2.0 ')
const isProvisional = (text: string): boolean => text.startsWith('SIP/2.0 1')

export class OutstandingRequests {
  private readonly clock: Clock
  private readonly reliable: boolean
  private readonly transmit: (text: string) => void
  private readonly waiting = new Map<string, OutstandingRequest>()
  /** Requests that came, with the response once there is one. */
  private readonly answered = new Map<string, string | undefined>()

  constructor(clock: Clock, reliable: boolean, transmit: (text: string) => void) {
    this.clock = clock
    this.reliable = reliable
    this.transmit = transmit
  }
  get size(): number {
    return this.waiting.size + this.answered.size
  }
  /** Transmits. Resolves once nothing is left to do for it; rejects where its way broke or nobody listens there. */
  send(text: string): Promise<void> {
    this.transmit(text)
    const transaction = transactionOf(text)
    if (transaction === undefined || transaction.method === 'ACK') return Promise.resolve()
    const { key, method } = transaction
    if (isResponse(text)) {
      if (this.answered.has(key)) this.answered.set(key, text)
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const first = this.reliable ? lifetime : t1
      this.waiting.set(key, {
        text,
        invite: method === 'INVITE',
        settle: (fault) => (fault === undefined ? resolve() : reject(fault)),
        interval: first,
        left: lifetime - first,
        refusals: 0,
        timer: this.clock.after(first, () => this.again(key)),
      })
    })
  }
  private again(key: string): void {
    const waiting = this.waiting.get(key)
    if (waiting === undefined) return
    if (waiting.left <= 0) return this.settle(key, waiting) // sip.js has the same timer and tells its user: 408
    this.transmit(waiting.text)
    waiting.interval = waiting.invite ? waiting.interval * 2 : Math.min(waiting.interval * 2, t2)
    waiting.timer = this.clock.after(Math.min(waiting.interval, waiting.left), () => this.again(key))
    waiting.left -= waiting.interval
  }
  private settle(key: string, waiting: OutstandingRequest, fault?: Error): void {
    waiting.timer.cancel()
    this.waiting.delete(key)
    waiting.settle(fault)
  }
  /** Sees every message that comes. False: sip.js has had it already. */
  admit(text: string): boolean {
    const transaction = transactionOf(text)
    if (transaction === undefined) return true
    const { key, method } = transaction
    if (isResponse(text)) {
      const waiting = this.waiting.get(key)
      // sip.js would take a second 401 for the answer to its request after the first one
      if (waiting === undefined) return this.reliable || method === 'INVITE'
      if (isProvisional(text) && !waiting.invite)
        waiting.interval = t2 // proceeding: more slowly, but still
      else this.settle(key, waiting)
      return true
    }
    if (this.reliable || method === 'ACK') return true
    if (this.answered.has(key)) {
      const response = this.answered.get(key)
      if (response !== undefined) this.transmit(response)
      return false
    }
    this.answered.set(key, undefined)
    this.clock.after(lifetime, () => this.answered.delete(key)) // Timer J
    return true
  }
  /** ICMP says that nobody listens there: a request that has been tried several times is given up. */
  refused(why: string): void {
    for (const [key, waiting] of [...this.waiting]) {
      waiting.refusals++
      if (waiting.refusals >= refusalsBorne) this.settle(key, waiting, new Error(why))
    }
  }
  /** The way is gone, broken for a reason or closed on purpose. */
  clear(why?: string): void {
    for (const [key, waiting] of [...this.waiting]) this.settle(key, waiting, why === undefined ? undefined : new Error(why))
    this.answered.clear()
  }
}
