/** Names in a dialplan that no subscriber of it has: mistyped, or of somebody who is added at run time. */
import type { SubscriberSettings } from '../../elements/schemas/index.ts'
import { namesOf, subscriberKey } from '../../elements/shared/identifiers/devices.ts'
import type { PlanRule } from '../../signalling/index.ts'
import type { DialplanFault, ElementSettings, PlannedElement } from './dialplan.ts'
import type { LineOf } from './validate.ts'

interface NamingNetwork {
  readonly file: string
  readonly elements: readonly PlannedElement[]
  readonly domains: readonly string[]
  readonly rules: readonly Pick<PlanRule, 'sender'>[]
  readonly lineOf: LineOf
}

/** One place where somebody is named. */
interface Naming {
  readonly name: string
  readonly path: readonly (string | number)[]
}

const expected = 'an identifier of a subscriber here, or one that `proxima hss add` brings'

/** Each place that names nobody of the dialplan; no fault, since the HSS may know more. None where it knows everybody. */
export function unknownNames({ file, elements, domains, rules, lineOf }: NamingNetwork): readonly DialplanFault[] {
  const homes = elements.filter(({ role }) => role === 'hss').map(({ settings }) => settings)
  if (homes.length === 0) return []
  const knownNames = new Set(elements.map(({ name }) => subscriberKey(name, domains)))
  for (const each of homes.flatMap(subscribersIn)) {
    const keys = [each.id, ...(each.aliases ?? [])].flatMap((text) => subscriberKey(text, domains) ?? [])
    for (const key of namesOf({ id: keys[0] ?? '', aliases: keys.slice(1) }, domains)) knownNames.add(key)
  }
  const open = homes.some((settings) => settings['open'] === true)
  const isUnknown = (text: string): boolean => {
    const key = subscriberKey(text, domains)
    if (key === undefined || knownNames.has(key)) return false
    if (key.endsWith(`@${domains[0]}`)) return !open && namesOf({ id: key }, domains).every((other) => !knownNames.has(other))
    return !key.includes('@') // a number or an address; whoever is elsewhere is theirs
  }
  const bySender = rules.flatMap(({ sender }, i) =>
    [sender ?? []]
      .flat()
      .filter((name) => !name.endsWith('*') && isUnknown(name))
      .map((name) => {
        return { file, line: lineOf('rules', i), text: `rules.${i}.sender names ${name}, whom nobody here is`, expected }
      }),
  )
  const byElements = elements.flatMap((element) =>
    namingsIn(element)
      .filter(({ name }) => isUnknown(name))
      .map(({ name, path }) => {
        const text = `${path.join('.')} names ${name}, whom nobody here is`
        return { file, line: lineOf('elements', element.name, ...path), text: `${element.name}: ${text}`, expected }
      }),
  )
  return [...byElements, ...bySender]
}

function subscribersIn(settings: ElementSettings): readonly SubscriberSettings[] {
  return (settings['subscribers'] as readonly SubscriberSettings[] | undefined) ?? []
}

function namingsIn({ role, settings }: PlannedElement): readonly Naming[] {
  switch (role) {
    case 'pcrf':
      return lists(settings['rules'], (rule) => namesAt(rule['subscribers'], ['subscribers']), ['rules'])
    case 'prose':
      return Object.entries((settings['monitors'] as object | undefined) ?? {}).flatMap(([device, peers]) => [
        { name: device, path: ['monitors', device] },
        ...namesAt(peers, ['monitors', device]),
      ])
    case 'resource-lists':
      return Object.entries((settings['lists'] as object | undefined) ?? {}).flatMap(([list, ids]) =>
        namesAt(ids, ['lists', list]),
      )
    case 'application-server': // a user of it may have any name; one that looks like a subscriber's is his
      return lists(
        settings['users'],
        ({ user }) => (typeof user === 'string' && /^(?:sips?|tel):/i.test(user) ? [{ name: user, path: ['user'] }] : []),
        ['users'],
      )
    case 'registration':
      return namesAt(settings['askers'], ['askers'])
    case 'hss':
      return [
        ...lists(settings['servers'], ({ uri }) => (typeof uri === 'string' ? [{ name: uri, path: ['uri'] }] : []), ['servers']),
        ...lists(settings['subscribers'], namedBySubscriber, ['subscribers']),
      ]
    default:
      return []
  }
}

function namedBySubscriber(subscriber: ElementSettings): readonly Naming[] {
  const watchers = (subscriber['watchers'] as ElementSettings | undefined) ?? {}
  return [
    ...namesAt(subscriber['friends'], ['friends']),
    ...['allow', 'block', 'polite'].flatMap((kind) => namesAt(watchers[kind], ['watchers', kind])),
    ...lists(subscriber['servers'], ({ uri }) => (typeof uri === 'string' ? [{ name: uri, path: ['uri'] }] : []), ['servers']),
  ]
}

function lists(
  value: unknown,
  namings: (each: ElementSettings) => readonly Naming[],
  at: readonly (string | number)[],
): readonly Naming[] {
  return ((value as readonly ElementSettings[] | undefined) ?? []).flatMap((each, i) =>
    namings(each).map(({ name, path }) => ({ name, path: [...at, i, ...path] })),
  )
}

function namesAt(value: unknown, at: readonly (string | number)[]): readonly Naming[] {
  const names = (value as readonly unknown[] | undefined) ?? []
  return names.flatMap((name, i) => (typeof name === 'string' ? { name, path: [...at, i] } : []))
}
