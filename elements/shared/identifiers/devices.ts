/** Device and user identifiers (SPEC §2.1): every form of one device comes down to one key. */
import { isIP } from 'node:net'
import { canonical, parseUri, type Uri, unwrapped } from '../../../signalling/index.ts'
import { decoded } from './percent.ts'
import { isMarkedPush, isPushHost, pushHost, pushIdentifier, pushKey } from './push.ts'

const bareIpv6 = /^(sip:(?:[^@]*@)?)([\da-f.]*:[\da-f:.]+)$/ // a key of an earlier version
const number = /^(?:\+[0-9().-]+|[0-9A-Fa-f*#().-]+;(?:.*;)?phone-context=[^;]+)(?:;.*)?$/i // global, or with its context

const separated = /^\+(?=[0-9().-]*[().-])[0-9().-]*[0-9][0-9().-]*$/ // a global number with visual separators (RFC 3966 §5.1.1)

/** The identifiers of a subscriber. */
export interface IdentifiedSubscriber {
  readonly id: string
  readonly aliases?: readonly string[] | undefined
}

/**
 * The canonical key of a SIP or tel URI or an IP address. Any of our own domains stands for the first one. A user there that
 * is marked as a telephone number stands for the number (RFC 3261 §19.1.6). Undefined where the text is none of these.
 */
export function deviceKey(device: Uri | string, domains: readonly string[]): string | undefined {
  const uri = typeof device === 'string' ? readDevice(device) : device
  if (uri === undefined) return undefined
  const home = domains[0]
  if (home === undefined || uri.user === '') return canonical(uri)
  const host = uri.host.includes(':') ? unwrapped(uri.host) : uri.host
  if (!domains.includes(host)) return isPushHost(host, domains) ? pushKeyOf(uri, domains) : canonical(uri)
  if (uri.parameters.size > 0) {
    const kind = uri.parameters.get('user')?.toLowerCase()
    const key = kind === 'phone' ? numberKey(uri.user) : isMarkedPush(kind) ? pushKeyOf(uri, domains) : undefined
    if (key !== undefined) return key
  }
  if (separated.test(uri.user)) return canonical({ ...uri, host: home, user: uri.user.replace(/[().-]/g, '') })
  return canonical(host === home ? uri : { ...uri, host: home })
}

/** At the Push host of the first domain, whichever of them it names. */
function pushKeyOf(uri: Uri, domains: readonly string[]): string {
  const id = pushIdentifier(uri.user)
  return id === undefined ? canonical({ ...uri, host: pushHost(domains[0]!) }) : pushKey(id, domains)
}

/** As `deviceKey`, and a bare name is a user of the first domain: how people write subscribers in settings. */
export function subscriberKey(text: string, domains: readonly string[]): string | undefined {
  return deviceKey(text.includes(':') || isIP(text) !== 0 ? text : `sip:${text}@${domains[0] ?? 'localhost'}`, domains)
}

/** The target of requests to a server that settings name by its URI or, in the first domain, by its bare name. */
export function serverUri(text: string, domains: readonly string[]): string {
  return text.includes(':') ? text : (subscriberKey(text, domains) ?? text)
}

/** Undefined where the text is neither a URI nor an IP address. */
export function readDevice(text: string): Uri | undefined {
  const version = isIP(text)
  if (version !== 0) return parseUri(version === 6 ? `sip:[${text}]` : `sip:${text}`)
  return parseUri(text) ?? parseUri(text.replace(bareIpv6, '$1[$2]'))
}

/**
 * Other keys of the same subscriber: a telephone number or an address, written as a user of the first domain or as such.
 * Most softphones can call and sign in as nothing else.
 */
export function otherKeys(key: string, domains: readonly string[]): readonly string[] {
  const home = domains[0] ?? 'localhost'
  if (key.startsWith('tel:')) return number.test(key.slice('tel:'.length)) ? [`sip:${key.slice('tel:'.length)}@${home}`] : []
  if (!key.startsWith('sip:')) return []
  const at = key.lastIndexOf('@')
  if (at < 0) {
    const address = key.slice('sip:'.length).replace(/^\[(.*)\]$/, '$1')
    if (isIP(address) === 0) return []
    return isIP(address) === 6 ? [`sip:${address}`, `sip:${encodeURIComponent(address)}@${home}`] : [`sip:${address}@${home}`]
  }
  if (key.slice(at + 1) !== home) return []
  const user = decoded(key.slice('sip:'.length, at))
  const uri = isIP(user) === 0 ? undefined : readDevice(user)
  const meant = uri === undefined ? numberKey(user) : canonical(uri)
  // a user part that says more than the number, or says it otherwise, is not found by the number
  const isExact = uri !== undefined || meant === undefined || decoded(key) === `sip:${meant.slice('tel:'.length)}@${home}`
  return meant === undefined || !isExact ? [] : [meant]
}

/** Whether that key, in any of its forms, is an identifier of the subscriber. */
export function isNameOf(key: string, { id, aliases }: IdentifiedSubscriber, domains: readonly string[]): boolean {
  if (key === id || aliases?.includes(key) === true) return true
  return otherKeys(key, domains).some((other) => other === id || aliases?.includes(other) === true)
}

/** Whether that key is an address, and no user anywhere. */
export function isAddress(key: string): boolean {
  return key.startsWith('sip:') && !key.includes('@')
}

/** All keys of a subscriber, in each of their forms. */
export function namesOf({ id, aliases = [] }: IdentifiedSubscriber, domains: readonly string[]): readonly string[] {
  const names = [id, ...aliases]
  return [...names, ...names.flatMap((name) => otherKeys(name, domains))]
}

/** Undefined: no telephone number, or a local one of who knows where. */
function numberKey(user: string): string | undefined {
  const text = decoded(user)
  const uri = number.test(text) ? parseUri(`tel:${text}`) : undefined
  return uri && canonical(uri)
}
