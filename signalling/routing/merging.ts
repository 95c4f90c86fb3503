/** Requests that came by several ways (RFC 3261 §8.2.2.2): an element that is a user agent is handed one of them. */
import type { Clock } from '../clock.ts'
import { MergedRequests } from '../dialogs/merged-requests.ts'
import { mergedText } from '../dialogs/refusals.ts'
import type { Element } from '../element.ts'
import type { SipRequest } from '../messages/message.ts'

/** Subscriptions look themselves; the others begin nothing. */
const others: readonly string[] = ['SUBSCRIBE', 'OPTIONS', 'ACK']

/** An exchange as far as it may be one of several. */
interface MergeableExchange {
  readonly request: SipRequest
  readonly element: string
  settled: boolean
  /** It is the one that the element was handed. */
  merges: boolean
  answer(status: number, options: { readonly warning: string }): void
}

export class Merging {
  private readonly known: MergedRequests

  constructor(clock: Clock) {
    this.known = new MergedRequests(clock)
  }
  /** False: it has come before, and has had its answer. */
  admits(element: Element, exchange: MergeableExchange): boolean {
    const { request } = exchange
    if (element.isProxy === true || request.toTag !== '' || others.includes(request.method)) return true
    if (this.known.isKnown(request, element.name)) {
      exchange.settled = true
      exchange.answer(482, { warning: mergedText })
      return false
    }
    exchange.merges = true
    return true
  }
  /** Nothing comes of it at that element: it may come again. */
  forget({ request, element }: MergeableExchange): void {
    this.known.forget(request, element)
  }
}
