/** Device bindings of a Push server (SPEC §5.1): where each device of a subscriber is reached, by word of its proxy. */
import { type Address, H, type Json, type SipRequest } from '../../signalling/index.ts'

/** One device: a `+sip.instance`, or else a Contact. */
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
  /** Milliseconds since the epoch. */
  readonly expires: number
}

/** Name of a device among those of its subscriber. */
function deviceOf({ uri, parameters }: Address): string {
  return parameters.get('+sip.instance') ?? uri.text
}

/** The binding that a REGISTER asks for by one Contact, for that many seconds from `now`. */
export function bindingOf(
  request: SipRequest,
  subscriber: string,
  contact: Address,
  seconds: number,
  now: number,
): DeviceBinding {
  return {
    subscriber,
    device: deviceOf(contact),
    contact: contact.uri.text,
    path: request.list(H.Path),
    callId: request.callId,
    cseq: request.cseq.number,
    expires: now + seconds * 1000,
  }
}
