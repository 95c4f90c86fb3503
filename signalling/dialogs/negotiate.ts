/** Which of the types of a package its subscriber reads (RFC 6665 §3.1.3). */
import type { EventPackage } from '../element.ts'
import { parseToken } from '../messages/fields.ts'
import type { SipRequest } from '../messages/message.ts'
import { H } from '../messages/names.ts'

/** The media type for NOTIFY bodies; undefined: none that both know (406). */
export function negotiate(request: SipRequest, pack: EventPackage): string | undefined {
  const accept = request.list(H.Accept).map((text) => parseToken(text).value)
  if (accept.length === 0) return pack.types[0]
  for (const wanted of accept) {
    const own = pack.types.find((type) => type === wanted)
    if (own !== undefined) return own
    if (wanted === '*/*') return pack.types[0]
    if (wanted.endsWith('/*')) {
      const found = pack.types.find((type) => type.startsWith(wanted.slice(0, -1)))
      if (found !== undefined) return found
    }
  }
  return undefined
}
