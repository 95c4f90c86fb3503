/** Capabilities of a user agent, and its refusal of requests that want more (RFC 3261 §8.2.1–§8.2.3). */
import type { HeaderList } from './build.ts'
import { parseToken } from './fields.ts'
import type { SipRequest } from './message.ts'
import { H } from './names.ts'

export interface Capabilities {
  readonly methods: readonly string[]
  /** Option tags, in lower case. */
  readonly extensions: readonly string[]
  /** Media types that it understands, in lower case; the range of all ranges for any. */
  readonly types: readonly string[]
  /** Media types in which it answers INVITE; left out: no body is needed. */
  readonly answers?: readonly string[]
}

interface CapabilityRefusal {
  readonly status: 405 | 406 | 415 | 416 | 420 | 501
  readonly headers: HeaderList
}

/** The first thing that the request wants and the agent cannot, in the order of RFC 3261 §8.2; undefined: it can. */
export function unsupported(request: SipRequest, able: Capabilities): CapabilityRefusal | undefined {
  const { method, uri } = request
  if (!able.methods.includes(method)) return { status: 501, headers: [['Allow', able.methods.join(', ')]] }
  if (uri.scheme !== 'sip' && uri.scheme !== 'sips' && uri.scheme !== 'tel') return { status: 416, headers: [] }
  if (method === 'ACK' || method === 'CANCEL') return undefined // RFC 3261 §8.2.2.3: Require does not count in these
  const wanted = request.list(H.Require).filter((option) => !able.extensions.includes(option.toLowerCase()))
  if (wanted.length > 0) return { status: 420, headers: [['Unsupported', wanted.join(', ')]] }
  const type = request.bodyEnd > request.bodyStart ? request.contentType : undefined
  if (type !== undefined && !able.types.includes(type) && !able.types.includes('*/*'))
    return { status: 415, headers: [['Accept', able.types.join(', ')]] }
  if (method === 'INVITE' && able.answers !== undefined && !accepts(request, able.answers)) return { status: 406, headers: [] }
  return undefined
}

/** True where no Accept stands, or one that takes any of `types`. */
function accepts(request: SipRequest, types: readonly string[]): boolean {
  const ranges = request.list(H.Accept).map((text) => parseToken(text).value)
  if (ranges.length === 0) return !request.has(H.Accept)
  return ranges.some((range) =>
    types.some((type) => range === type || range === '*/*' || (range.endsWith('/*') && type.startsWith(range.slice(0, -1)))),
  )
}
