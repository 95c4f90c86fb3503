/** Owners of identifiers in an HSS's settings: each identifier is used once, and no element's name is a subscriber's. */
import type { Network, RoleFault } from '../role.ts'
import type { SubscriberSettings } from '../schemas/index.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { pushNamesOf } from '../shared/identifiers/push.ts'
import { faultOfIdentifiers, type IdentifierFault } from './identifiers.ts'
import { faultOfLength, toRecord } from './records.ts'

/** Lists of which a watcher may be on one. */
const kinds = ['allow', 'block', 'polite'] as const

type FaultText = Omit<RoleFault, 'path'>

/**
 * Faults of subscribers by themselves and among each other.
 * @param views how presence views of the application servers begin, which are nobody's names
 */
export function faultsOfSubscribers(
  subscribers: readonly SubscriberSettings[],
  { domains, elements }: Network,
  views: readonly string[],
): readonly RoleFault[] {
  const owners = new IdentifierOwners(
    domains,
    elements.map(({ name }) => name),
  )
  const faults: RoleFault[] = []
  for (const [index, subscriber] of subscribers.entries()) {
    const path = ['subscribers', index]
    const fault =
      faultOfIdentifiers(subscriber, domains, undefined, views) ??
      faultOfLength(toRecord({ ...subscriber, password: undefined }, domains))
    const found = fault === undefined ? [...settledTwice(subscriber, domains), ...owners.enter(subscriber)] : [textOf(fault)]
    for (const text of found) faults.push({ path, ...text })
  }
  return faults
}

function textOf({ pointer, text }: IdentifierFault): FaultText {
  const [wrong = text, expected = 'an identifier'] = text.split('; expected ', 2)
  return { text: `${pointer.slice(1).replaceAll('/', '.')} ${wrong}`, expected }
}

/** The first watcher who is on two lists. */
function settledTwice({ id, watchers = {} }: SubscriberSettings, domains: readonly string[]): readonly FaultText[] {
  const settled = new Map<string, string>()
  for (const kind of kinds) {
    for (const text of watchers[kind] ?? []) {
      const key = subscriberKey(text, domains) ?? text
      const before = settled.get(key)
      if (before !== undefined && before !== kind)
        return [{ text: `${id} has the watcher ${text} in ${before} and in ${kind}`, expected: 'each watcher in one of them' }]
      settled.set(key, kind)
    }
  }
  return []
}

class IdentifierOwners {
  private readonly owners = new Map<string, string>()
  private readonly domains: readonly string[]
  private readonly reserved: ReadonlySet<string | undefined>

  /** @param reserved names of the network's elements, which are nobody's: assertions of them are believed */
  constructor(domains: readonly string[], reserved: readonly string[]) {
    this.domains = domains
    this.reserved = new Set(reserved.map((name) => subscriberKey(name, domains)))
  }

  enter({ id, aliases = [], push = [] }: SubscriberSettings): readonly FaultText[] {
    return [id, ...aliases, ...pushNamesOf(push, this.domains)].flatMap((text) => this.own(text, id) ?? [])
  }

  private own(text: string, id: string): FaultText | undefined {
    const key = subscriberKey(text, this.domains)!
    if (this.reserved.has(key)) return { text: `${id} would be the element ${key}`, expected: 'another name' }
    const owner = this.owners.get(key)
    this.owners.set(key, id)
    return owner === undefined ? undefined : { text: `${text} belongs to ${owner} already`, expected: 'each identifier once' }
  }
}
