/** Short messages on their way to terminals, and the report of each: durable, tried until taken (SPEC §5.6). */
import type { Host, Json } from '../../signalling/index.ts'
import { Kept } from '../shared/state/kept.ts'
import { type Disposition, imdnBody } from '../shared/values/imdn.ts'

interface ShortMessage {
  readonly [member: string]: Json | undefined
  readonly imsi: string
  readonly text: string
  /** URI of the element that has sent it, which is told what became of it. */
  readonly source: string
  readonly callId: string
  /** Call-ID of the MESSAGE to the terminal, and of the report; both stay over all tries. */
  readonly ownId: string
  /** Milliseconds since the epoch after which it has failed. */
  readonly until: number
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

export class ShortMessages {
  private readonly parts: ShortMessagesParts
  private readonly kept: Kept<ShortMessage>
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
    host.gauge('messages', () => this.kept.size)
  }
  async load(): Promise<void> {
    await this.kept.load()
    for (const [key] of [...this.kept.entries()]) void this.goOn(key)
  }
  stop(): Promise<void> {
    this.stopped = true
    return this.kept.stop()
  }
  /** Resolves when it is durable. One that came before is not taken twice. */
  async take(message: ShortMessage): Promise<void> {
    const key = `${message.source} ${message.callId}`
    if (this.kept.get(key) !== undefined) return
    await this.kept.put(key, message)
    void this.goOn(key)
  }

  private async goOn(key: string): Promise<void> {
    const { host } = this.parts
    for (let pause = firstPause; !this.stopped; pause = Math.min(pause * 2, longestPause)) {
      const message = this.kept.get(key)
      if (message === undefined) return
      try {
        if (await this.attempt(key, message)) pause = firstPause / 2
        else await new Promise<void>((resolve) => host.clock.after(pause, resolve))
      } catch (fault) {
        host.log.warn({ fault: String(fault) }, 'a short message could not be sent on, and is tried again')
        await new Promise<void>((resolve) => host.clock.after(pause, resolve))
      }
    }
  }
  /** One step. False: it is to be tried again, later. */
  private async attempt(key: string, message: ShortMessage): Promise<boolean> {
    const { host } = this.parts
    if (message.outcome === undefined) {
      const status = await this.deliver(message)
      if (this.stopped) return false
      const isOver = host.clock.date() >= message.until
      if (status >= 300 && !isOver && !isFinal(status)) return false
      const outcome = status < 300 ? 'delivered' : 'failed'
      await this.kept.put(key, { ...message, outcome })
      host.count(outcome)
      return true
    }
    const status = await this.report(message, message.outcome)
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
  private async report({ callId, imsi, ownId, source }: ShortMessage, disposition: Disposition): Promise<number> {
    const { host } = this.parts
    const names = { messageId: callId, ownId: `${ownId}-report`, recipient: `sip:imsi-${imsi}@${host.domains[0]}` }
    const body = imdnBody({ at: host.clock.date(), disposition, from: host.uri, to: source, ...names })
    const written = { from: `<${host.uri}>;tag=${ownId}`, to: `<${source}>` }
    return (await host.send({ method: 'MESSAGE', to: source, written, callId: names.ownId, asserted: host.uri, body })).status
  }
}

/** Answers that no later try would change. 480 and 408: the terminal is away. */
function isFinal(status: number): boolean {
  return (status >= 400 && status < 500 && ![408, 430, 480].includes(status)) || status >= 600
}
