/** Names in a dialplan that no subscriber of it has: mistyped, or of somebody who is added at run time. */
import { roleOf } from '../../elements/catalogue.ts'
import { namesOf, subscriberKey } from '../../elements/shared/identifiers/devices.ts'
import type { PlanRule } from '../../signalling/index.ts'
import type { DialplanFault, PlannedElement } from './dialplan.ts'
import type { PlaceOf } from './further-items.ts'
import { subscribersIn } from './roles.ts'
import type { LineOf } from './validate.ts'

interface NamingNetwork {
  readonly file: string
  readonly elements: readonly PlannedElement[]
  readonly domains: readonly string[]
  readonly rules: readonly Pick<PlanRule, 'sender'>[]
  readonly lineOf: LineOf
  /** By the name of the element. */
  readonly places: ReadonlyMap<string, PlaceOf>
}

const expected = 'an identifier of a subscriber here, or one that `proxima hss add` brings'

/** Each place that names nobody of the dialplan; no fault, since the HSS may know more. None where it knows everybody. */
export function unknownNames({ file, elements, domains, rules, lineOf, places }: NamingNetwork): readonly DialplanFault[] {
  const homes = elements.flatMap((element) => subscribersIn(element) ?? [])
  if (homes.length === 0) return []
  const knownNames = new Set(elements.map(({ name }) => subscriberKey(name, domains)))
  for (const each of homes.flatMap(({ listed }) => listed)) {
    const keys = [each.id, ...(each.aliases ?? [])].flatMap((text) => subscriberKey(text, domains) ?? [])
    for (const key of namesOf({ id: keys[0] ?? '', aliases: keys.slice(1) }, domains)) knownNames.add(key)
  }
  const open = homes.some(({ everybody }) => everybody)
  const isUnknown = (text: string): boolean => {
    const key = subscriberKey(text, domains)
    if (key === undefined || knownNames.has(key)) return false
    if (key.endsWith(`@${domains[0]}`)) return !open && namesOf({ id: key }, domains).every((other) => !knownNames.has(other))
    return !key.includes('@') // a number or an address; a name elsewhere is for others to check
  }
  const bySender = rules.flatMap(({ sender }, i) =>
    [sender ?? []]
      .flat()
      .filter((name) => !name.endsWith('*') && isUnknown(name))
      .map((name) => {
        return { file, line: lineOf('rules', i), text: `rules.${i}.sender names ${name}, whom nobody here is`, expected }
      }),
  )
  const byElements = elements.flatMap(({ name: element, role, settings }) =>
    (roleOf(role)?.namings?.(settings) ?? [])
      .filter(({ name }) => isUnknown(name))
      .map(({ name, path }) => {
        const text = `${element}: ${path.join('.')} names ${name}, whom nobody here is`
        return { ...places.get(element)!(path), text, expected }
      }),
  )
  return [...byElements, ...bySender]
}
