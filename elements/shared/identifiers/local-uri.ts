/** URIs that name this network itself, by a domain or by where it listens. */
import { isIP } from 'node:net'
import type { Host, Uri } from '../../../signalling/index.ts'

/** A URI of our domains, or of where we listen, as one of the first domain; undefined: elsewhere. */
export function localUri(uri: Uri, { domains, flows }: Host): Uri | undefined {
  const { port } = uri
  const host = hostOf(uri.host)
  const ours = domains.includes(host) || flows.isOurs(host, port) || (port === 0 && flows.isOurHost(host))
  return ours ? { ...uri, host: domains[0] ?? host } : undefined
}

/** A name without its root (RFC 1034 §3.1), and an IPv4 address as such, whichever of its forms stands there. */
export function hostOf(host: string): string {
  const name = host.replace(/\.$/, '').replace(/^::ffff:(?=[\d.]+$)/, '')
  const isNumber = isIP(name) === 0 && /(?:^|\.)\d[^.]*$/.test(name)
  return isNumber && URL.canParse(`http://${name}`) ? new URL(`http://${name}`).hostname : name
}
