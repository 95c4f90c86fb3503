/** A subscription as it lies in the store: enough for another process to go on with it. */
import type { EndReason } from '../element.ts'
import type { SipRequest } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import type { Json } from '../storage/store.ts'
import type { ServerSide } from '../transactions/server.ts'

export interface SubscriptionRecord {
  readonly [member: string]: Json | undefined
  readonly package: string
  readonly resource: string
  readonly subscriber: string
  /** The value of the Event header of the SUBSCRIBE. */
  readonly event: string
  readonly type: string
  readonly callId: string
  readonly localUri: string
  readonly localTag: string
  readonly remoteUri: string
  readonly remoteTag: string
  readonly remoteTarget: string
  readonly routeSet: readonly string[]
  readonly remoteSeq: number
  /** No CSeq and no version above it is used in this epoch. */
  readonly ceiling: number
  /** Of its element when it was written; 0 in records from before there were epochs. */
  readonly epoch?: number
  /** Milliseconds since the epoch. */
  readonly expires: number
  readonly pending?: boolean
  /** Names the credentials by which its subscriber was known, where a proxy of ours has said so. */
  readonly credentials?: string
  /** Made by an element of this node, for itself or on somebody's behalf: in nobody's share. */
  readonly inside?: boolean
  /** Made so by an element of another node of our network, which keeps it: in nobody's share either. */
  readonly fellow?: boolean
  /** Places that it takes in a share; left out: one. */
  readonly weight?: number
  /** It ends with a NOTIFY that has yet to be answered: no process takes it up again. */
  readonly over?: { readonly reason: EndReason; readonly retryAfter?: number | undefined }
  /** Written as its element was let go, for the next epoch alone: `<move> <tag>`, the tag of the state that its subscriber has. */
  readonly known?: string
  /** The element's own. */
  readonly record?: Json
}

/** Numbers handed out between two writes of the ceiling, and in an epoch without any. */
export const cseqReserve = 1000

/**
 * The record as it counts in a later epoch. Each epoch has CSeq numbers of its own, so that no record need be written for
 * being read (RFC 3261 §12.2.1.1).
 */
export function inEpoch(record: SubscriptionRecord, epoch: number): SubscriptionRecord {
  const ceiling = record.ceiling + cseqReserve * (epoch - (record.epoch ?? 0))
  if (record.known === undefined) return { ...record, epoch, ceiling }
  const { known: _, ...others } = record
  return { ...others, epoch, ceiling } as SubscriptionRecord
}

/** A tag as a record keeps it, from that move alone. */
export function knownBy(move: string, tag: string): string {
  return `${move} ${tag}`
}

/** Tag of the state that the subscriber has for certain; undefined: that move has written none. */
export function knownIn({ known }: SubscriptionRecord, move: string | undefined): string | undefined {
  return move !== undefined && known?.startsWith(`${move} `) === true ? known.slice(move.length + 1) : undefined
}

/** The record under `epochKey`: the number alone, unless a move has ended that epoch. */
interface EpochRecord {
  readonly [member: string]: Json | undefined
  readonly epoch: number
  /** The move by which the element was let go at its end, once all is written. */
  readonly move?: string
}

export function readEpoch(stored: Json | undefined): EpochRecord {
  return typeof stored === 'object' && stored !== null ? (stored as EpochRecord) : { epoch: Number(stored ?? 0) }
}

/** Key of the element's epoch: the number of times that its subscriptions have been taken up. */
export function epochKey(element: string): string {
  return `subscription-epochs/${element}`
}

/** Bytes of a SUBSCRIBE that one place in a share pays for. */
export const unit = 4096

/**
 * Places that a subscription takes in the share of its subscriber: as many as its element says, and more if its dialog keeps
 * much.
 */
export function weightOf({ bodyStart }: SipRequest, places = 1): number {
  return places + Math.floor(bodyStart / unit)
}

/** Whether it counts in the share of its subscriber, and in the pace of his NOTIFYs. */
export function isCounted({ stored }: { readonly stored: SubscriptionRecord }): boolean {
  return stored.inside !== true && stored.fellow !== true
}

/** Our Contact in a dialog with that peer: `sips:` where the peer's is (RFC 3261 §12.1.1). */
export function secureAs(peer: string, contact: string): string {
  return /^sips:/i.test(peer) ? contact.replace(/^sip:/, 'sips:') : contact
}

/** The same in the answer to a request. */
export function contactFor({ uriText }: SipRequest, contact: string): string {
  return secureAs(uriText, contact)
}

/** By which credentials its subscriber is known, where a proxy of ours says so. */
export function signedInBy({ request, flow }: ServerSide): Pick<SubscriptionRecord, 'credentials'> {
  const credentials = flow.trusted ? request.text(H['P-Credentials-Id']) : undefined
  return credentials === undefined ? {} : { credentials }
}

export function recordKey(element: string, id: string): string {
  return `subscriptions/${element}/${id}`
}

/** The key by which a dialog of ours is found. */
export function dialogKey(callId: string, localTag: string): string {
  return `${callId}|${localTag}`
}
