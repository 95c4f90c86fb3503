/** `sips:` (RFC 5630, RFC 3261 §26.2.2): it arrives by TLS and goes on by TLS, or is refused; it never becomes `sip:`. */
import type { Exchange, Flow, SipRequest } from '../../signalling/index.ts'
import { H, parseAddress } from '../../signalling/index.ts'

interface SecurityRefusal {
  readonly status: number
  readonly text: string
}

export function isSips({ uri }: SipRequest): boolean {
  return uri.scheme === 'sips'
}

/** Whether nobody reads on the way; of trusted peers and elements of our own the operator says so. */
export function isSecure({ transport, trusted }: Flow): boolean {
  return transport === 'TLS' || transport === 'WSS' || trusted
}

/**
 * In a dialog that was begun by `sip:` a Contact may be `sips:` all the same (sofia over TLS): nobody was promised anything.
 * Our own Record-Route then is `sip:`.
 */
export function isOfSipDialog({ request, ownRoutes }: Exchange): boolean {
  return request.toTag !== '' && ownRoutes.length > 0 && ownRoutes.every(({ uri }) => uri.scheme === 'sip')
}

/** Why a request from outside any dialog, or in a secure one, may not be served as it has come; undefined: it may. */
export function insecure({ request, flow }: Exchange): SecurityRefusal | undefined {
  if (isSecure(flow)) return undefined
  const by = flow.transport === 'MEM' ? 'UDP' : flow.transport
  if (isSips(request)) {
    const text = `sips: goes by TLS or WSS alone, and this came by ${by}; expected one of these, or a sip: URI`
    return { status: 480, text }
  }
  if (!request.texts(H.Contact).some((text) => /sips:/i.test(text))) return undefined
  const { contacts } = request
  if (contacts === undefined || contacts === '*' || !contacts.some(({ uri }) => uri.scheme === 'sips')) return undefined
  return { status: 403, text: `a sips: Contact is reached by TLS or WSS alone, and this came by ${by}; expected a sip: Contact` }
}

/** A Contact as the Request-URI of a request that was for `sips:`. */
export function asSips(contact: string): string {
  return contact
    .replace(/^sips?:/i, 'sips:')
    .replace(/;transport=(?:tls|wss)(?=[;?]|$)/i, (_all, at: string) => (/wss/i.test(at) ? ';transport=ws' : ''))
}

/** Whether the proxies of a Path are called by TLS. */
export function isSecurePath(path: readonly string[]): boolean {
  const uri = parseAddress(path[0] ?? '')?.uri
  return uri?.scheme === 'sips' || uri?.parameters.get('transport')?.toLowerCase() === 'tls'
}
