/** The identity that From claims, however it is spelled (RFC 3261 §19.1.4, RFC 3859, RFC 3860). */
import { isIP } from 'node:net'
import { type Exchange, type Host, parseUri, type Uri } from '../../signalling/index.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'

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

/** A URI of our domains, or of where we listen, as one of the first domain; undefined: elsewhere. */
export function localUri(uri: Uri, { domains, flows }: Host): Uri | undefined {
  const { port } = uri
  const host = hostOf(uri.host)
  const ours = domains.includes(host) || flows.isOurs(host, port) || (port === 0 && flows.isOurHost(host))
  return ours ? { ...uri, host: domains[0] ?? host } : undefined
}

/** A name without its root (RFC 1034 §3.1), and an IPv4 address as such, whichever of its forms stands there. */
function hostOf(host: string): string {
  const name = host.replace(/\.$/, '').replace(/^::ffff:(?=[\d.]+$)/, '')
  const isNumber = isIP(name) === 0 && /(?:^|\.)\d[^.]*$/.test(name)
  return isNumber && URL.canParse(`http://${name}`) ? new URL(`http://${name}`).hostname : name
}

/** `pres:bob@localhost`, `im:bob@localhost` and other URIs that name a user at a host. */
function asSip(uri: Uri): Uri {
  const sip = knownSchemes.includes(uri.scheme) ? uri : (parseUri(`sip:${uri.user.replace(/[;?].*$/s, '')}`) ?? uri)
  const host = hostOf(sip.host)
  return host === sip.host ? sip : { ...sip, host }
}
