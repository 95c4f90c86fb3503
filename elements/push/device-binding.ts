/** Device bindings of a Push server (SPEC §5.1): where each device of a subscriber is reached, by word of its proxy. */
import { type Address, H, type Json, type SipRequest } from '../../signalling/index.ts'
import { deviceName, wakeTargetOf, withoutNotification } from '../shared/values/push-notification.ts'

/** Service that wakes a device while it sleeps (RFC 8599). */
interface DeviceWaking {
  readonly [member: string]: Json | undefined
  /** `pn-provider`, `pn-prid` and `pn-param`. */
  readonly provider: string
  readonly prid: string
  readonly param?: string
  /** Milliseconds since the epoch: of its REGISTER. */
  readonly since: number
  /** The rule by which its provider is left alone until it registers anew. */
  readonly refused?: string
}

/** One device: a `+sip.instance`, else what wakes it, else a Contact. */
export interface DeviceBinding {
  readonly [member: string]: Json | undefined
  /** Canonical address of its subscriber. */
  readonly subscriber: string
  readonly device: string
  /** Contact URI. */
  readonly contact: string
  /** Path values, topmost first: Route of what is sent to it. */
  readonly path: readonly string[]
  readonly callId: string
  readonly cseq: number
  /** The identifier that it registered alone; absent: all of its subscriber's. */
  readonly identifier?: string
  /** Domain of the network that it visits. */
  readonly visited?: string
  /** Names the credentials by which it was registered; absent: nobody has said. */
  readonly credentials?: string
  /** Milliseconds since the epoch. */
  readonly expires: number
  /** Absent: nobody can wake it. */
  readonly waking?: DeviceWaking
}

/** The terms of a registration, beside its Contacts. */
export type RegistrationTerms = Pick<DeviceBinding, 'subscriber' | 'identifier' | 'visited' | 'credentials'>

/** The binding that a REGISTER asks for by one Contact, for that many seconds from `now`. */
export function bindingOf(
  request: SipRequest,
  terms: RegistrationTerms,
  contact: Address,
  seconds: number,
  now: number,
): DeviceBinding {
  const target = seconds > 0 ? wakeTargetOf(contact.uri) : undefined
  return {
    ...terms,
    device: deviceName(contact),
    contact: withoutNotification(contact.uri.text),
    path: request.list(H.Path),
    callId: request.callId,
    cseq: request.cseq.number,
    expires: now + seconds * 1000,
    ...(target === undefined ? {} : { waking: { ...target, since: now } }),
  }
}
