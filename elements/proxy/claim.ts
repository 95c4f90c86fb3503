/** The identity that From claims, however it is spelled (RFC 3261 §19.1.4, RFC 3859, RFC 3860). */
import { type Exchange, type Host, parseUri, type Uri } from '../../signalling/index.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import { hostOf, localUri } from '../shared/identifiers/local-uri.ts'

export interface ClaimedIdentity {
  /** Canonical; undefined: it names nobody. */
  readonly key: string | undefined
  /** It is, or looks like, a user of ours: no guest, and not the network itself. */
  readonly ours: boolean
  /** The telephone number that a user elsewhere is marked to be (RFC 3261 §19.1.6). */
  readonly number?: string
}

const knownSchemes = ['sip', 'sips', 'tel']

export function claimedIdentityOf({ request }: Exchange, host: Host): ClaimedIdentity {
  const { domains } = host
  const { from } = request
  if (from.uri.scheme === 'sip' && domains.includes(from.uri.host))
    return { key: deviceKey(from.uri, domains), ours: from.uri.user !== '' }
  const uri = asSip(from.uri)
  const home = localUri(uri, host)
  const key = deviceKey(home ?? uri, domains)
  if (uri.scheme === 'tel' || home !== undefined) return { key, ours: uri.scheme === 'tel' || uri.user !== '' }
  const number = uri.parameters.has('user') ? deviceKey({ ...uri, host: domains[0] ?? '' }, domains) : undefined
  return { key, ours: false, ...(number?.startsWith('tel:') ? { number } : {}) }
}

/** `pres:bob@localhost`, `im:bob@localhost` and other URIs that name a user at a host. */
function asSip(uri: Uri): Uri {
  const sip = knownSchemes.includes(uri.scheme) ? uri : (parseUri(`sip:${uri.user.replace(/[;?].*$/s, '')}`) ?? uri)
  const host = hostOf(sip.host)
  return host === sip.host ? sip : { ...sip, host }
}
