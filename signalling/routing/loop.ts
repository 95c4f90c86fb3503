/** Loop detection (RFC 3261 §16.3 step 4): a request of ours that is still under way and comes back as it was. */
import type { SipRequest } from '../messages/message.ts'
import type { ClientUser } from '../transactions/client.ts'
import { LocalTransaction } from '../transactions/local.ts'
import type { ServerSide } from '../transactions/server.ts'

/** The table that finds the transactions under way. */
interface RequestsUnderWay {
  /** True if these bytes can hold a branch of ours at all. */
  mayHold(bytes: Buffer): boolean
  userOf(branch: string): ClientUser | undefined
}

/**
 * True if one of our branches among the Vias is of a request that came here before. That one has the same Request-URI, the
 * same Routes (`routesOf` gives those that are not ours) and the same trust. A request with another Request-URI is a spiral,
 * and may pass.
 */
export function isLoop(
  side: ServerSide,
  underWay: RequestsUnderWay,
  routesOf: (request: SipRequest) => readonly string[],
): boolean {
  const { request, flow } = side
  if (!underWay.mayHold(request.bytes)) return false
  const routes = routesOf(request).join()
  for (const via of request.vias) {
    const branch = via?.branch
    let origin = branch === undefined ? undefined : underWay.userOf(branch)?.origin
    while (origin instanceof LocalTransaction) origin = origin.user.origin // between elements: back to where it came in
    const before: SipRequest | undefined = origin?.request // gone once it is answered
    if (before === undefined || before.uriText !== request.uriText || origin!.flow.trusted !== flow.trusted) continue
    if (routesOf(before).join() === routes) return true
  }
  return false
}
