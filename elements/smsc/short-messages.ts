/**
 * Short messages on their way to terminals, and the report of each: durable, tried until taken (SPEC §5.6). To a terminal they
 * go one at a time, in the order in which they came (RFC 3428 §8).
 */
import type { Host, Json } from '../../signalling/index.ts'
import { Kept } from '../shared/state/kept.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'
import { type Disposition, imdnBody } from '../shared/values/imdn.ts'

interface NewShortMessage {
  readonly imsi: string
  readonly text: string
  /** URI of the element that has sent it, which is told what became of it. */
  readonly source: string
  readonly callId: string
  /** Call-ID of the MESSAGE to the terminal, and of the report; both stay over all tries. */
  readonly ownId: string
  /** Milliseconds since the epoch after which it has failed. */
  readonly until: number
}

interface ShortMessage extends NewShortMessage {
  readonly [member: string]: Json | undefined
  /** Its place among all that came. */
  readonly number: number
  /** Outcome, which is still to be told. Absent: it is on its way. */
  readonly outcome?: Extract<Disposition, 'delivered' | 'failed'>
}

interface ShortMessagesParts {
  readonly host: Host
  /** URI of a terminal; undefined: there is none by that IMSI. */
  readonly terminalOf: (imsi: string) => string | undefined
}

const firstPause = 5000 // milliseconds, doubled for each try
const longestPause = 300_000
const reportedFor = 604_800_000 // milliseconds for which a report is tried
const ofTerminal = 200 // texts that wait for one terminal, or whose outcome is still to be told: as of one source for a user

export class ShortMessages {
  private readonly parts: ShortMessagesParts
  private readonly kept: Kept<ShortMessage>
  private readonly byTerminal: RecordSets<ShortMessage>
  /** IMSIs to whose terminals something is being sent. */
  private readonly underWay = new Set<string>()
  private last = 0
  private stopped = false

  constructor(parts: ShortMessagesParts) {
    const { host } = parts
    this.parts = parts
    this.kept = new Kept<ShortMessage>(host, {
      prefix: `smsc/${host.name}/message/`,
      noun: 'a short message',
      expires: ({ until }) => until + reportedFor,
      ended: 'lapse',
    })
    this.byTerminal = this.kept.setIndex(({ imsi }) => [imsi])
    host.gauge('messages', () => this.kept.size)
  }
  async load(): Promise<void> {
    await this.kept.load()
    for (const [key, { imsi, number, outcome }] of [...this.kept.entries()]) {
      this.last = Math.max(this.last, number)
      if (outcome === undefined) void this.deliverAll(imsi)
      else void this.untilDone(() => this.report(key))
    }
  }
  stop(): Promise<void> {
    this.stopped = true
    return this.kept.stop()
  }
  /** Resolves when it is durable. One that came before is not taken twice. False: too many wait for its terminal. */
  take(message: NewShortMessage): Promise<boolean> {
    return this.kept.inTurn(message.imsi, () => this.takeInTurn(message))
  }
  private async takeInTurn(message: NewShortMessage): Promise<boolean> {
    const key = keyOf(message)
    if (this.kept.get(key) !== undefined) return true
    if (this.byTerminal.of(message.imsi).size >= ofTerminal) return false
    await this.kept.put(key, { ...message, number: ++this.last })
    void this.deliverAll(message.imsi)
    return true
  }

  /** All that waits for a terminal. */
  private async deliverAll(imsi: string): Promise<void> {
    if (this.underWay.has(imsi)) return
    this.underWay.add(imsi)
    for (let next = this.first(imsi); next !== undefined && !this.stopped; next = this.first(imsi)) {
      const key = keyOf(next)
      await this.untilDone(() => this.attempt(key))
      void this.untilDone(() => this.report(key))
    }
    this.underWay.delete(imsi)
  }
  private first(imsi: string): ShortMessage | undefined {
    const waiting = [...this.byTerminal.of(imsi)].filter(({ outcome }) => outcome === undefined)
    return waiting.sort((a, b) => a.number - b.number)[0]
  }
  /** @param step false: it is to be tried again, later */
  private async untilDone(step: () => Promise<boolean>): Promise<void> {
    const { host } = this.parts
    for (let pause = firstPause; !this.stopped; pause = Math.min(pause * 2, longestPause)) {
      try {
        if (await step()) return
      } catch (fault) {
        host.log.warn({ fault: String(fault) }, 'a short message could not be sent on, and is tried again')
      }
      await new Promise<void>((resolve) => host.clock.after(pause, resolve))
    }
  }
  private async attempt(key: string): Promise<boolean> {
    const { host } = this.parts
    const message = this.kept.get(key)
    if (message === undefined || message.outcome !== undefined) return true
    const status = host.clock.date() >= message.until ? 408 : await this.deliver(message)
    if (this.stopped) return false
    const isOver = host.clock.date() >= message.until
    if (status >= 300 && !isOver && !isFinal(status)) return false
    const outcome = status < 300 ? 'delivered' : 'failed'
    await this.kept.put(key, { ...message, outcome })
    host.count(outcome)
    return true
  }
  private async report(key: string): Promise<boolean> {
    const message = this.kept.get(key)
    if (message?.outcome === undefined) return true
    const status = await this.tell(message, message.outcome)
    if (this.stopped || (status >= 300 && !isFinal(status))) return false
    await this.kept.remove(key)
    return true
  }
  private async deliver({ imsi, ownId, text }: ShortMessage): Promise<number> {
    const { host, terminalOf } = this.parts
    const to = terminalOf(imsi)
    if (to === undefined) return 404
    const written = { from: `<${host.uri}>;tag=${ownId}`, to: `<${to}>` }
    const body = { type: 'text/plain; charset=utf-8', content: text }
    return (await host.send({ method: 'MESSAGE', to, written, callId: ownId, asserted: host.uri, body })).status
  }
  private async tell({ callId, imsi, ownId, source }: ShortMessage, disposition: Disposition): Promise<number> {
    const { host } = this.parts
    const names = { messageId: callId, ownId: `${ownId}-report`, recipient: `sip:imsi-${imsi}@${host.domains[0]}` }
    const body = imdnBody({ at: host.clock.date(), disposition, from: host.uri, to: source, ...names })
    const written = { from: `<${host.uri}>;tag=${ownId}`, to: `<${source}>` }
    return (await host.send({ method: 'MESSAGE', to: source, written, callId: names.ownId, asserted: host.uri, body })).status
  }
}

function keyOf({ callId, source }: NewShortMessage): string {
  return `${source} ${callId}`
}

/** Answers that no later try would change. 480 and 408: the terminal is away. */
function isFinal(status: number): boolean {
  return (status >= 400 && status < 500 && ![408, 430, 480].includes(status)) || status >= 600
}
