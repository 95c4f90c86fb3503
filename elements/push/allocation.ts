/** Push identifiers that a Push server gives its subscribers (SPEC §5.1): a lasting one at REGISTER, short-lived ones when asked. */
import { type Exchange, type Host, RateLimit } from '../../signalling/index.ts'
import {
  mediaType,
  type PushAllocation,
  type PushIdentifier,
  type PushIdentifierRecord,
  readBody,
  type SubscriberRecord,
  writeBody,
} from '../schemas/index.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { serverUri } from '../shared/identifiers/devices.ts'
import { usualHss } from '../shared/identifiers/element-names.ts'
import { newPushIdentifier } from '../shared/identifiers/push.ts'
import { InTurn } from '../shared/state/in-turn.ts'
import { Waiters } from '../shared/state/waiters.ts'

interface IdentifierAllocationParts {
  readonly host: Host
  readonly subscribers: Subscribers
  /** Flag bits of this server. */
  readonly flags: string
  /** URI or name of the HSS; undefined: the usual one. */
  readonly hss: string | undefined
  /** The HSS chooses the identifiers. */
  readonly isChosenByHss: boolean
}

const rate = { rate: 1 / 3600, burst: 16 } // short-lived identifiers of a subscriber: each is kept from others for 400 days
const triesAtMost = 3 // identifiers that are taken, of 52 random bits or more
const newsAtMost = 4000 // milliseconds until the record is known here as it is at the HSS
/** Media types of MESSAGEs to the server itself about identifiers. */
export const allocationTypes = [mediaType('push-identifier-request'), mediaType('push-allocation')] as const
const causes: { readonly [cause in NonNullable<PushAllocation['cause']>]: NonNullable<PushIdentifier['cause']> } = {
  unknown: 'not-permitted',
  'not-permitted': 'not-permitted',
  'too-many': 'too-many',
  taken: 'unavailable',
  unavailable: 'unavailable',
}

export class IdentifierAllocation {
  private readonly parts: IdentifierAllocationParts
  private readonly conversations: Conversations
  private readonly turns = new InTurn()
  private readonly rates: RateLimit
  /** Waiting for changes of records, by their subscribers. */
  private readonly news = new Map<string, Waiters>()

  constructor(parts: IdentifierAllocationParts) {
    this.parts = parts
    this.conversations = new Conversations(parts.host)
    this.rates = new RateLimit(parts.host.clock, rate)
    parts.subscribers.onChange((id) => this.news.get(id)?.wake())
  }

  /** Whether it is a question for an identifier, or an answer of the HSS. */
  isOne({ request }: Exchange): boolean {
    return allocationTypes.some((type) => type === request.contentType) && request.uri.user === this.parts.host.name
  }
  async handle(exchange: Exchange): Promise<void> {
    const { asserted, request } = exchange
    if (request.contentType !== allocationTypes[0]) return this.conversations.takeAnswer(exchange)
    if (asserted === undefined) return exchange.reply(403, { warning: 'nobody vouches for you; expected it by your own proxy' })
    const body = readBody(request, 'push-identifier-request')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    const record = await this.parts.subscribers.lookup(asserted.uri)
    if (record === undefined) return exchange.reply(403, { warning: 'you are no subscriber here' })
    const pause = this.rates.pauseOf(record.id)
    if (pause > 0) {
      const reset = String(Math.ceil(pause / 1000))
      const warning = `identifiers: limit ${rate.burst}, used ${rate.burst}, reset in ${reset} s`
      return exchange.reply(503, { headers: [['Retry-After', reset]], warning })
    }
    this.rates.take(record.id)
    exchange.reply(202)
    const until = this.parts.host.clock.date() + body.value.seconds * 1000
    const answer = await this.give(record, new Date(until).toISOString())
    this.conversations.answer(exchange, record.id, writeBody('push-identifier', answer))
  }
  /** The record of a subscriber who may have an identifier and has none, with the first one; any other record as it is. */
  async withFirst(record: SubscriberRecord): Promise<SubscriberRecord> {
    if (record.permissions.push !== true || (record.push ?? []).length > 0) return record
    const { cause } = await this.give(record)
    if (cause !== undefined)
      this.parts.host.log.warn({ subscriber: record.id, cause }, 'a subscriber was given no Push identifier')
    return (await this.parts.subscribers.lookup(record.id)) ?? record
  }

  /** One at a time for each subscriber. */
  private give({ id: device }: SubscriberRecord, validUntil?: string): Promise<PushIdentifier> {
    return this.turns.run(device, async () => {
      const now = await this.parts.subscribers.lookup(device)
      const [first] = now?.push ?? []
      if (validUntil === undefined && first !== undefined) return { id: first.id } // it was given meanwhile
      for (let tries = 1; ; tries++) {
        const { cause, id } = await this.ask(device, validUntil)
        if (cause === 'taken' && tries < triesAtMost) continue
        if (cause !== undefined || id === undefined) return { cause: causes[cause ?? 'unavailable'] }
        await this.known(device, id)
        this.parts.host.count('identifiers_given')
        return { id, ...(validUntil === undefined ? {} : { validUntil }) }
      }
    })
  }
  private async ask(device: string, validUntil: string | undefined): Promise<Pick<PushAllocation, 'id' | 'cause'>> {
    const { flags, host, hss, isChosenByHss } = this.parts
    const chosen = isChosenByHss ? {} : { id: newPushIdentifier(flags, () => host.ids.hex(8)) }
    const body = writeBody('push-allocation-request', {
      ...{ device, flags, ...chosen },
      ...(validUntil === undefined ? {} : { validUntil }),
    })
    const to = serverUri(hss ?? usualHss, host.domains)
    const { status, value } = await this.conversations.ask({ to, body, answer: 'push-allocation' })
    return status === undefined ? value : { cause: 'unavailable' }
  }
  /** Until the feed has told of it; the subscriber is answered then. */
  private async known(device: string, id: string): Promise<void> {
    const { clock } = this.parts.host
    const isIn = (push: readonly PushIdentifierRecord[] = []): boolean => push.some((one) => one.id === id)
    const end = clock.now() + newsAtMost
    const news = new Waiters(clock)
    this.news.set(device, news)
    try {
      while (clock.now() < end) {
        const change = news.wait(end - clock.now()) // before the look: a change meanwhile counts
        if (isIn((await this.parts.subscribers.lookup(device))?.push)) return
        await change
      }
    } finally {
      news.wake()
      this.news.delete(device)
    }
  }
}
