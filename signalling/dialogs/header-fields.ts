/** Header fields of a notifier's messages. */

import type { EndReason } from '../element.ts'
import type { HeaderList } from '../messages/build.ts'
import { printRate, type Rate } from './rate.ts'
import { type SubscriptionRecord, secureAs } from './subscription-record.ts'

/** Header fields of the answer to a SUBSCRIBE. */
export function grant(seconds: number, contact: string, packages: string, requires: string | undefined): HeaderList {
  return [
    ...(requires === undefined ? [] : [['Require', requires] as const]),
    ['Expires', String(seconds)],
    ['Contact', `<${contact}>`],
    ['Allow-Events', packages],
  ]
}

/** Fields of a NOTIFY; those of its body, or of the package, are added. */
export function notifyFields(
  { callId, localTag, localUri, remoteTag, remoteTarget, remoteUri }: SubscriptionRecord,
  cseq: number,
  contact: string,
  event: string,
  state: string,
): [string, string][] {
  return [
    ['From', `<${localUri}>;tag=${localTag}`],
    ['To', `<${remoteUri}>;tag=${remoteTag}`],
    ['Call-ID', callId],
    ['CSeq', `${cseq} NOTIFY`],
    ['Contact', `<${secureAs(remoteTarget, contact)}>`],
    ['Event', event],
    ['Subscription-State', state],
  ]
}

export interface SubscriptionEnding {
  readonly [member: string]: EndReason | number | undefined
  readonly reason: EndReason
  /** Seconds. */
  readonly retryAfter?: number | undefined
}

export const fetched: SubscriptionEnding = { reason: 'timeout' } // RFC 6665 §4.4.3

export function terminatedState({ reason, retryAfter }: SubscriptionEnding): string {
  return `terminated;reason=${reason}${retryAfter === undefined ? '' : `;retry-after=${retryAfter}`}`
}

/** @param left milliseconds until it expires */
export function liveState(pending: boolean, left: number, rate: Rate): string {
  return `${pending ? 'pending' : 'active'};expires=${Math.max(0, Math.round(left / 1000))}${printRate(rate)}`
}

/** Answers to a NOTIFY that end the usage, or the dialog, which is the same here (RFC 5057 §5.1). */
export const endings: readonly number[] = [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604]
