/** The value of Subscription-State (RFC 6665 §8.4). */
import type { EndReason } from '../element.ts'
import { printRate, type Rate } from './rate.ts'

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
