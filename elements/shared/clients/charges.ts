/**
 * Chargeable events on their way to the PCRF (SPEC §6.2). They are written into the element's own store, in the
 * batch of the state they go with. Each has a number of this element and is sent until the PCRF has recorded it.
 * Numbers have no gap and are never used twice, over `kill -9` too. The PCRF passes over numbers that it has.
 */
import type { Host, Json, StoreWrite } from '../../../signalling/index.ts'
import { type Charge, writeBody } from '../../schemas/index.ts'
import { keyPart } from '../identifiers/keys.ts'

type ChargedEvent = Omit<Charge, 'number' | 'at'>

const gather = 200 // milliseconds from the first event until a batch is sent
const perBatch = 25
const retryMost = 32_000
const holeAfter = 5000 // milliseconds until a number that never came is given up: its write has failed

/** The stored progress of the numbers. */
interface ChargeNumbers {
  /** Names this life of the store: with an empty one numbers begin at 1 again, under another name. */
  readonly life: string
  /** The PCRF has all numbers up to this one. */
  readonly recorded: number
}

export class Charges {
  private readonly host: Host
  private readonly pcrf: string
  private readonly prefix: string
  private progress: ChargeNumbers = { life: '', recorded: 0 }
  private next = 1
  private sending = false
  private scheduled = false
  private stopped = false
  private retryAfter = 0
  private holeSince: number | undefined

  /** @param pcrf its URI */
  constructor(host: Host, pcrf: string) {
    this.host = host
    this.pcrf = pcrf
    this.prefix = `charges/${keyPart(host.name)}/`
    host.gauge('charges_waiting', () => this.next - 1 - this.progress.recorded)
  }

  /** Reads the events that an earlier process has not sent. Before any event. */
  async load(): Promise<void> {
    const { host, prefix } = this
    const found = await host.store.get(`${prefix}progress`)
    if (found === undefined) {
      this.progress = { life: host.ids.token(8), recorded: 0 }
      await host.store.write([this.writeProgress()])
    } else this.progress = found.value as Json as unknown as ChargeNumbers
    this.next = this.progress.recorded + 1
    for await (const [key] of host.store.scan(`${prefix}event/`)) this.next = Math.max(this.next, numberOf(key) + 1)
    if (this.next > this.progress.recorded + 1) this.sendLater(gather)
  }

  /** The event as a write, for the batch of its cause; it counts when that is durable. */
  put(event: ChargedEvent): StoreWrite {
    const number = this.next++
    const at = new Date(this.host.clock.date()).toISOString()
    this.host.count('charged')
    this.sendLater(gather)
    return { key: this.keyOf(number), value: { number, at, ...event } }
  }

  stop(): void {
    this.stopped = true
  }

  private keyOf(number: number): string {
    return `${this.prefix}event/${String(number).padStart(15, '0')}`
  }

  private writeProgress(): StoreWrite {
    return { key: `${this.prefix}progress`, value: { ...this.progress } }
  }

  private sendLater(ms: number): void {
    if (this.scheduled || this.sending || this.stopped) return
    this.scheduled = true
    this.host.clock.after(ms, () => {
      this.scheduled = false
      if (this.stopped) return
      this.sending = true
      this.send().then(
        (wait) => this.sent(wait),
        (fault: unknown) => {
          this.host.log.error({ fault: String(fault) }, 'chargeable events are not sent: the store failed')
          this.sent(retryMost)
        },
      )
    })
  }

  private sent(wait: number): void {
    this.sending = false
    if (this.next - 1 > this.progress.recorded) this.sendLater(wait)
  }

  /** Sends the next batch; resolves with how long to wait for the one after it. */
  private async send(): Promise<number> {
    const { host } = this
    const events = await this.batch()
    if (events.length === 0) return this.fill()
    this.holeSince = undefined
    const source = `${host.name}/${this.progress.life}`
    const body = writeBody('charging-event', { source, events })
    const { status } = await host.send({ method: 'MESSAGE', to: this.pcrf, asserted: host.uri, body })
    if (this.stopped) return 0
    if (status !== 200) {
      this.retryAfter = Math.min(retryMost, this.retryAfter === 0 ? 500 : this.retryAfter * 2)
      const fields = { pcrf: this.pcrf, status, waiting: this.next - 1 - this.progress.recorded, retryAfter: this.retryAfter }
      host.log.warn(fields, 'the PCRF has not recorded chargeable events')
      return this.retryAfter
    }
    this.retryAfter = 0
    this.progress = { ...this.progress, recorded: events.at(-1)!.number }
    await host.store.write([
      ...events.map(({ number }) => ({ key: this.keyOf(number), delete: true }) as const),
      this.writeProgress(),
    ])
    return events.length === perBatch ? 0 : gather
  }

  /** Events that are durable and follow without a gap on the recorded ones. */
  private async batch(): Promise<Charge[]> {
    const { store } = this.host
    const events: Charge[] = []
    for await (const [, { value }] of store.scan(`${this.prefix}event/`)) {
      const event = value as Json as unknown as Charge
      if (event.number <= this.progress.recorded) continue
      if (event.number !== this.progress.recorded + 1 + events.length || events.push(event) === perBatch) break
    }
    await store.write([]) // a scan sees writes that wait to be committed: only after this are all of them durable
    return events
  }

  /** A number without event, whose write has failed, is told as void once later numbers have waited for long. */
  private async fill(): Promise<number> {
    const { host } = this
    const now = host.clock.now()
    this.holeSince ??= now
    if (now - this.holeSince < holeAfter) return gather
    this.holeSince = undefined
    const number = this.progress.recorded + 1
    const at = new Date(host.clock.date()).toISOString()
    host.log.error({ number }, 'a chargeable event was never stored: its number is told as void')
    const value = { number, at, event: 'void', service: 'proximity' }
    await host.store.write([{ key: this.keyOf(number), value, ifVersion: 0 }])
    return 0
  }
}

function numberOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1))
}
