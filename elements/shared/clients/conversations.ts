/** Tell, answered later with data (SPEC §2.3): a MESSAGE, its 202, then a MESSAGE back that names it in In-Reply-To. */
import { type Body, type Exchange, H, type Host, parseAddress, type SipRequest } from '../../../signalling/index.ts'
import { type Bodies, type BodyName, readBody } from '../../schemas/index.ts'
import { PendingMessages } from './pending-messages.ts'

interface ConversationQuestion<Name extends BodyName> {
  readonly to: string
  readonly body: Body
  /** Which body the answer has. */
  readonly answer: Name
  /** Milliseconds until the answer has to be there. Default 10 s. */
  readonly patience?: number
  /** Called once it has been taken. */
  readonly taken?: () => void
}

/** The answer, or the status that came instead: 408 where nothing did, 502 where it cannot be read. */
type ConversationReply<Value> =
  | { readonly value: Value; readonly status?: undefined }
  | { readonly value?: undefined; readonly status: number }

/** Beside the status: nobody has taken the question, or who has taken it said nothing in time. */
type PersistentReply<Value> = { readonly value: Value } | { readonly value?: undefined; readonly fault: 'unreachable' | 'silent' }

const usualPatience = 10_000
const again = 6000 // milliseconds without an answer after which a question is put again
const pause = 1000 // milliseconds after it was not taken
const refusals = 3 // in a row: there is nobody
const passing: ReadonlySet<number> = new Set([408, 430, 480, 481, 482])

/** Whether who answers so may take the same a little later: it is down, or on its way. */
export function isPassingRefusal(status: number): boolean {
  return status >= 500 || passing.has(status)
}
const atMost = 10_000 // questions under way

export class Conversations {
  private readonly host: Host
  private readonly awaited = new Map<string, (answer: SipRequest) => void>()
  /** MESSAGEs of the element outside these questions go by the same. */
  readonly messages: PendingMessages

  constructor(host: Host) {
    this.host = host
    this.messages = new PendingMessages(host)
    host.gauge('questions', () => this.awaited.size)
  }

  /** Asks in the element's own name. Never rejects. */
  ask<Name extends BodyName>({
    to,
    body,
    answer,
    patience = usualPatience,
    taken,
  }: ConversationQuestion<Name>): Promise<ConversationReply<Bodies[Name]>> {
    const { host, awaited } = this
    if (awaited.size >= atMost) return Promise.resolve({ status: 503 })
    const callId = host.ids.token(22)
    return new Promise((resolve) => {
      const settle = (reply: ConversationReply<Bodies[Name]>): void => {
        if (!awaited.delete(callId)) return
        timer.cancel()
        resolve(reply)
      }
      const timer = host.clock.after(patience, () => settle({ status: 408 }))
      awaited.set(callId, (request) => {
        const { value } = readBody(request, answer)
        settle(value === undefined ? { status: 502 } : { value })
      })
      this.messages
        .send({ to, body, callId, asserted: host.uri }, () => awaited.has(callId))
        .then(
          (response) => {
            if (response === undefined) settle({ status: 503 })
            else if (response.status >= 300) settle({ status: response.status })
            else taken?.()
          },
          (fault: unknown) => {
            host.log.warn({ to, fault: String(fault) }, 'a question was not sent')
            settle({ status: 503 })
          },
        )
    })
  }

  /**
   * Asks until an answer comes: who was to answer may have been restarted. Its receiver carries a question out once, by what is
   * in it. Answers to all that was asked count. Never rejects.
   */
  async askPersistently<Name extends BodyName>(
    question: ConversationQuestion<Name> & { readonly patience: number },
  ): Promise<PersistentReply<Bodies[Name]>> {
    const { clock } = this.host
    const end = clock.now() + question.patience
    const asked: Promise<ConversationReply<Bodies[Name]>>[] = []
    let refused = 0
    let isTaken = false
    const taken = (): void => {
      isTaken = true
    }
    for (;;) {
      const left = end - clock.now()
      if (left <= 0) return { fault: isTaken ? 'silent' : 'unreachable' }
      asked.push(this.ask({ ...question, patience: left, taken }))
      const first = await Promise.race([...asked.map(withAnswer), ended(asked.at(-1)!), this.waited(Math.min(again, left))])
      if (first?.value !== undefined) return { value: first.value }
      const status = first?.status
      if (status === undefined) refused = 0
      else if (!isPassingRefusal(status) || ++refused === refusals) return { fault: isTaken ? 'silent' : 'unreachable' }
      else await this.waited(pause)
    }
  }
  private waited(ms: number): Promise<undefined> {
    return new Promise((resolve) => {
      this.host.clock.after(ms, () => resolve(undefined))
    })
  }

  /** Takes a MESSAGE that may be an answer: 200 to one that is awaited, 481 to any other. */
  takeAnswer(exchange: Exchange): void {
    const awaited = this.awaited.get(exchange.request.text('In-Reply-To')?.trim() ?? '')
    if (awaited === undefined)
      return exchange.reply(481, { warning: 'nobody awaits this answer; expected In-Reply-To of a question under way' })
    exchange.reply(200)
    awaited(exchange.request)
  }

  /** Sends the answer to a question, whose 202 has left, to its asker: by the elements that have recorded their way. */
  answer(question: Exchange, to: string, body: Body): void {
    const headers = [['In-Reply-To', question.request.callId]] as const
    const { host } = this
    const route = wayBack(question, host.domains)
    this.messages.send({ to, body, headers, route, asserted: host.uri }).then(
      (response) => {
        if (response === undefined || response.status >= 300)
          host.log.info({ to, status: response?.status ?? 503 }, 'an answer was not taken')
      },
      (fault: unknown) => host.log.warn({ to, fault: String(fault) }, 'an answer was not sent'),
    )
  }
}

/** Never where none comes. */
function withAnswer<Value>(reply: Promise<ConversationReply<Value>>): Promise<ConversationReply<Value>> {
  return new Promise((resolve) => {
    void reply.then((found) => found.value !== undefined && resolve(found))
  })
}

/** The end of a question that nobody has taken; never that of one that was taken, and is answered late. */
function ended<Value>(reply: Promise<ConversationReply<Value>>): Promise<ConversationReply<Value>> {
  return new Promise((resolve) => {
    void reply.then((found) => (found.value !== undefined || found.status !== 408) && resolve(found))
  })
}

/** Record-Route of elements of ours that the question came through, such as an MME (SPEC §4); nobody else's counts. */
function wayBack({ flow, request }: Exchange, domains: readonly string[]): readonly string[] {
  if (!flow.trusted) return []
  return request.list(H['Record-Route']).filter((value) => {
    const uri = parseAddress(value)?.uri
    return uri !== undefined && uri.user !== '' && domains.includes(uri.host)
  })
}
