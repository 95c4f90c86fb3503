/** Receipts of a Push server (SPEC §5.5): written with the event that they tell of, sent until they are taken, each once. */
import type { Host, Json } from '../../signalling/index.ts'
import { pushKey } from '../shared/identifiers/push.ts'
import { Kept } from '../shared/state/kept.ts'
import { enforceTogether, type KeptChange } from '../shared/state/kept-change.ts'
import type { RecordSets } from '../shared/state/records-in-force.ts'
import { type Disposition, dispositions, imdnBody, wishesOf } from '../shared/values/imdn.ts'
import { codedBodyIn, type PushMessage } from './push-message.ts'

/** A receipt on its way, or one that has been sent. */
interface Receipt {
  readonly [member: string]: Json | undefined
  readonly disposition: Disposition
  readonly messageId: string
  readonly ownId: string
  readonly to: string
  readonly recipient: string
  /** Milliseconds since the epoch: of the event, and after which it is over. */
  readonly at: number
  readonly until: number
  readonly sent?: boolean
}

export interface ReceiptBody {
  readonly type: string
  readonly content: string
}

/** Whether the rule of an application, `''` for none, has receipts by that element: `display-notification`. */
export type ReceiptRule = (application: string, element: string) => boolean

/** Sends a body to a source, under a name that stays over all tries; resolves with the final status. */
type ReceiptSender = (to: string, ownId: string, body: ReceiptBody) => Promise<number>

const firstPause = 2000 // milliseconds, doubled for each try
const longestPause = 600_000
const keptFor = 604_800_000 // milliseconds (SPEC §5.6)
const sentFor = 60_000 // milliseconds beyond its message in which a second one of its kind is known
const ofSource = 1000 // on their way to one source
const inAll = 100_000
const anySource = '*'

export class Receipts {
  private readonly host: Host
  private readonly send: ReceiptSender
  private readonly message: (id: string) => PushMessage | undefined
  private readonly allows: ReceiptRule
  private readonly kept: Kept<Receipt>
  /** Receipts on their way, by their source. */
  private readonly waiting: RecordSets<Receipt>
  /** Keys of those that are being sent. */
  private readonly underWay = new Set<string>()
  private stopped = false

  /**
   * @param message one that waits still
   * @param allows whether an application's rule lets its senders ask for receipts of that kind
   */
  constructor(host: Host, send: ReceiptSender, message: (id: string) => PushMessage | undefined, allows: ReceiptRule) {
    this.allows = allows
    this.host = host
    this.send = send
    this.message = message
    this.kept = new Kept<Receipt>(host, {
      prefix: `push/${host.name}/receipt/`,
      noun: 'a receipt',
      due: ({ until }) => until,
      expires: ({ until }) => until,
      ended: 'lapse',
    })
    this.waiting = this.kept.setIndex(({ sent, to }) => (sent === true ? [] : [to, anySource]))
    host.gauge('receipts_kept', () => this.kept.size)
  }
  /** Reads what an earlier process has left, and sends on. */
  async load(): Promise<void> {
    await this.kept.load()
  }
  start(): void {
    for (const [key] of this.kept.entries()) this.goOn(key)
  }
  stop(): Promise<void> {
    this.stopped = true
    return this.kept.stop()
  }

  /** The change to write with an event, where the sender asks for it and no device has the message; empty: none. */
  changesFor(message: PushMessage, disposition: Disposition): readonly KeptChange[] {
    if (message.source === '' || message.taken === true) return [] // a device has it: it is neither stored nor failed, and that one tells
    if (message.relayed === true && disposition === 'stored') return [] // the destination's server says it
    if (!this.allows(message.application, dispositions[disposition].element)) return []
    const asked = wishesOf(codedBodyIn(message), message.callId)
    const key = keyOf(message, disposition)
    if (asked === undefined || !asked.wishes.includes(dispositions[disposition].wish) || this.kept.get(key) !== undefined)
      return []
    if (this.waiting.of(message.source).size >= ofSource || this.waiting.of(anySource).size >= inAll) {
      this.host.count('receipts_shed')
      return []
    }
    const at = this.host.clock.date()
    const receipt: Receipt = {
      disposition,
      messageId: asked.messageId,
      ownId: this.host.ids.token(16),
      to: message.source,
      recipient: message.relayed ? message.subscriber : pushKey(message.identifier, this.host.domains),
      at,
      until: at + keptFor,
    }
    return [this.kept.putting(key, receipt)]
  }
  /** For a message that is not stored: its receipt is written now, and goes. */
  async tell(message: PushMessage, disposition: Disposition): Promise<void> {
    await enforceTogether(this.host, this.changesFor(message, disposition))
    this.go(message, disposition)
  }
  /** The event is durable: its receipt may go. */
  go(message: PushMessage, disposition: Disposition): void {
    this.goOn(keyOf(message, disposition))
  }
  private goOn(key: string): void {
    if (this.underWay.has(key) || this.kept.get(key)?.sent !== undefined) return
    this.underWay.add(key)
    void this.sendUntilTaken(key).finally(() => this.underWay.delete(key))
  }

  private async sendUntilTaken(key: string): Promise<void> {
    for (let pause = firstPause; !this.stopped; pause = Math.min(pause * 2, longestPause)) {
      const receipt = this.kept.get(key)
      if (receipt === undefined || receipt.sent === true) return
      const status = await this.attempt(receipt)
      if (this.stopped) return
      if (status < 300 || (status >= 400 && status < 500 && status !== 408 && status !== 480) || status >= 600) {
        this.host.count(status < 300 ? 'receipts_sent' : 'receipts_refused')
        const [id = ''] = key.split('/', 1)
        const expires = receipt.disposition === 'stored' ? undefined : this.message(id)?.expires // stored it is once
        const until = Math.max(this.host.clock.date(), expires ?? 0) + sentFor
        await this.kept.enforce(key, { ...receipt, sent: true, until })
        return
      }
      await new Promise<void>((resolve) => this.host.clock.after(pause, resolve))
    }
  }
  private async attempt({ at, disposition, messageId, ownId, recipient, to }: Receipt): Promise<number> {
    try {
      return await this.send(to, ownId, imdnBody({ at, disposition, from: this.host.uri, messageId, ownId, recipient, to }))
    } catch (fault) {
      this.host.log.warn({ fault: String(fault), to }, 'a receipt could not be sent, and is tried again')
      return 500
    }
  }
}

function keyOf({ id }: PushMessage, disposition: Disposition): string {
  return `${id}/${disposition}`
}
