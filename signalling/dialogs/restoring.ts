/** Subscriptions of an earlier process, found in the store: taken up by their elements, or ended. */
import type { Clock } from '../clock.ts'
import type { Element, EventPackage } from '../element.ts'
import type { Log } from '../log.ts'
import type { Store } from '../storage/store.ts'
import { DepartedElements, packageGone } from './departed-elements.ts'
import { NotifierDialog } from './notifier.ts'
import type { NotifierHolder } from './notifier-holder.ts'
import { cseqReserve, recordKey, type SubscriptionRecord } from './subscription-record.ts'

/** The table that holds the subscriptions from then on. */
interface RestoringHolder extends NotifierHolder {
  readonly clock: Clock
  packageOf(element: string, name: string): EventPackage | undefined
  /** Made since this process started. */
  holds(id: string): boolean
  enterNotifier(notifier: NotifierDialog): void
}

const patience = 2000 // milliseconds that elements may take to take up their subscriptions

export class Restoring {
  private readonly holder: RestoringHolder
  private readonly store: Store
  private readonly log: Log

  constructor(holder: RestoringHolder, store: Store, log: Log) {
    this.holder = holder
    this.store = store
    this.log = log
  }

  /**
   * Ends what was over already, and what is of a package that the element does not offer any more. An element that waits for
   * another node, which may be starting too, is not waited for long.
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
    for (const notifier of over) this.end(notifier)
    for (const notifier of found) notifier.open()
    return found.length - over.length
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
    for (const name of await memory.gone(present)) {
      const left = await this.read(name)
      if (left.length === 0) continue
      unfinished.push(name)
      this.log.info({ element: name, count: left.length }, 'subscriptions ended: their element is not in the plan any more')
      for (const notifier of left) {
        this.end(notifier)
        notifier.open()
      }
    }
    await memory.keep(present, unfinished)
  }
  /** The stored subscriptions of that element, in the tables again and not open yet. */
  private async read(element: string): Promise<readonly NotifierDialog[]> {
    const { holder } = this
    const found: NotifierDialog[] = []
    for await (const [key, entry] of this.store.scan(recordKey(element, ''))) {
      const kept = entry.value as SubscriptionRecord
      const id = key.slice(key.lastIndexOf('/') + 1)
      if (holder.holds(id)) continue
      const pack = holder.packageOf(element, kept.package) ?? packageGone(kept)
      found.push(new NotifierDialog(holder, element, pack, { ...kept, ceiling: kept.ceiling + cseqReserve }, false))
    }
    for (const notifier of found) holder.enterNotifier(notifier)
    await Promise.all(found.map((notifier) => holder.save(notifier)))
    return found
  }
}
