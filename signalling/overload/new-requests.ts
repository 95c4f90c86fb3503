/** New requests, told apart from those that continue, renew or answer something. */
import type { SipRequest } from '../messages/message.ts'
import { H } from '../messages/names.ts'

/** Whether a request belongs to a dialog, or renews something held: dropping it would cost more than it saves. */
export function isStanding(request: SipRequest): boolean {
  if (request.toTag !== '') return true
  if (request.method === 'REGISTER') return request.find(H.Authorization) >= 0
  return request.method === 'PUBLISH' && request.has('SIP-If-Match')
}

const tag = Buffer.from('tag=')
const proof = Buffer.from('Authorization')
const entity = Buffer.from('SIP-If-Match')

/** `SIP/2.0 …` */
export function isResponse(bytes: Buffer): boolean {
  return bytes[0] === 0x53 && bytes[1] === 0x49
}

/**
 * The opposite of `isStanding` by the look of the bytes, for the methods that peers begin with; of all others, and of responses,
 * false. Said again in signalling/native/udp.c, `begins`.
 */
export function seemsNew(bytes: Buffer): boolean {
  switch (bytes[0]) {
    case 0x49: // INVITE, INFO
    case 0x4d: // MESSAGE
    case 0x4f: // OPTIONS
      return !inDialog(bytes)
    case 0x50: // PUBLISH, not PRACK
      return bytes[1] === 0x55 && !bytes.includes(entity)
    case 0x52: // REGISTER, REFER
      return !bytes.includes(proof) && !inDialog(bytes)
    case 0x53: // SUBSCRIBE, not SIP/2.0
      return bytes[1] === 0x55 && !inDialog(bytes)
    default:
      return false
  }
}

/** From and To have tags. */
function inDialog(bytes: Buffer): boolean {
  const first = bytes.indexOf(tag)
  return first >= 0 && bytes.includes(tag, first + tag.length)
}
