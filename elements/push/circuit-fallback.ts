/**
 * Circuit-switched fallback of a Push server (SPEC §5.6): a text that no device has taken goes by the short message centre, whose
 * IMDN ends it. While the centre's report may be on its way, no device gets it.
 */
import { isUtf8 } from 'node:buffer'
import { type Exchange, type Host, type Json, parseUri } from '../../signalling/index.ts'
import { askerOf } from '../shared/clients/asker.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { serverUri } from '../shared/identifiers/devices.ts'
import { imsiUri } from '../shared/identifiers/imsi.ts'
import { Kept } from '../shared/state/kept.ts'
import type { KeptChange } from '../shared/state/kept-change.ts'
import type { UniqueIndex } from '../shared/state/records-in-force.ts'
import { codedBodyOf } from '../shared/values/body-coding.ts'
import { innerContent } from '../shared/values/cpim.ts'
import { receiptIn } from '../shared/values/imdn.ts'
import { codedBodyIn, type PushMessage } from './push-message.ts'

interface FallbackRecord {
  readonly [member: string]: Json | undefined
  /** Name of the message. */
  readonly id: string
  readonly subscriber: string
  /** `waiting` for a device; the centre has it, and no device is to; it has it for long, and a device may get it. */
  readonly state: 'waiting' | 'handed' | 'overdue'
  /** Call-ID of the MESSAGE to the centre, over all tries. */
  readonly callId: string
  readonly tries: number
  /** Milliseconds since the epoch: of the next step. */
  readonly next: number
}

interface CircuitFallbackParts {
  readonly host: Host
  readonly subscribers: Pick<Subscribers, 'lookup'>
  /** URI or name of the short message centre. */
  readonly smsc: string
  /** Milliseconds without a device. */
  readonly after: number
  readonly message: (id: string) => PushMessage | undefined
  /** The terminal has it: all its copies are over. */
  readonly delivered: (message: PushMessage) => Promise<void>
  /** The centre has it no more: devices may get it. */
  readonly released: (subscriber: string) => void
}

const longestPause = 3_600_000 // milliseconds

export class CircuitFallback {
  private readonly parts: CircuitFallbackParts
  private readonly kept: Kept<FallbackRecord>
  private readonly byCallId: UniqueIndex<FallbackRecord>
  private readonly centre: string

  constructor(parts: CircuitFallbackParts) {
    const { host } = parts
    this.parts = parts
    this.centre = serverUri(parts.smsc, host.domains)
    this.kept = new Kept<FallbackRecord>(host, {
      prefix: `push/${host.name}/fallback/`,
      noun: 'a message that may go by the short message centre',
      due: ({ next }) => next,
      ended: (records) => {
        for (const [, record] of records) void this.step(record)
      },
    })
    this.byCallId = this.kept.uniqueIndex(({ callId }) => callId)
    host.gauge('fallbacks_under_way', () => [...this.kept.values()].filter(({ state }) => state === 'handed').length)
  }
  load(): Promise<void> {
    return this.kept.load()
  }
  /** Messages that an earlier process has handed over, or was about to, go again by their Call-IDs: the centre takes each once. */
  start(): void {
    for (const record of [...this.kept.values()]) if (record.state === 'handed') void this.handAgain(record)
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }
  /** The change to write with a message that is stored; empty: it is no text, or another server's. */
  changesFor(message: PushMessage): readonly KeptChange[] {
    if (message.taken === true || message.relayed === true || textOf(message) === undefined) return []
    const { clock, ids } = this.parts.host
    const next = clock.date() + this.parts.after
    const { id, subscriber } = message
    return [this.kept.putting(id, { id, subscriber, state: 'waiting', callId: ids.token(22), tries: 0, next })]
  }
  /** Whether the centre has the message, and no device is to get it. */
  has(id: string): boolean {
    return this.kept.get(id)?.state === 'handed'
  }

  private async step(record: FallbackRecord): Promise<void> {
    const { host, message: find, released } = this.parts
    const { id } = record
    const message = find(id)
    if (message === undefined || message.taken === true) return void (await this.kept.expel(id))
    if (record.state !== 'waiting') {
      const next = host.clock.date() + longestPause // to see whether the message waits still
      await this.kept.enforce(id, { ...record, state: 'overdue', next })
      if (record.state === 'overdue') return
      host.count('fallbacks_overdue')
      return released(record.subscriber)
    }
    try {
      await this.hand(record, message)
    } catch (fault) {
      host.log.warn({ fault: String(fault) }, 'a message could not go by the short message centre, and waits on')
      if (this.kept.get(id) !== undefined) await this.wait(record)
    }
  }
  private async handAgain(record: FallbackRecord): Promise<void> {
    const message = this.parts.message(record.id)
    if (message === undefined || message.taken === true) return void (await this.kept.expel(record.id))
    try {
      await this.hand(record, message)
    } catch (fault) {
      // the centre may have it: no device gets it until it is overdue
      this.parts.host.log.warn({ fault: String(fault) }, 'a message could not go by the short message centre again')
    }
  }
  private async hand(record: FallbackRecord, message: PushMessage): Promise<void> {
    const { host, subscribers } = this.parts
    const imsi = (await subscribers.lookup(message.subscriber))?.imsi
    if (this.kept.get(record.id) !== record) return // the centre's report, or a later step, was faster than the HSS
    if (this.isTaken(record.id)) return void (await this.kept.expel(record.id))
    if (imsi === undefined) {
      host.count('fallbacks_without_imsi')
      return this.wait(record)
    }
    const { clock, domains, uri } = host
    const { after } = this.parts
    const tries = record.tries + 1
    await this.kept.put(record.id, { ...record, state: 'handed', tries, next: clock.date() + after })
    const to = imsiUri(imsi, `${parseUri(this.centre)?.user}.${domains[0]}`)
    const written = { from: `<${uri}>;tag=${record.callId}`, to: `<${to}>` }
    const body = { type: 'text/plain; charset=utf-8', content: textOf(message) ?? '' }
    const route = [`<${this.centre};lr>`]
    const expires = String(Math.max(Math.ceil((message.expires - clock.date()) / 1000), 1)) // it ends there as it does here
    const headers = [['Expires', expires]] as const
    const request = { method: 'MESSAGE', to, written, callId: record.callId, asserted: uri, route, headers, body }
    const { status } = await host.send(request)
    host.count(status < 300 ? 'fallbacks' : 'fallbacks_failed')
    if (status >= 300 && this.has(record.id)) await this.wait({ ...record, tries })
  }
  /** Whether a device has it, or nobody wants it any more. */
  private isTaken(id: string): boolean {
    const message = this.parts.message(id)
    return message === undefined || message.taken === true
  }
  /** Until the next try; devices may get it meanwhile. */
  private async wait(record: FallbackRecord): Promise<void> {
    const pause = Math.min(this.parts.after * 2 ** record.tries, longestPause)
    await this.kept.enforce(record.id, { ...record, state: 'waiting', next: this.parts.host.clock.date() + pause })
    this.parts.released(record.subscriber)
  }

  /** Whether it is an IMDN of the centre for this server. */
  isReport(exchange: Exchange): boolean {
    const { host } = this.parts
    return exchange.request.uri.user === host.name && askerOf(exchange, host.domains) === this.centre
  }
  async report(exchange: Exchange): Promise<void> {
    const { request } = exchange
    const read = receiptIn(codedBodyOf(request))
    const record = read?.messageId === undefined ? undefined : this.byCallId.get(read.messageId)
    if (read === undefined || record === undefined)
      return exchange.reply(read?.messageId === undefined ? 415 : 404, {
        warning: 'expected an IMDN about a message that was sent here',
      })
    const message = this.parts.message(record.id)
    if (read.disposition === 'delivered' && message !== undefined) await this.parts.delivered(message)
    else if (read.disposition === 'failed') await this.wait(record)
    if (read.disposition === 'delivered') await this.kept.expel(record.id)
    exchange.reply(200)
  }
}

/** The text of a message, or of the CPIM in it. Undefined: it is none, or not in UTF-8. */
function textOf(message: PushMessage): string | undefined {
  const { content, type } = innerContent(codedBodyIn(message)) ?? {}
  return content !== undefined && type === 'text/plain' && isUtf8(content) ? content.toString() : undefined
}
