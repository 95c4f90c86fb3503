/** Subscriber records: from the settings that people provision to the record that elements read. */
import { isIP } from 'node:net'
import { ha1, parseUri, seal } from '../../signalling/index.ts'
import {
  type DirectoryRecord,
  type DirectorySettings,
  faultOf,
  type PushIdentifierRecord,
  type PushIdentifierSettings,
  type ServerGrant,
  type ServerSettings,
  type SubscriberRecord,
  type SubscriberSettings,
  type WatcherRules,
  type WatcherSettings,
} from '../schemas/index.ts'
import { readDevice, subscriberKey } from '../shared/identifiers/devices.ts'
import { pushNamesOf } from '../shared/identifiers/push.ts'
import { SettingsError } from '../shared/values/settings-error.ts'
import type { IdentifierFault } from './identifiers.ts'

const longestRecord = 48_000 // bytes of JSON: a datagram has room for it, and for the head
const bytesOfHashes = 130 // of one user name, whether or not there is a password

/** The first fault of a list of provisioned subscribers, as JSON pointer and expectation; undefined: none. */
export function faultOfSettings(list: readonly unknown[]): string | undefined {
  for (const [i, entry] of list.entries()) {
    const fault = faultOf('subscriber-settings', entry)
    if (fault !== undefined) return `/${i}${fault.startsWith('/') ? '' : ' '}${fault}`
  }
  return undefined
}

/**
 * Turns passwords into H(A1), and identifiers into canonical keys, except `stored` ones, which stay. Throws where an
 * identifier is none.
 */
export function toRecord(
  settings: SubscriberSettings,
  domains: readonly string[],
  stored?: ReadonlySet<string>,
): SubscriberRecord {
  const fresh = keyIn(domains, `subscriber ${settings.id}: `)
  const key = (text: string): string => (stored?.has(text) ? text : fresh(text))
  const id = key(settings.id)
  const push = (settings.push ?? []).map(pushRecord)
  const pushNames = pushNamesOf(push, domains) // under which it is found, and which are nobody else's
  const named = (settings.aliases ?? []).map(key).filter((alias) => alias !== id && !pushNames.includes(alias))
  const aliases = [...named, ...pushNames]
  const { discoverable, discoverer, push: mayHavePush } = settings.permissions
  return {
    id,
    aliases,
    ...secretsOf(settings, [id, ...aliases], domains),
    permissions: { discoverable, discoverer, ...(mayHavePush === true ? { push: true } : {}) },
    ...(settings.imsi === undefined ? {} : { imsi: settings.imsi }),
    ...(settings.moLr === undefined ? {} : { moLr: settings.moLr }),
    friends: (settings.friends ?? []).map(key),
    watchers: settings.watchers && watcherRules(settings.watchers, key),
    servers: (settings.servers ?? []).map(({ uri, application }) => ({ uri: key(uri), application })),
    ...(push.length === 0 ? {} : { push }),
    ...(settings.directory === undefined ? {} : { directory: directoryRecord(settings.directory) }),
  }
}

function pushRecord({ id, state = 'active', ...rest }: PushIdentifierSettings): PushIdentifierRecord {
  return { ...rest, id: id.toLowerCase(), state }
}

/** Names that look the same are the same (SPEC §2.1). */
function directoryRecord({ name, nickname, listed }: DirectorySettings): DirectoryRecord {
  return { name: name?.normalize(), nickname: nickname?.normalize(), listed }
}

/** Application servers by their canonical URI. Throws where one has none. */
export function toGrants(servers: readonly ServerSettings[], domains: readonly string[]): readonly ServerGrant[] {
  const key = keyIn(domains, 'servers: ')
  return servers.map(({ uri, application }) => ({ uri: key(uri), application }))
}

function keyIn(domains: readonly string[], where: string): (text: string) => string {
  return (text) => {
    const found = subscriberKey(text, domains)
    if (found === undefined) throw new SettingsError(`${where}${text} is no identifier`, 'a URI, an IP address or a user name')
    return found
  }
}

function watcherRules(settings: WatcherSettings, key: (text: string) => string): WatcherRules {
  const { allow, block, polite, others } = settings
  return { allow: allow?.map(key), block: block?.map(key), polite: polite?.map(key), others }
}

/**
 * SPEC §2.5: never in clear, one H(A1) per algorithm and user name; the realm is the first domain. The identifier may be a
 * private identity too, `alice@localhost` (3GPP TS 23.003 §13.3); an alias is a bare name, as softphones have it.
 */
function secretsOf(
  { password, credentials }: SubscriberSettings,
  names: readonly string[],
  domains: readonly string[],
): Pick<SubscriberRecord, 'credentials' | 'usernames'> {
  if (password === undefined) return { credentials }
  const realm = domains[0] ?? 'localhost'
  const hashed = (user: string) => ({ MD5: ha1('MD5', user, realm, password), 'SHA-256': ha1('SHA-256', user, realm, password) })
  const [own = parseUri(names[0]!)?.user ?? '', ...aliases] = names.map((name) => usernameOf(name, realm))
  const others = [...(own === '' ? [] : [`${own}@${realm}`]), ...aliases.filter((alias) => alias !== undefined)]
  const usernames = Object.fromEntries(others.map((user) => [user, hashed(user)]))
  return { credentials: { ...hashed(own), ...credentials }, usernames }
}

/** The digest user name of a subscriber: user, number or address; undefined: of another domain. */
function usernameOf(name: string, realm: string): string | undefined {
  const uri = readDevice(name)
  const isOurs = uri?.scheme === 'tel' || (uri?.user !== '' ? uri?.host === realm : isIP(uri.host) !== 0)
  return uri === undefined || !isOurs ? undefined : uri.user || uri.host
}

/**
 * The list that makes a record longer than elements can be told in one datagram, and that length. Undefined: none does, or
 * it was stored as long before and only its permissions differ.
 */
export function faultOfLength(record: SubscriberRecord, before?: SubscriberRecord): IdentifierFault | undefined {
  const fault = lengthFault(record)
  const stored = fault && before && lengthFault(before)
  if (fault === undefined || stored === undefined) return fault
  if (lengthFault({ ...record, permissions: before!.permissions })?.text === stored.text) return undefined
  return { ...fault, text: `${fault.text}: shorten ${fault.pointer} or remove the subscriber, who is longer than that already` }
}

function lengthFault(record: SubscriberRecord): IdentifierFault | undefined {
  const { aliases = [], friends, servers, watchers } = record
  const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '')
  const secrets = aliases.reduce((sum, alias) => sum + Buffer.byteLength(alias) + bytesOfHashes, 2 * bytesOfHashes)
  const length = bytes(withoutSecrets(record)) + secrets
  if (length <= longestRecord) return undefined
  const lists = Object.entries({ aliases, friends, servers, watchers }).sort(([, a], [, b]) => bytes(b) - bytes(a))
  const text = `makes the subscriber ${length} bytes long; expected at most ${longestRecord} with all that it has`
  return { pointer: `/${lists[0]![0]}`, text }
}

/** The record without secrets, for all askers but the proxy. */
export function withoutSecrets(record: SubscriberRecord): SubscriberRecord {
  return { ...record, credentials: undefined, usernames: undefined }
}

/** Without the identifiers that are none; undefined: its own is none. */
export function withoutUnreadable(record: SubscriberRecord): SubscriberRecord | undefined {
  const { aliases, friends, watchers = {}, servers } = record
  const sound = (list: readonly string[] | undefined) => list?.filter(isSound)
  const { allow, block, polite } = watchers
  const rest: SubscriberRecord = {
    ...record,
    aliases: sound(aliases),
    friends: sound(friends),
    watchers: record.watchers && { ...watchers, allow: sound(allow), block: sound(block), polite: sound(polite) },
    servers: servers?.filter(({ uri }) => isSound(uri)),
  }
  return faultOf('subscriber', rest) === undefined ? rest : undefined
}

function isSound(id: string): boolean {
  return faultOf('subscription-query', { device: id }) === undefined
}

/** Names the credentials for elements that compare them and may not see them; undefined: there are none. */
export function credentialsId({ credentials }: SubscriberRecord, key: string): string | undefined {
  if (credentials === undefined) return undefined
  return seal(key, `${credentials.MD5 ?? ''} ${credentials['SHA-256'] ?? ''}`, 10)
}

/** The asker in an open network: a user of ours with every permission and no credentials. */
export function openRecord(key: string): SubscriberRecord {
  return { id: key, permissions: { discoverable: true, discoverer: true } }
}

/** The part of credentials that people change, and that fingerprints are of: user names follow from the rest. */
export function withoutUsernames({ usernames: _, ...record }: SubscriberRecord): SubscriberRecord {
  return record
}

/** A short name for a value, to see whether it changed. Not for secrets, not against attackers. */
export function fingerprint(value: unknown): string {
  const text = JSON.stringify(value)
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 2654435761)
    b = Math.imul(b ^ code, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return (4294967296 * (b >>> 0) + (a >>> 0)).toString(36)
}

/** Throws their fault, by the JSON pointer. */
export function provisionedBy(
  name: string,
  { subscribers = [], records }: { readonly subscribers?: readonly SubscriberSettings[]; readonly records?: unknown },
): readonly SubscriberSettings[] {
  const provisioned = [...subscribers, ...listOf(records)]
  const fault = faultOfSettings(provisioned)
  if (fault !== undefined)
    throw new SettingsError(`${name}: subscriber ${fault}`, 'a subscriber as dialplan.schema.json describes one')
  return provisioned
}

function listOf(records: unknown): readonly SubscriberSettings[] {
  if (records === undefined || records === null) return []
  const list = Array.isArray(records) ? records : (records as { readonly subscribers?: unknown }).subscribers
  if (!Array.isArray(list))
    throw new SettingsError('the provisioning file has no list of subscribers', 'a list, alone or as subscribers')
  return list as readonly SubscriberSettings[]
}
