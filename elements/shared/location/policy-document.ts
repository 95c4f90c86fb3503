/**
 * Rule sets of common policy (RFC 4745, RFC 6772) as the rules of a privacy profile (SPEC §8.4). A condition that is not known
 * takes its rule away (RFC 4745 §7). Any other part that is not known grants nothing.
 */
import type { AreaJson, PrivacyProfileRule } from '../../schemas/index.ts'
import { readXml, type XmlElement } from '../values/xml-tree.ts'

const ns = {
  policy: 'urn:ietf:params:xml:ns:common-policy',
  geo: 'urn:ietf:params:xml:ns:geolocation-policy',
  profiles: 'urn:ietf:params:xml:ns:basic-location-profiles',
  gml: 'http://www.opengis.net/gml',
  shapes: 'http://www.opengis.net/pidflo/1.0',
  proxima: 'urn:proxima:privacy',
} as const

type Rule = { -readonly [name in keyof PrivacyProfileRule]: PrivacyProfileRule[name] }

/** Fault of a document, for people. */
class PolicyFault extends Error {}

/** The rules of a document, which the schema of profiles has yet to admit; or its fault. */
export function readPolicy(body: Uint8Array): readonly PrivacyProfileRule[] | { readonly fault: string } {
  const root = readXml(body)
  if ('fault' in root) return root
  if (root.namespace !== ns.policy || root.name !== 'ruleset')
    return { fault: `the root is ${root.name}; expected ruleset of ${ns.policy}` }
  try {
    return childrenOf(root, ns.policy, 'rule').flatMap((rule) => ruleOf(rule) ?? [])
  } catch (fault) {
    if (fault instanceof PolicyFault) return { fault: fault.message }
    throw fault
  }
}

/** Undefined: it has a condition that is not known. */
function ruleOf(element: XmlElement): PrivacyProfileRule | undefined {
  const id = element.attributes.get('id') ?? fail('a rule has no id')
  const actions = childOf(element, ns.policy, 'actions')
  const locations = childrenOf(actions, ns.proxima, 'location').map(({ attributes }) => attributes)
  const [mode = 'allow', ...others] = new Set(locations.map((one) => one.get('mode'))) // RFC 6772 has no modes
  if (others.length > 0) fail(`rule ${id} has several modes; expected a rule for each`)
  const rule: Rule = { id, mode: mode as PrivacyProfileRule['mode'] }
  const services = locations.map((one) => one.get('service'))
  if (services.length > 0 && !services.includes(undefined)) rule.service = services.map((service) => service!)
  for (const condition of childOf(element, ns.policy, 'conditions')?.children ?? [])
    if (!addCondition(rule, condition)) return undefined
  if (childOf(actions, ns.proxima, 'events') !== undefined) rule.events = true
  for (const part of childOf(element, ns.policy, 'transformations')?.children ?? []) addTransformation(rule, part)
  return rule
}

/** False: it is not known. */
function addCondition(rule: Rule, condition: XmlElement): boolean {
  switch (`${condition.namespace} ${condition.name}`) {
    case `${ns.policy} identity`:
      rule.who = identitiesOf(condition)
      return true
    case `${ns.policy} validity`:
      return addValidity(rule, condition)
    case `${ns.proxima} client`:
      rule.client = [...(rule.client ?? []), condition.attributes.get('id') ?? fail('a client has no id')]
      return true
    case `${ns.proxima} codeword`:
      rule.codeword = condition.text
      return true
    case `${ns.proxima} weekly`:
      rule.weekly = weeklyOf(condition)
      return true
    case `${ns.geo} location-condition`:
      rule.in = areaIn(condition)
      return rule.in !== undefined
    default:
      return false
  }
}

/** One interval; a rule with several would need to be several (RFC 4745 §7.3), and is none that is known. */
function addValidity(rule: Rule, validity: XmlElement): boolean {
  const [from, ...others] = childrenOf(validity, ns.policy, 'from')
  const until = childOf(validity, ns.policy, 'until')
  if (from === undefined || until === undefined || others.length > 0) return false
  rule.from = from.text.trim()
  rule.until = until.text.trim()
  return true
}

function identitiesOf(identity: XmlElement): NonNullable<Rule['who']> {
  const one = childrenOf(identity, ns.policy, 'one').map(idOf)
  const many = childrenOf(identity, ns.policy, 'many')
  if (many.length === 0) return { one }
  const domain = many.flatMap(({ attributes }) => attributes.get('domain') ?? [])
  const isAnybody = many.some(({ attributes }) => !attributes.has('domain'))
  const except = many.flatMap((each) => childrenOf(each, ns.policy, 'except').map(idOf))
  return {
    ...(one.length === 0 ? {} : { one }),
    ...(isAnybody ? {} : { domain }),
    ...(except.length === 0 && !isAnybody ? {} : { except }),
  }
}

function idOf({ attributes, name }: XmlElement): string {
  return attributes.get('id') ?? fail(`${name} of an identity has no id`)
}

function weeklyOf({ attributes }: XmlElement): NonNullable<Rule['weekly']> {
  const [days, hours, zone] = ['days', 'hours', 'zone'].map((name) => attributes.get(name) ?? fail(`weekly has no ${name}`))
  return { days: days!.trim().split(/\s+/) as NonNullable<Rule['weekly']>['days'], hours: hours!, zone: zone! }
}

/** Undefined: a condition by an address, or by several places. */
function areaIn(condition: XmlElement): AreaJson | undefined {
  const [location, ...others] = childrenOf(condition, ns.geo, 'location')
  if (location === undefined || others.length > 0 || location.attributes.get('profile') !== 'geodetic-condition') return undefined
  const [shape] = location.children
  if (shape?.namespace === ns.shapes && shape.name === 'Circle')
    return { type: 'Point', coordinates: positionIn(shape), radius: numberIn(shape, ns.shapes, 'radius') }
  if (shape?.namespace === ns.gml && shape.name === 'Polygon') return { type: 'Polygon', coordinates: [ringIn(shape)] }
  return undefined
}

/** GML has latitude first, JSON longitude. */
function positionIn(shape: XmlElement): readonly number[] {
  return pairsOf(childOf(shape, ns.gml, 'pos')?.text ?? fail(`${shape.name} has no pos`))[0] ?? fail('pos has no two numbers')
}

function ringIn(polygon: XmlElement): number[][] {
  const ring = childOf(childOf(polygon, ns.gml, 'exterior'), ns.gml, 'LinearRing')
  const list = childOf(ring, ns.gml, 'posList')?.text
  if (list !== undefined) return pairsOf(list)
  return childrenOf(ring, ns.gml, 'pos').flatMap(({ text }) => pairsOf(text))
}

function pairsOf(text: string): number[][] {
  const numbers = text.trim().split(/\s+/).map(Number)
  if (numbers.length % 2 > 0 || numbers.some((number) => !Number.isFinite(number)))
    fail(`'${text.slice(0, 40)}' is no list of positions`)
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i + 1]!, numbers[2 * i]!])
}

function numberIn(element: XmlElement, namespace: string, name: string): number {
  const number = Number(childOf(element, namespace, name)?.text.trim() ?? '')
  return number > 0 ? number : fail(`${name} is no number above 0`)
}

function addTransformation(rule: Rule, part: XmlElement): void {
  if (part.namespace !== ns.geo || part.name !== 'provide-location') return
  if (part.children.length === 0) rule.precision = 'exact'
  for (const provided of part.children) {
    if (provided.namespace !== ns.profiles) continue
    if (provided.name === 'provide-geo') rule.precision = radiusOf(provided)
    if (provided.name === 'provide-civic') rule.civic = civicOf(provided.text.trim())
  }
}

function radiusOf({ attributes }: XmlElement): number {
  const radius = Number(attributes.get('radius') ?? '')
  return radius > 0 ? radius : fail('radius of provide-geo is no number of metres above 0')
}

/** RFC 6772 §6.5.1 has more steps; those between two of ours tell the coarser one. */
function civicOf(level: string): Rule['civic'] {
  const known: { readonly [level: string]: Rule['civic'] } = {
    country: 'country',
    region: 'region',
    city: 'city',
    building: 'city',
    full: 'full',
  }
  return known[level]
}

function childrenOf(parent: XmlElement | undefined, namespace: string, name: string): readonly XmlElement[] {
  return parent?.children.filter((child) => child.namespace === namespace && child.name === name) ?? []
}

function childOf(parent: XmlElement | undefined, namespace: string, name: string): XmlElement | undefined {
  return childrenOf(parent, namespace, name)[0]
}

function fail(text: string): never {
  throw new PolicyFault(text)
}
