/** What may identify a subscriber (SPEC §2.1), one rule for the dialplan, the HTTP interface, the command line and every import. */
import { isIP } from 'node:net'
import { parseUri } from '../../signalling/index.ts'
import type { SubscriberSettings } from '../schemas/index.ts'
import { subscriberKey } from '../services/devices.ts'

const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u
const everyUnseen = new RegExp(unseen, 'gu')
const schemes = ['sip', 'sips', 'tel']

/** Which member is to blame (RFC 6901), and why; `; expected …` ends the text. */
export interface IdentifierFault {
  readonly pointer: string
  readonly text: string
}

/** The first fault of the identifiers that a subscriber is to have, and of those that it names. */
export function faultOfIdentifiers(settings: SubscriberSettings, domains: readonly string[]): IdentifierFault | undefined {
  const { id, aliases, friends, servers, watchers } = settings
  const own = faultIn('/id', [id], domains, identifierFault, true) ?? faultIn('/aliases', aliases, domains, identifierFault)
  if (own !== undefined) return own
  for (const kind of ['allow', 'block', 'polite'] as const) {
    const fault = faultIn(`/watchers/${kind}`, watchers?.[kind], domains, referenceFault)
    if (fault !== undefined) return fault
  }
  for (const [i, { uri }] of (servers ?? []).entries()) {
    const text = referenceFault(uri, domains)
    if (text !== undefined) return { pointer: `/servers/${i}/uri`, text }
  }
  return faultIn('/friends', friends, domains, referenceFault)
}

function faultIn(
  at: string,
  list: readonly string[] = [],
  domains: readonly string[],
  faultOf: typeof referenceFault,
  alone = false,
): IdentifierFault | undefined {
  for (const [i, each] of list.entries()) {
    const text = faultOf(each, domains)
    if (text !== undefined) return { pointer: alone ? at : `${at}/${i}`, text }
  }
  return undefined
}

/** What is wrong with an identifier that a subscriber is to have, to follow its name; undefined: nothing. */
export function identifierFault(text: string, domains: readonly string[]): string | undefined {
  const wrong = referenceFault(text, domains)
  if (wrong !== undefined) return wrong
  if (isIP(text) !== 0) return domains.includes(text) ? `${is(text)}, which is the network itself` : undefined
  const uri = parseUri(text.includes(':') ? text : `sip:${text}@${domains[0] ?? 'localhost'}`)!
  const { scheme, user, host } = uri
  if (!schemes.includes(scheme)) return `${is(text)}; expected a SIP or tel URI, an IP address or a user name`
  if (scheme === 'tel') return undefined
  const example = `sip:${user || (domains.includes(host) ? 'alice' : host)}@${domains[0]}`
  if (user === '') {
    if (isIP(host) !== 0 && !domains.includes(host)) return undefined
    return `${is(text)}, which names a host and no user; expected one such as ${example}`
  }
  if (domains.length === 0 || domains.includes(host)) return undefined
  return `${is(text)}, of a domain that is not ours; expected ${example}`
}

/** As `identifierFault`, of somebody whom a subscriber only names: any URI that can be read will do, of whatever domain. */
export function referenceFault(text: string, domains: readonly string[]): string | undefined {
  const hidden = unseen.exec(decoded(text))
  if (hidden !== null) return `${is(text)}, with the character ${codeOf(hidden[0])} that nobody sees; expected none`
  if (/^\s|\s$/.test(text)) return `${is(text)}, with blanks around it; expected none`
  if (subscriberKey(text, domains) !== undefined) return undefined
  const bare = !text.includes(':') && text.includes('@') && subscriberKey(`sip:${text}`, domains) !== undefined
  return bare
    ? `${is(text)}, which has no scheme; expected sip:${text}`
    : `${is(text)}, which is no URI, IP address or user name; expected one such as sip:alice@${domains[0] ?? 'localhost'}`
}

/** What a terminal can be shown. */
function is(text: string): string {
  return `is '${text.replace(everyUnseen, (character) => `\\u{${codeOf(character).slice(2)}}`)}'`
}
function codeOf(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
}

/** Percent-encoded text; as it stands where it is not. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (fault) {
    if (fault instanceof URIError) return text
    throw fault
  }
}
