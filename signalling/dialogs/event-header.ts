/** The Event header field of subscriptions, read once for all that have the very same one. */
import type { Notifier } from '../element.ts'
import { parseToken } from '../messages/fields.ts'
import type { SipRequest } from '../messages/message.ts'
import { parseRate, type Rate } from './rate.ts'

export interface EventHeader {
  /** The field itself. */
  readonly event: string
  readonly parameters: ReadonlyMap<string, string>
  readonly rate: Rate
  /** The package and its `id`, which is all that a NOTIFY repeats (RFC 6665 §8.2.1). */
  readonly echo: string
}

const remembered = 1000

export class EventHeaders {
  private readonly known = new Map<string, EventHeader>()

  of(event: string): EventHeader {
    const readBefore = this.known.get(event)
    if (readBefore !== undefined) return readBefore
    const { value, parameters } = parseToken(event)
    const id = parameters.get('id')
    const header = { event, parameters, rate: parseRate(parameters), echo: id === undefined ? value : `${value};id=${id}` }
    if (this.known.size >= remembered) this.known.clear()
    this.known.set(event, header)
    return header
  }
}

/** The package of a subscription, and the `id` that tells its subscriptions apart (RFC 6665 §8.2.1). */
export function isAbout({ package: name, parameters }: Notifier, { event }: SipRequest): boolean {
  return event?.value === name && event.parameters.get('id') === parameters.get('id')
}
