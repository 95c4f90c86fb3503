/** Subscriptions of an earlier process, found in the store: taken up by their elements, or ended. */
import type { Clock } from '../clock.ts'
import type { Element, EventPackage } from '../element.ts'
import type { Log } from '../log.ts'
import type { Store } from '../storage/store.ts'
import { DepartedElements, packageGone } from './departed-elements.ts'
import { NotifierDialog } from './notifier.ts'
import type { NotifierHolder } from './notifier-holder.ts'
import type { SubscriptionRecords } from './records.ts'
import { epochKey, inEpoch, knownIn, readEpoch, recordKey, type SubscriptionRecord } from './subscription-record.ts'

/** The table that holds the subscriptions from then on. */
interface RestoringHolder extends NotifierHolder {
  readonly clock: Clock
  packageOf(element: string, name: string): EventPackage | undefined
  /** Made since this process started. */
  holds(id: string): boolean
  enterNotifier(notifier: NotifierDialog): void
}

const patience = 2000 // milliseconds that elements may take to take up their subscriptions
const page = 100 // subscriptions whose NOTIFYs are built at a time
const pagePause = 25 // milliseconds between two pages, in which requests are served

export class Restoring {
  private readonly holder: RestoringHolder
  private readonly store: Store
  private readonly records: SubscriptionRecords
  private readonly log: Log
  /** Tag of the state that a subscriber has for certain. */
  private readonly known = new Map<NotifierDialog, string>()

  constructor(holder: RestoringHolder, store: Store, records: SubscriptionRecords, log: Log) {
    this.records = records
    this.holder = holder
    this.store = store
    this.log = log
  }

  /**
   * Ends subscriptions that were over already, or whose package the element does not offer any more. An element that waits
   * for another node, which may be starting too, is not waited for long.
   */
  async restore(element: Element): Promise<number> {
    const found = await this.read(element.name)
    const work: Promise<void>[] = []
    const over: NotifierDialog[] = []
    for (const notifier of found) {
      if (this.isOver(notifier)) {
        over.push(notifier)
        continue
      }
      const under = this.takeUp(element, notifier)
      if (under !== undefined) work.push(under)
    }
    if (work.length > 0) await this.atMost(patience, work)
    this.openInTurn(found.sort((a, b) => a.expires - b.expires))
    return found.length - over.length
  }
  /** A page at a time, the subscriptions that end soonest first. A state that changes meanwhile does not wait for its turn. */
  private openInTurn(found: readonly NotifierDialog[], from = 0): void {
    for (const notifier of found.slice(from, from + page)) {
      if (this.isOver(notifier)) this.end(notifier)
      notifier.open()
    }
    if (from + page < found.length) this.holder.clock.after(pagePause, () => this.openInTurn(found, from + page))
  }
  private isOver({ element, package: name, stored }: NotifierDialog): boolean {
    const { over, expires } = stored
    return over !== undefined || expires <= this.holder.clock.date() || this.holder.packageOf(element, name) === undefined
  }
  /** Its last NOTIFY comes late, and without state. */
  private end(notifier: NotifierDialog): void {
    const { over, expires } = notifier.stored
    if (over !== undefined) notifier.terminate(over.reason, over.retryAfter)
    else notifier.terminate(expires <= this.holder.clock.date() ? 'timeout' : 'noresource')
  }
  /** A fault costs the one subscription its next NOTIFY, not the start. */
  private takeUp(element: Element, notifier: NotifierDialog): Promise<void> | undefined {
    const failed = (fault: unknown): void =>
      this.log.error(
        { fault: String(fault), subscription: notifier.id, element: element.name },
        'a subscription is not taken up again',
      )
    notifier.awaitTurn(this.known.get(notifier))
    try {
      return element.restored?.(notifier)?.catch(failed)
    } catch (fault) {
      failed(fault)
      return undefined
    }
  }
  private atMost(ms: number, work: readonly Promise<void>[]): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.holder.clock.after(ms, resolve)
      void Promise.all(work).then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
  /** Ends the subscriptions of elements that were in the node's plan once, and are not now. */
  async endGone(node: string, elements: readonly Pick<Element, 'name'>[]): Promise<void> {
    const present = elements.map(({ name }) => name)
    const memory = new DepartedElements(this.store, node)
    const unfinished: string[] = []
    for (const name of await memory.departed(present)) {
      const left = await this.read(name)
      if (left.length === 0) continue
      unfinished.push(name)
      this.log.info({ element: name, count: left.length }, 'subscriptions ended: their element is not in the plan any more')
      this.openInTurn(left)
    }
    await memory.remember(present, unfinished)
  }
  /** The stored subscriptions of that element, in the tables again and not open yet. */
  private async read(element: string): Promise<NotifierDialog[]> {
    const { holder } = this
    const found: NotifierDialog[] = []
    const { epoch, move } = await this.nextEpoch(element)
    for await (const [key, entry] of this.store.scan(recordKey(element, ''))) {
      const kept = entry.value as SubscriptionRecord
      const id = key.slice(key.lastIndexOf('/') + 1)
      if (holder.holds(id)) continue
      const pack = holder.packageOf(element, kept.package) ?? packageGone(kept)
      const notifier = new NotifierDialog(holder, element, pack, inEpoch(kept, epoch), false)
      const known = knownIn(kept, move)
      if (known !== undefined) this.known.set(notifier, known)
      found.push(notifier)
    }
    for (const notifier of found) holder.enterNotifier(notifier)
    return found
  }
  /** Durable before any number of it is used. `move`: by which the element was let go before. */
  private async nextEpoch(element: string): Promise<{ readonly epoch: number; readonly move: string | undefined }> {
    const before = readEpoch((await this.store.get(epochKey(element)))?.value)
    const epoch = before.epoch + 1
    await this.records.begin(element, epoch)
    return { epoch, move: before.move }
  }
}
