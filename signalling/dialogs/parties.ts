/** The two ends of a dialog: an element of this node or of another one of ours, and its peer. */
import { type SipRequest, stride } from '../messages/message.ts'
import { H } from '../messages/names.ts'
import { canonical } from '../messages/uri.ts'
import type { ServerSide } from '../transactions/server.ts'

export function isInside({ request, flow }: ServerSide): boolean {
  return flow.internal === true && isAlone(request)
}

/** Whether the sender has made the request himself: nobody else's Via is in it. */
export function isAlone(request: SipRequest): boolean {
  return request.find(H.Via, request.find(H.Via) + stride) < 0
}

/** To know the names of a dialog makes nobody one of its ends: where somebody vouches for the sender, it has to be `peer`. */
export function isFrom(peer: string, { request, flow }: ServerSide): boolean {
  const asserted = flow.trusted ? request.asserted[0] : undefined
  return asserted === undefined || canonical(asserted.uri) === peer
}
