/** Receipts of a Push client to the sources of what it took (SPEC §5.5): each is sent until it is taken. */
import { type Clock, type Log, mayBeRetried, parseUri } from '../../../signalling/index.ts'
import { imdnBody } from '../../shared/values/imdn.ts'
import type { UserAgent } from '../agents/agent.ts'
import type { OwedReceipt, PushInbox } from './push-inbox.ts'

interface ClientReceiptsParts {
  readonly agent: UserAgent
  readonly clock: Clock
  readonly log: Log
  readonly inbox: PushInbox
}

const firstPause = 2000 // milliseconds, doubled for each try
const longestPause = 600_000

export class ClientReceipts {
  private readonly parts: ClientReceiptsParts
  /** Names of those under way. */
  private readonly underWay = new Set<string>()
  private stopped = false

  constructor(parts: ClientReceiptsParts) {
    this.parts = parts
  }
  /** Sends what is owed and not under way. */
  go(): void {
    for (const [key, record, receipt] of this.parts.inbox.owed()) {
      if (this.underWay.has(receipt.ownId) || this.stopped) continue
      this.underWay.add(receipt.ownId)
      void this.sendUntilTaken(key, record, receipt).finally(() => this.underWay.delete(receipt.ownId))
    }
  }
  stop(): void {
    this.stopped = true
  }

  private async sendUntilTaken(
    key: string,
    { messageId = '', source, to }: { readonly source: string; readonly to: string; readonly messageId?: string },
    receipt: OwedReceipt,
  ): Promise<void> {
    const { agent, clock, inbox, log } = this.parts
    if (parseUri(source) === undefined) return inbox.paid(key, receipt)
    const { at, disposition, ownId } = receipt
    const body = imdnBody({
      at,
      disposition,
      from: agent.identity,
      messageId,
      ownId,
      recipient: to || agent.identity,
      to: source,
    })
    for (let pause = firstPause; !this.stopped; pause = Math.min(pause * 2, longestPause)) {
      const { status } = await agent.message(source, body, ownId)
      if (this.stopped) return
      if (status < 300 || !mayBeRetried(status)) {
        if (status >= 300) log.info({ status, source, disposition }, 'a receipt is refused')
        return inbox.paid(key, receipt)
      }
      await new Promise<void>((resolve) => clock.after(pause, resolve))
    }
  }
}
