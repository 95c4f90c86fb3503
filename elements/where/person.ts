/** Somebody whom a command names (SPEC §8.8): a user of our domain by his name, or anybody by a full address. */
import { canonical, parseUri } from '../../signalling/index.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import { ownUser } from '../shared/identifiers/element-names.ts'
import { decoded } from '../shared/identifiers/percent.ts'

interface Person {
  /** Canonical URI. */
  readonly key: string
  /** As people are told. */
  readonly name: string
}

const legible = /%(?:26|3D|2B|24|2C|3B|3F|2F)/g // stand in a user part as they are (RFC 3261 §25.1)

/** Undefined: the text can name nobody. */
export function personNamed(text: string, domains: readonly string[]): Person | undefined {
  const at = text.lastIndexOf('@')
  const address = at < 0 ? `sip:${userPart(text)}@${domains[0]}` : `sip:${userPart(text.slice(0, at))}${text.slice(at)}`
  const uri = parseUri(/^(?:sips?|tel):/i.test(text) ? text : address)
  const key = uri && (deviceKey(uri, domains) ?? canonical(uri))
  return key === undefined ? undefined : { key, name: shownName(key, domains) }
}

/** A canonical URI as people are told it: of a user of ours the name alone. */
export function shownName(key: string, domains: readonly string[]): string {
  const user = ownUser(key, domains)
  return decoded(user ?? key.replace(/^(?:sip|tel):/, ''))
}

/** URI at which to ask about somebody; undefined: he is none of ours. */
export function homeAddress(key: string, domains: readonly string[]): string | undefined {
  if (key.startsWith('tel:')) return `sip:${key.slice('tel:'.length)}@${domains[0]};user=phone`
  return ownUser(key, domains) === undefined ? undefined : key
}

function userPart(name: string): string {
  return encodeURIComponent(name).replace(legible, decodeURIComponent)
}
