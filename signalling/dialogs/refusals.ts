/** Refusals of a SUBSCRIBE, apart from those of its package. */
import { type HeaderList, warning } from '../messages/build.ts'
import type { SipRequest } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import { type SubscriptionRecord, unit } from './subscription-record.ts'

interface SubscribeRefusal {
  readonly status: number
  readonly headers: HeaderList
}

function refused(status: number, text: string): SubscribeRefusal {
  return { status, headers: [['Warning', warning('proxima', text)]] }
}

export const mergedText = 'this request has come by another way already: its answer goes there'
export const merged = refused(482, mergedText)
/** Neither the store nor the element could do it. */
export const failed: SubscribeRefusal = {
  status: 500,
  headers: [['Warning', warning('proxima', 'this cannot be done now: nothing has changed, come again later')]],
}
export const tooMany = refused(403, 'you hold as many subscriptions as you may: end one first (Expires: 0)')
/** Of subscribers whom another operator vouches for. */
export const tooManyOfPeer = {
  subscriptions: refused(403, 'users of your operator hold as many subscriptions as they may together: end some'),
  pending: refused(403, 'as many subscriptions of your operator as may wait to be allowed do so: come again later'),
}
export const tooMuch: SubscribeRefusal = {
  status: 503,
  headers: [
    ['Retry-After', '30'],
    ['Warning', warning('proxima', 'you are told more than you may be: wait, or end subscriptions (Expires: 0)')],
  ],
}

const routesAtMost = 32
const tooManyRoutes = refused(513, `more than ${routesAtMost} Record-Route values; expected a shorter way`)
const grown = refused(513, `Contact and Event of more than ${unit} bytes, and longer than before; expected them as they were`)

/**
 * Refuses more Record-Routes than a dialog may keep, and send with every NOTIFY. Their length counts in its subscriber's
 * share.
 */
export function overlong(request: SipRequest): SubscribeRefusal | undefined {
  return request.has(H['Record-Route']) && request.list(H['Record-Route']).length > routesAtMost ? tooManyRoutes : undefined
}

/** A refresh would have its dialog keep more than its share has been charged with. */
export function outgrown(
  before: SubscriptionRecord,
  after: Pick<SubscriptionRecord, 'event' | 'remoteTarget'>,
): SubscribeRefusal | undefined {
  const length = after.event.length + after.remoteTarget.length
  return length > unit && length > before.event.length + before.remoteTarget.length ? grown : undefined
}
