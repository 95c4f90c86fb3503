/** Provider of wake-ups (RFC 8599 §2): turns a wake of one device into an HTTP request. */
import type { OutboundHttpRequest } from '../../../signalling/index.ts'
import type { WakeTarget } from '../../shared/values/push-notification.ts'

export interface WakeTerms {
  /** Seconds for which the service may try. */
  readonly ttl: number
  readonly urgency: 'high' | 'normal'
  /** A name of this wake, its own at each try. */
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface WakeProvider {
  /** Value of `pn-provider`. */
  readonly name: string
  /** Feature-capability indicators beside `+sip.pns`, each with its semicolon; '' for none. */
  readonly capabilities: string
  /** Undefined: that PRID is none of its kind. Nothing of a message is in it. */
  requestFor(target: WakeTarget, terms: WakeTerms): OutboundHttpRequest | undefined
}
