/**
 * Amplification: an unproven datagram brings back at most twice its bytes, since its source address may be forged. A request
 * that a softphone would write leaves room enough; one that is shorter than its answer can be gets none.
 */
import { encode } from '../messages/edit.ts'
import type { SipMessage, SipRequest } from '../messages/message.ts'
import { H, nameOf } from '../messages/names.ts'
import { scan } from '../messages/scan.ts'
import type { Flow } from '../transports/transport.ts'

const factor = 2

/** Header fields that an answer can do without, should it be too long. */
const dispensable = [H.Warning, H.Allow, H['Allow-Events'], H.Accept, H.Supported, H.Reason, H['Retry-After']]
const challenges = [H['WWW-Authenticate'], H['Proxy-Authenticate']]

/** The answer, or as much of it as may be sent; undefined: nothing may. */
export function boundedAnswer(request: SipRequest, answer: Buffer): Buffer | undefined {
  const limit = request.bytes.length * factor
  if (answer.length <= limit) return answer
  const message = scan(answer)
  if (message === undefined) return undefined
  const short = encode(message, { drop: dispensable })
  if (short.length <= limit) return short
  const least = encode(message, { drop: [...dispensable, ...challenges], bottom: lastChallenge(message) })
  return least.length <= limit ? least : undefined
}

/** Of several challenges the last one is MD5, which every client can answer. */
function lastChallenge(message: SipMessage): string {
  for (const id of challenges) {
    const text = message.texts(id).at(-1)
    if (text !== undefined) return `${nameOf(id)}: ${text}\r\n`
  }
  return ''
}

/** A repeat has the length of its request; a shorter datagram with its branch gets no long refusal for it. */
export function mayRepeat(answer: Buffer, request: SipRequest, flow: Flow): boolean {
  if (answer.length <= request.bytes.length * factor || flow.reliable || flow.trusted) return true
  return answer[8] === 50 && request.method !== 'OPTIONS' // 2xx: it was let in
}
