/** Device and user identifiers (SPEC §2.1): every form of one device comes down to one key. */
import { isIP } from 'node:net'
import { canonical, parseUri, type Uri } from '../../signalling/index.ts'

const bareIpv6 = /^(sip:(?:[^@]*@)?)([\da-f.]*:[\da-f:.]+)$/ // as `canonical` writes it: a key is the key of itself

/**
 * The canonical key of a SIP or tel URI or an IP address. Any of our own domains stands for the first one. Undefined where
 * the text is none of these.
 */
export function deviceKey(device: Uri | string, domains: readonly string[]): string | undefined {
  const uri = typeof device === 'string' ? readDevice(device) : device
  if (uri === undefined) return undefined
  const home = domains[0]
  if (home === undefined || uri.host === home || uri.user === '' || !domains.includes(uri.host)) return canonical(uri)
  return canonical({ ...uri, host: home })
}

/** As `deviceKey`, and a bare name is a user of the first domain: how people write subscribers in settings. */
export function subscriberKey(text: string, domains: readonly string[]): string | undefined {
  return deviceKey(text.includes(':') || isIP(text) !== 0 ? text : `sip:${text}@${domains[0] ?? 'localhost'}`, domains)
}

/** Undefined where the text is neither a URI nor an IP address. */
export function readDevice(text: string): Uri | undefined {
  const version = isIP(text)
  if (version !== 0) return parseUri(version === 6 ? `sip:[${text}]` : `sip:${text}`)
  return parseUri(text) ?? parseUri(text.replace(bareIpv6, '$1[$2]'))
}
