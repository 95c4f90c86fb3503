/** Who From says that its sender is, however that is spelled (RFC 3261 §19.1.4, RFC 3859, RFC 3860). */
import { type Exchange, type Host, parseUri, type Uri } from '../../signalling/index.ts'
import { deviceKey } from '../services/devices.ts'

export interface Claim {
  /** Canonical; undefined: it names nobody. */
  readonly key: string | undefined
  /** It is, or looks like, a user of ours: no guest, and not the network itself. */
  readonly ours: boolean
}

const known = ['sip', 'sips', 'tel']

export function claimOf({ request }: Exchange, host: Host): Claim {
  const { domains } = host
  const { from } = request
  if (from.uri.scheme === 'sip' && domains.includes(from.uri.host))
    return { key: deviceKey(from.uri, domains), ours: from.uri.user !== '' }
  const uri = asSip(from.uri)
  const home = atHome(uri, host)
  const key = deviceKey(home ?? uri, domains)
  return { key, ours: uri.scheme === 'tel' || (home !== undefined && uri.user !== '') }
}

/** A URI of our domains, or of where we listen, as one of the first domain; undefined: elsewhere. */
export function atHome(uri: Uri, { domains, flows }: Host): Uri | undefined {
  const name = uri.host.replace(/\.$/, '') // with its root it is the same name (RFC 1034 §3.1)
  return domains.includes(name) || flows.isOurs(name, uri.port) ? { ...uri, host: domains[0] ?? name } : undefined
}

/** `pres:bob@localhost`, `im:bob@localhost` and whatever else names a user at a host. */
function asSip(uri: Uri): Uri {
  return known.includes(uri.scheme) ? uri : (parseUri(`sip:${uri.user.replace(/[;?].*$/s, '')}`) ?? uri)
}
