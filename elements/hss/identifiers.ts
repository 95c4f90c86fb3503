/** Identifiers of subscribers (SPEC §2.1): one rule for the dialplan, the HTTP interface, the command line and every import. */
import { isIP } from 'node:net'
import { plainHost, type Uri } from '../../signalling/index.ts'
import type { SubscriberRecord, SubscriberSettings } from '../schemas/index.ts'
import { readDevice, subscriberKey } from '../shared/identifiers/devices.ts'
import { allocatedAs, ownUser, usualView } from '../shared/identifiers/element-names.ts'
import { decoded } from '../shared/identifiers/percent.ts'

// U+200C and U+200D are how Persian and Indic names and emoji are written; with nothing before them they join nothing
const unseen =
  /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]|\u034f|(?<=^|[:@])(?:[\u200c\u200d]|\ufe0f)/u
const everyUnseen = new RegExp(unseen, 'gu')
const schemes = ['sip', 'sips', 'tel']
const longest = 256 // characters of an identifier that elements can be told

/** Which member is to blame (RFC 6901), and why; `; expected …` ends the text. */
export interface IdentifierFault {
  readonly pointer: string
  readonly text: string
}

/** Names in canonical form: a subscriber's own, and these with all others in its record. */
interface SubscriberNames {
  readonly own: ReadonlySet<string>
  readonly all: ReadonlySet<string>
}

/** A stored record stays usable as it stands: a change is judged by its differences (SPEC §6.1). */
export function namesIn({ id, aliases = [], friends = [], servers = [], watchers }: SubscriberRecord): SubscriberNames {
  const ownNames = [id, ...aliases]
  const { allow = [], block = [], polite = [] } = watchers ?? {}
  return {
    own: new Set(ownNames),
    all: new Set([...ownNames, ...friends, ...servers.map(({ uri }) => uri), ...allow, ...block, ...polite]),
  }
}

/**
 * The first fault of the identifiers that a subscriber is to have, and of those that it names; none in what is `stored`.
 * @param views how presence views of the application servers begin, which are nobody's names
 */
export function faultOfIdentifiers(
  settings: SubscriberSettings,
  domains: readonly string[],
  stored?: SubscriberNames,
  views: readonly string[] = [usualView],
): IdentifierFault | undefined {
  const { id, aliases, friends, servers, watchers } = settings
  const faultIn = (
    at: string,
    list: readonly string[] = [],
    faultOf: (text: string, domains: readonly string[], views: readonly string[]) => string | undefined = referenceFault,
    known = stored?.all,
  ): IdentifierFault | undefined => {
    for (const [i, each] of list.entries()) {
      const text = faultOf(each, domains, views)
      if (text === undefined || known?.has(each) || known?.has(subscriberKey(each, domains) ?? each)) continue
      return { pointer: at.replace('*', String(i)), text }
    }
    return undefined
  }
  return (
    faultIn('/id', [id], identifierFault, stored?.own) ??
    faultIn('/aliases/*', aliases, aliasFault, stored?.own) ??
    faultIn('/watchers/allow/*', watchers?.allow) ??
    faultIn('/watchers/block/*', watchers?.block) ??
    faultIn('/watchers/polite/*', watchers?.polite) ??
    faultIn(
      '/servers/*/uri',
      servers?.map(({ uri }) => uri),
    ) ??
    faultIn('/friends/*', friends)
  )
}

/** The fault of a subscriber's identifier, to follow its name; undefined: none. */
export function identifierFault(
  text: string,
  domains: readonly string[],
  views: readonly string[] = [usualView],
): string | undefined {
  const wrong = aliasFault(text, domains, views)
  if (wrong !== undefined || isIP(text) !== 0) return wrong
  const { scheme, user, host } = readName(text, domains)
  if (scheme === 'tel' || user === '' || domains.length === 0 || domains.includes(host)) return undefined
  // the registrar lets nobody register so
  return `${is(text)}, of a domain that is not ours; expected sip:${user}@${domains[0]}, of which it may be an alias`
}

/** As `identifierFault`, for a name in somebody else's record: any URI that can be read will do, of any domain. */
function aliasFault(text: string, domains: readonly string[], views: readonly string[]): string | undefined {
  const wrong = referenceFault(text, domains) ?? compositionFault(text, domains)
  if (wrong !== undefined) return wrong
  const what = allocatedAs(subscriberKey(text, domains)!, domains, views)
  if (what !== undefined) return `${is(text)}, which has the form of ${what}; expected a name that no element allocates`
  if (isIP(text) !== 0) return domains.includes(plainHost(text)) ? `${is(text)}, which is the network itself` : undefined
  const { scheme, user, host } = readName(text, domains)
  if (!schemes.includes(scheme)) return `${is(text)}; expected a SIP or tel URI, an IP address or a user name`
  if (scheme === 'tel' || user !== '' || (isIP(host) !== 0 && !domains.includes(host))) return undefined
  const example = `sip:${domains.includes(host) ? 'alice' : host}@${domains[0]}`
  return `${is(text)}, which names a host and no user; expected one such as ${example}`
}

/** Of a text that has a key. */
function readName(text: string, domains: readonly string[]): Uri {
  return readDevice(text.includes(':') ? text : `sip:${text}@${domains[0] ?? 'localhost'}`)!
}

/** As `identifierFault`, of somebody that a subscriber only names: any URI that can be read will do, of any domain. */
function referenceFault(text: string, domains: readonly string[]): string | undefined {
  const hidden = unseen.exec(decoded(text))
  if (hidden !== null) return `${is(text)}, with the character ${codeOf(hidden[0])} that nobody sees; expected none`
  if (/^\s|\s$/.test(text)) return `${is(text)}, with blanks around it; expected none`
  const key = subscriberKey(text, domains)
  if (key !== undefined && [...key].length > longest)
    return `${is(text)}, which is too long; expected at most ${longest} characters`
  if (key !== undefined) return ownUser(key, domains) === undefined ? undefined : compositionFault(text, domains)
  const bare = !text.includes(':') && text.includes('@') && subscriberKey(`sip:${text}`, domains) !== undefined
  return bare
    ? `${is(text)}, which has no scheme; expected sip:${text}`
    : `${is(text)}, which is no URI, IP address or user name; expected one such as sip:alice@${domains[0] ?? 'localhost'}`
}

/** Texts that look the same are to be the same: one that is not in Unicode NFC names nobody of ours. */
function compositionFault(text: string, domains: readonly string[]): string | undefined {
  const key = subscriberKey(text, domains)!
  return key === key.normalize() ? undefined : `${is(text)}, whose characters are not composed; expected the same in Unicode NFC`
}

/** Text that a terminal can show. */
function is(text: string): string {
  return `is '${text.replace(everyUnseen, (character) => `\\u{${codeOf(character).slice(2)}}`)}'`
}
function codeOf(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
}
