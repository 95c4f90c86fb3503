/** Text commands for softphones (SPEC §8.8): an LCS client whose requestor is the sender of a text. */
import { type Claim, type Element, type Exchange, type Host, RateLimit } from '../../signalling/index.ts'
import { type LocationLog, type SubscriberRecord, writeBody } from '../schemas/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import { PendingMessages } from '../shared/clients/pending-messages.ts'
import { Subscribers } from '../shared/clients/subscribers.ts'
import { namesOf, serverUri } from '../shared/identifiers/devices.ts'
import { toldPlaceIn } from '../shared/location/told-place.ts'
import { Offers } from '../shared/values/offers.ts'
import { type AcceptedChange, Changes } from './changes.ts'
import { type Command, commandIn } from './command.ts'
import { fetchOnce } from './fetched.ts'
import { OwnLogs } from './own-log.ts'
import { OwnProfiles } from './own-profile.ts'
import { homeAddress, personNamed } from './person.ts'
import { hiddenFrom, shownTo } from './profile-changes.ts'
import type { WhereSettings } from './settings-type.ts'
import {
  askerWords,
  doneWords,
  helpWords,
  hiddenWords,
  logWords,
  noAnswerWords,
  noNumberWords,
  placeWords,
  shownWords,
  stoppedWords,
  undoneWords,
  unknownWords,
  whoWords,
} from './words.ts'

export type { WhereSettings } from './settings-type.ts'

type Change = Extract<Command, { does: 'hide' | 'show' }>
type Answered = Exclude<Command, Change | { does: 'stop' }>

const usualGmlc = 'gmlc'
const rate = { rate: 2, burst: 10 } // of one sender
const underWayAtMost = 10_000
const numbersAtMost = 10_000 // senders
const busy = { headers: [['Retry-After', '5']], warning: 'too many commands are under way: come again later' } as const
const offers = new Offers([{ method: 'MESSAGE', types: ['text/plain'] }])

export function createWhere(name: string, settings: WhereSettings): Element {
  return new Where(name, settings)
}

class Where implements Element {
  readonly name: string
  readonly claims: readonly Claim[]
  private readonly settings: WhereSettings
  private host!: Host
  private rates!: RateLimit
  private subscribers!: Subscribers
  private messages!: PendingMessages
  private profiles!: OwnProfiles
  private logs!: OwnLogs
  private changes!: Changes
  private underWay = 0
  /** Requests as the last answer to `who` has numbered them, by target. */
  private readonly numbers = new Map<string, readonly Required<Pick<AcceptedChange, 'request' | 'whose'>>[]>()

  constructor(name: string, settings: WhereSettings) {
    this.name = name
    this.settings = settings
    this.claims = [{ method: 'MESSAGE', user: name }]
  }
  async start(host: Host): Promise<void> {
    this.host = host
    this.rates = new RateLimit(host.clock, rate)
    this.subscribers = new Subscribers(host, this.settings.hss)
    this.messages = new PendingMessages(host)
    const gmlc = serverUri(this.settings.gmlc ?? usualGmlc, host.domains)
    this.profiles = new OwnProfiles({ host, messages: this.messages, gmlc })
    this.logs = new OwnLogs({ host, messages: this.messages, gmlc })
    this.changes = new Changes({ host, carryOut: (change) => this.carryOut(change) })
    host.gauge('commands', () => this.underWay)
    this.subscribers.start()
    await this.changes.load()
  }
  stop(): Promise<void> {
    return this.changes.stop()
  }

  handle(exchange: Exchange): Promise<void> | void {
    if (offers.answer(exchange)) return
    return this.serve(exchange).catch((fault: unknown) => this.subscribers.refuse(exchange, fault))
  }
  private async serve(exchange: Exchange): Promise<void> {
    const { host, rates } = this
    const { body, callId, cseq } = exchange.request
    const sender = askerOf(exchange, host.domains)
    if (sender === undefined) return exchange.reply(403, { warning: 'nobody vouches for you; expected to come by your proxy' })
    if (!rates.take(sender)) {
      const seconds = Math.max(1, Math.ceil(rates.pauseOf(sender) / 1000))
      const warning = `${rate.burst} commands at once and ${rate.rate} a second are answered: come again later`
      return exchange.reply(503, { headers: [['Retry-After', String(seconds)]], warning })
    }
    if (this.underWay >= underWayAtMost || this.changes.size >= underWayAtMost) return exchange.reply(503, busy)
    const record = await this.subscribers.of(sender)
    if (record === undefined) return exchange.reply(403, { warning: 'commands are for users of this network; expected one' })
    const text = body.toString()
    const command = commandIn(text)
    host.count(`commands_${command.does}`)
    const change = { sender, target: record.id, callId, cseq: cseq.number, text: text.slice(0, 1000), at: host.clock.date() }
    const numbered = command.does === 'stop' ? this.numbers.get(record.id)?.[command.number - 1] : undefined
    if (command.does === 'hide' || command.does === 'show' || numbered !== undefined) {
      await this.changes.take({ ...change, ...numbered })
      return exchange.reply(202)
    }
    exchange.reply(202)
    this.underWay++
    try {
      const answer = command.does === 'stop' ? undoneWords(noNumberWords(command.number)) : await this.answerTo(command, record)
      await this.tell({ sender, callId }, answer)
    } finally {
      this.underWay--
    }
  }

  private async answerTo(command: Answered, { id }: SubscriberRecord): Promise<string> {
    const { host } = this
    if (command.does === 'help') return helpWords(host.domains[0] ?? '')
    if (command.does === 'where') return this.placeOf(command.name, id)
    const { fault, rules } = await this.profiles.read(id)
    if (rules === undefined) return noAnswerWords(fault)
    const { log } = await this.logs.read(id)
    this.remember(id, log)
    return [whoWords(rules, id, host.domains), ...logWords(log, host.domains)].join(' ')
  }
  /** Numbers of requests are those of the last answer to `who`, whatever has ended since. */
  private remember(id: string, log: LocationLog | undefined): void {
    const { domains } = this.host
    this.numbers.delete(id)
    if (log === undefined) return
    this.numbers.set(
      id,
      log.active.map((one) => ({ request: one.request, whose: askerWords(one, domains) })),
    )
    if (this.numbers.size > numbersAtMost) this.numbers.delete(this.numbers.keys().next().value!)
  }
  /** @param name undefined: the sender himself */
  private async placeOf(name: string | undefined, requestor: string): Promise<string> {
    const { host } = this
    const person = name === undefined ? { key: requestor, name } : personNamed(name, host.domains)
    const to = person && homeAddress(person.key, host.domains)
    if (to === undefined) return unknownWords(person?.name ?? name)
    const body = writeBody('location-request', { type: 'immediate', requestor })
    const answer = await fetchOnce(host, { to, event: 'location', accept: ['application/pidf+xml'], body })
    if (answer.notify !== undefined) return placeWords(person?.name, toldPlaceIn(answer.notify.body))
    return answer.why === 'rejected' ? unknownWords(person?.name) : noAnswerWords(`${answer.status} ${answer.why}`)
  }

  /** Until its sender is told what has become of it. */
  private async carryOut({ at, callId, request, sender, target, text, whose = '' }: AcceptedChange): Promise<void> {
    const command = commandIn(text)
    if (command.does !== 'hide' && command.does !== 'show' && request === undefined) return
    let answer: string
    try {
      if (request !== undefined) answer = await this.end(target, request, whose)
      else answer = await this.change(command as Change, target, at)
    } catch (fault) {
      this.host.log.error({ fault: String(fault) }, 'a change of privacy has failed')
      answer = undoneWords('the network does not answer; send it again')
    }
    await this.tell({ sender, callId }, answer)
  }
  private async end(target: string, request: string, whose: string): Promise<string> {
    const fault = await this.logs.end(target, request)
    return fault === undefined ? doneWords(this.host.clock.date(), stoppedWords(whose)) : undoneWords(fault)
  }
  /** @param at milliseconds since the epoch at which the command came */
  private async change(command: Change, target: string, at: number): Promise<string> {
    const { domains } = this.host
    if (command.does === 'hide' && command.name === undefined) {
      const { fault, since } = { since: 0, ...(await this.profiles.change(target, () => [])) }
      return fault === undefined ? doneWords(since, hiddenWords(undefined)) : undoneWords(fault)
    }
    const person = command.name === undefined ? { key: target, name: undefined } : personNamed(command.name, domains)
    if (person === undefined) return undoneWords(`${command.name} can be nobody's name`)
    const keys = await this.keysOf(person.key)
    const until = command.does === 'show' && command.until !== undefined ? nextAt(command.until, at) : undefined
    const changed = await this.profiles.change(target, (rules) =>
      command.does === 'hide'
        ? hiddenFrom(rules, keys, domains)
        : shownTo(rules, keys, { precision: command.precision, ...(until && { until }) }, domains),
    )
    if (changed.fault !== undefined) return undoneWords(changed.fault)
    const what = command.does === 'hide' ? hiddenWords(person.name) : shownWords(person.name, command.precision, until)
    return doneWords(changed.since, what)
  }
  /** All names under which somebody may ask, his own first. */
  private async keysOf(key: string): Promise<readonly string[]> {
    const record = await this.subscribers.of(key)
    return record === undefined ? [key] : [...new Set(namesOf(record, this.host.domains))]
  }
  private async tell({ callId, sender }: Pick<AcceptedChange, 'callId' | 'sender'>, text: string): Promise<void> {
    const { host, messages } = this
    const body = { type: 'text/plain; charset=utf-8', content: text }
    try {
      const response = await messages.send({ to: sender, asserted: host.uri, body, headers: [['In-Reply-To', callId]] })
      if (response === undefined || response.status >= 300)
        host.log.info({ status: response?.status ?? 503 }, 'an answer to a command was not taken')
    } catch (fault) {
      host.log.warn({ fault: String(fault) }, 'an answer to a command was not sent')
    }
  }
}

/** ISO time of the next such minute of a day, UTC. @param after milliseconds since the epoch */
function nextAt(minutes: number, after: number): string {
  const day = 86_400_000
  const today = Math.floor(after / day) * day + minutes * 60_000
  return new Date(today > after ? today : today + day).toISOString()
}
