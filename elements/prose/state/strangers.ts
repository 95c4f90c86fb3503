/** Unknown devices: each that a UE names costs the HSS a question, so they are counted for it. */
import { type Clock, RateLimit, type RateSettings, type ReplyFields } from '../../../signalling/index.ts'
import type { Subscribers } from '../../shared/clients/subscribers.ts'

const rate: RateSettings = { rate: 10, burst: 1000 }

/** Goes with a 503. */
export const tooManyStrangers: ReplyFields = {
  headers: [['Retry-After', '60']],
  warning: 'you have named too many devices whom nobody knows: name fewer, or come later',
}

export class Strangers {
  private readonly limit: RateLimit

  constructor(clock: Clock) {
    this.limit = new RateLimit(clock, rate)
  }
  /** False: that UE has named too many. */
  admits(subscribers: Subscribers, devices: readonly string[], own: string): boolean {
    return subscribers.unknownAmong(devices).every(() => this.limit.take(own))
  }
}
