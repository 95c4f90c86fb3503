/** Negotiation of a package's media type with its subscriber (RFC 6665 §3.1.3). */
import type { EventPackage } from '../element.ts'
import { type HeaderList, warning } from '../messages/build.ts'
import { parseToken } from '../messages/fields.ts'
import type { SipRequest } from '../messages/message.ts'
import { H } from '../messages/names.ts'

/** The media type for NOTIFY bodies; undefined: none that both know (406). */
export function negotiate(request: SipRequest, pack: EventPackage): string | undefined {
  const accept = request.list(H.Accept)
  if (accept.length === 0) return pack.types[0]
  let best: string | undefined
  let most = 0
  for (const text of accept) {
    const { value, parameters } = parseToken(text)
    const q = qOf(parameters.get('q'))
    if (q <= most) continue // of several types with the same q, the first
    const matching = typeFor(value, pack)
    if (matching === undefined) continue
    best = matching
    most = q
  }
  return best
}

/** The refusal of a subscriber that reads none of them. */
export function unread({ types }: EventPackage): { readonly status: 406; readonly headers: HeaderList } {
  const all = types.join(', ')
  const headers = [
    ['Accept', all],
    ['Warning', warning('proxima', `Accept names nothing that this event is told in; expected ${all}`)],
  ] as const
  return { status: 406, headers }
}

function typeFor(wanted: string, { types }: EventPackage): string | undefined {
  if (wanted === '*/*') return types[0]
  return types.find((type) => (wanted.endsWith('/*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted))
}

/** RFC 3261 §20.1; 1 where it is none. */
function qOf(text: string | undefined): number {
  return text !== undefined && /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 1
}
