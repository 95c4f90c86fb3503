/** Notification rates that a subscriber asks for (RFC 6446). */
export interface NotificationRates {
  /** Seconds: at least one NOTIFY in so many. */
  readonly period?: number | undefined
  /** Seconds: at most one in so many. */
  readonly gap?: number | undefined
}

/** The value of Event that asks for it. */
export function eventAtRates(event: string, { period, gap }: NotificationRates): string {
  const least = period === undefined ? '' : `;min-rate=${1 / period}`
  return `${event}${least}${gap === undefined ? '' : `;max-rate=${1 / gap}`}`
}
