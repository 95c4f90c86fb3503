/** Bindings of the registrar, one record a contact: written by the proxy, watched by the notifier of `reg`. */
import { type FlowName, type Json, seal } from '../../../signalling/index.ts'
import { wakeableDevice } from '../values/push-notification.ts'

/** Address of record -> one way to reach it (RFC 3261 §10). */
export interface ContactBinding {
  readonly [member: string]: Json | undefined
  /** Contact URI as registered. */
  readonly contact: string
  /** The Contact value as it is echoed: brackets and parameters, without `expires`. */
  readonly echo: string
  readonly q: number
  /** `+sip.instance` in its angle brackets, where given (RFC 5626 §4.1). */
  readonly instance?: string
  /** Which of the instance's flows (RFC 5626 §4.2); absent: none, or the first hop does not support outbound. */
  readonly regId?: number
  /** When it was registered or refreshed, for those with an instance; milliseconds since the epoch. */
  readonly at?: number
  /** Names this registration in temporary GRUUs, 20 hex digits; absent: nobody asked for any. */
  readonly gruu?: string
  readonly callId: string
  readonly cseq: number
  /** Milliseconds since the epoch. */
  readonly expires: number
  /** Name of the flow it was registered on. */
  readonly flow: FlowName
  /** It came by a connection and is of its Contact all the same, as without outbound (RFC 3261 §10.3): it outlives that. */
  readonly ofContact?: true
  /** Name of the way to call it by TCP when that connection is gone; absent: there is none. */
  readonly dial?: FlowName
  /** Names the credentials by which it was registered; absent: nobody asked for any. */
  readonly credentials?: string
  /** Path values (RFC 3327), topmost first. */
  readonly path?: readonly string[]
  /** Its push notification parameters (RFC 8599), which nobody sees but its own device; absent: it gave none. */
  readonly notification?: ContactNotification
  /** Only in the last record of a binding that ended otherwise than by its user or its time (RFC 3680 §5.2). */
  readonly ended?: 'deactivated'
}

/** Contact and echo of the binding are without these parameters. */
export interface ContactNotification {
  readonly [member: string]: Json | undefined
  /** The Contact value as its device wrote it, without `expires`. */
  readonly echo: string
  /** Stands for its PRID, which stays the same under another Contact; absent: it has none, and nobody can wake it. */
  readonly name?: string
  /** Names this registration in dialogs (RFC 8599 §6.1.2). */
  readonly purr?: string
  /** Milliseconds since the epoch: of its REGISTER. */
  readonly since: number
}

const longest = 400 // characters of the last part of a key

/** Keys of all bindings that a proxy of that name keeps. */
export function bindingsPrefix(proxy: string): string {
  return `bindings/${proxy}/`
}

/** Keys of the bindings of one address of record. */
export function aorPrefix(proxy: string, aor: string): string {
  return `${bindingsPrefix(proxy)}${encodeURIComponent(aor)}/`
}

/** The key of a binding behind `bindingsPrefix`. */
export function bindingPart(aor: string, { instance = '', regId, contact }: ContactBinding): string {
  const id = encodeURIComponent(`${instance}${regId ?? contact}`)
  const short = id.length <= longest ? id : `${id.slice(0, longest - 23)}~${seal('', id, 22)}`
  return `${encodeURIComponent(aor)}/${short}`
}

/** The address of record in the key of a binding. */
export function aorOfPart(part: string): string {
  return decodeURIComponent(part.slice(0, part.lastIndexOf('/')))
}

/** Name of its device, as the Push server has it. */
export function deviceOfBinding({ contact, instance, notification }: ContactBinding): string {
  return wakeableDevice(instance, notification?.name) ?? contact
}

/** The public GRUU of that instance (RFC 5627 §3.1.1); undefined where it can have none: a telephone number, an address, or no URN. */
export function publicGruu(aor: string, instance: string): string | undefined {
  const urn = /^<([^\s<>"]+)>$/.exec(instance)?.[1]
  return urn === undefined || !/^sip:.*@/.test(aor) ? undefined : `${aor};gr=${escaped(urn)}`
}

/** As the value of a URI parameter (RFC 3261 §25.1). */
function escaped(urn: string): string {
  return urn.replace(/[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}
