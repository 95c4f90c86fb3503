/**
 * Questions to targets whether somebody may be told where they are (SPEC §8.2, modes `ask-allow` and `ask-deny`). Without an
 * answer in time the second word of the mode counts.
 */
import type { Exchange, Host } from '../../signalling/index.ts'
import { readBody, writeBody } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import type { PendingMessages } from '../shared/clients/pending-messages.ts'
import { keyPart } from '../shared/identifiers/keys.ts'
import type { PrivacyMode, PrivacyQuestion } from '../shared/location/privacy-rules.ts'
import { Kept } from '../shared/state/kept.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'

interface PrivacyQuestionParts {
  readonly host: Host
  readonly messages: PendingMessages
}

/** An answer that the target wants remembered, until it tells another profile. */
interface RememberedAnswer {
  readonly key: string
  readonly target: string
  readonly isAllowed: boolean
}

/** A question that is open, or was of the last minute. */
interface AskedQuestion {
  readonly key: string
  readonly answer: Promise<boolean>
  /** Milliseconds of the clock until which nobody is asked again. */
  readonly until: number
}

/** Terms on which a target is asked. */
interface QuestionTerms {
  readonly mode: PrivacyMode
  /** Metres; left out: exactly. */
  readonly precision?: number
  /** Milliseconds; default 20 s. */
  readonly patience?: number
}

interface AwaitedAnswer {
  readonly target: string
  readonly settle: (isAllowed: boolean, remember: boolean) => void
}

const usualPatience = 20_000 // milliseconds
const pause = 60_000 // milliseconds between two questions about one requestor and client
const atMost = 10_000
const openAtMost = 100 // of one requestor

export class PrivacyQuestions {
  private readonly parts: PrivacyQuestionParts
  private readonly remembered: Kept<RememberedAnswer>
  private readonly ofTarget: RecordSets<RememberedAnswer>
  private readonly asked = new Map<string, AskedQuestion>()
  private readonly awaited = new Map<string, AwaitedAnswer>()
  /** Questions that are open, by requestor. */
  private readonly openOf = new Map<string, number>()

  constructor(parts: PrivacyQuestionParts) {
    const { host } = parts
    this.parts = parts
    this.remembered = new Kept<RememberedAnswer>(host, { prefix: `gmlc/${host.name}/answer/`, noun: 'an answer of a target' })
    this.ofTarget = this.remembered.setIndex(({ target }) => [target])
    host.gauge('privacy_questions', () => this.awaited.size)
  }
  load(): Promise<void> {
    return this.remembered.load()
  }
  stop(): Promise<void> {
    for (const { settle } of [...this.awaited.values()]) settle(false, false)
    return this.remembered.stop()
  }

  /** Whether the target lets it be told. */
  isAllowed(target: string, question: PrivacyQuestion, terms: QuestionTerms): Promise<boolean> {
    const { clock } = this.parts.host
    const key = keyOf(target, question)
    const known = this.remembered.get(key)
    if (known !== undefined) return Promise.resolve(known.isAllowed)
    const pair = pairOf(target, question)
    const before = this.asked.get(pair)
    // one question a minute: another one of them is not put, and counts as no
    if (before !== undefined && before.until > clock.now()) return before.key === key ? before.answer : Promise.resolve(false)
    const answer = this.ask(target, question, terms)
    this.asked.delete(pair)
    this.asked.set(pair, { key, answer, until: clock.now() + pause })
    if (this.asked.size > atMost) this.asked.delete(this.asked.keys().next().value!)
    return answer
  }
  private ask(
    target: string,
    question: PrivacyQuestion,
    { mode, patience = usualPatience, precision }: QuestionTerms,
  ): Promise<boolean> {
    const { host, messages } = this.parts
    const { client, requestor, service } = question
    const open = this.openOf.get(requestor) ?? 0
    if (this.awaited.size >= atMost || open >= openAtMost) return Promise.resolve(false)
    this.openOf.set(requestor, open + 1)
    const id = `q-${host.ids.token(8)}`
    const until = new Date(host.clock.date() + patience).toISOString()
    const more = { ...(service === undefined ? {} : { service }), ...(precision === undefined ? {} : { precision }) }
    const body = writeBody('privacy-ask', { question: id, requestor, client, ...more, until })
    return new Promise((resolve) => {
      const settle = (isAllowed: boolean, remember: boolean): void => {
        if (!this.awaited.delete(id)) return
        timer.cancel()
        const left = this.openOf.get(requestor)! - 1
        if (left === 0) this.openOf.delete(requestor)
        else this.openOf.set(requestor, left)
        resolve(isAllowed)
        const key = keyOf(target, question)
        if (remember) void this.remembered.enforce(key, { key, target, isAllowed })
      }
      const timer = host.clock.after(patience, () => settle(mode === 'ask-allow', false))
      this.awaited.set(id, { target, settle })
      messages.send({ to: target, asserted: host.uri, body }).catch((fault: unknown) => {
        host.log.warn({ target, fault: String(fault) }, 'a target is not asked')
      })
    })
  }
  /** The answer of a target: the first one counts, of any of its devices. */
  handle(exchange: Exchange): void {
    const asker = askerOf(exchange, this.parts.host.domains)
    const body = readBody(exchange.request, 'privacy-answer')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const { answer, question, remember = 'once' } = body.value
    const awaited = this.awaited.get(question)
    if (awaited === undefined || awaited.target !== asker)
      return exchange.reply(481, { warning: 'that question is not open; expected one that was put to you, within its time' })
    exchange.reply(200)
    if (remember === 'once') awaited.settle(answer === 'allow', false)
    else awaited.settle(remember === 'always', true)
  }
  /** A target has told another profile: it is asked anew. */
  forget(target: string): void {
    for (const { key } of [...this.ofTarget.of(target)]) void this.remembered.expel(key)
    for (const key of [...this.asked.keys()]) if (key.startsWith(`${keyPart(target)}/`)) this.asked.delete(key)
  }
}

/** One who asks, about one target: he has one question a minute, whatever he asks for. */
function pairOf(target: string, { client, requestor }: PrivacyQuestion): string {
  return [target, requestor, client].map((part) => keyPart(part)).join('/')
}

function keyOf(target: string, { client, requestor, service = '' }: PrivacyQuestion): string {
  return [target, requestor, client, service].map((part) => keyPart(part)).join('/')
}
