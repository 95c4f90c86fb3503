/** References of a dialplan: every name has its target, and no two things share an address. */
import { isIP } from 'node:net'
import { faultOfRule, type RuleSettings } from '../../elements/pcrf/index.ts'
import { subscriberKey } from '../../elements/shared/identifiers/devices.ts'
import { type HostPort, type ListeningOptions, type PlanRule, parseUri } from '../../signalling/index.ts'
import { type PlannedElement, parsePlace } from './dialplan.ts'
import type { AddFault, LineOf } from './validate.ts'

interface DialplanReferences {
  readonly elements: readonly PlannedElement[]
  readonly domains: readonly string[]
  readonly listen: readonly ListeningOptions[]
  readonly rules: readonly Pick<PlanRule, 'to' | 'user'>[]
  readonly lineOf: LineOf
  readonly fault: AddFault
}

/** Elements that name a registrar, an HSS or a PCRF, and lists that have the address of a subscriber. */
export function checkReferences(named: DialplanReferences): void {
  for (const { name, role, settings } of named.elements) {
    for (const server of ['hss', 'pcrf'] as const) {
      const uri = settings[server]
      if (typeof uri === 'string') checkServer(named, name, server, uri)
    }
    if (role === 'registration' && typeof settings['registrar'] === 'string') checkRegistrar(named, name, settings['registrar'])
  }
  checkLists(named)
  checkPolicy(named)
}

function checkPolicy({ elements, domains, lineOf, fault }: DialplanReferences): void {
  for (const { name, role, settings } of elements) {
    const rules = role === 'pcrf' ? ((settings['rules'] as readonly RuleSettings[] | undefined) ?? []) : []
    for (const [index, rule] of rules.entries()) {
      const wrong = faultOfRule(rule, domains)
      if (wrong === undefined) continue
      const what = `${name}: ${rule.name ?? `rule ${index + 1}`}: ${wrong.found}`
      fault(lineOf('elements', name, 'rules', index), what, wrong.expected)
    }
  }
}

function checkServer(named: DialplanReferences, name: string, role: 'hss' | 'pcrf', server: string): void {
  const { elements, domains, listen, rules, lineOf, fault } = named
  const what = role.toUpperCase()
  const uri = parseUri(server.includes(':') ? server : (subscriberKey(server, domains) ?? ''))
  if (uri === undefined)
    return fault(lineOf('elements', name, role), `${name} has the ${what} ${server}`, `a URI such as sip:${role}@localhost`)
  const port = uri.port || 5060
  const here = (uri.port === 0 && domains.includes(uri.host)) || listen.some((own) => own.host === uri.host && own.port === port)
  const elsewhere = rules.some(({ to, user }) => to.includes(':') && (user === undefined || [user].flat().includes(uri.user)))
  const ofRole = elements.filter((element) => element.role === role).map((element) => element.name)
  if (!here || elsewhere || ofRole.includes(uri.user)) return
  const expected =
    ofRole.length === 0
      ? `an element of role ${role}, or the URI of one elsewhere`
      : ofRole.map((each) => `sip:${each}@${domains[0]}`).join(' or ')
  fault(lineOf('elements', name, role), `${name} asks the ${what} ${server}, which is no element of role ${role}`, expected)
}

function checkRegistrar({ elements, lineOf, fault }: DialplanReferences, name: string, registrar: string): void {
  const proxies = elements.filter(({ role }) => role === 'proxy').map((element) => element.name)
  if (proxies.includes(registrar)) return
  const expected = proxies.length === 0 ? 'an element of role proxy' : proxies.join(' or ')
  fault(
    lineOf('elements', name, 'registrar'),
    `${name} has the registrar ${registrar}, which is no element of role proxy`,
    expected,
  )
}

function checkLists({ elements, domains, lineOf, fault }: DialplanReferences): void {
  const lists = elements.flatMap(({ name, role, settings }) =>
    role === 'resource-lists' ? Object.keys((settings['lists'] as object | undefined) ?? {}).map((list) => ({ name, list })) : [],
  )
  if (lists.length === 0) return
  const owners = new Map<string | undefined, string>()
  for (const { settings } of elements) {
    const subscribers = settings['subscribers'] as
      | readonly { readonly id: string; readonly aliases?: readonly string[] }[]
      | undefined
    for (const { id, aliases = [] } of subscribers ?? [])
      for (const text of [id, ...aliases]) owners.set(subscriberKey(text, domains), id)
  }
  for (const { name, list } of lists) {
    const owner = owners.get(subscriberKey(list, domains))
    if (owner === undefined) continue
    fault(
      lineOf('elements', name, 'lists', list),
      `the list ${list} has the address of the subscriber ${owner}`,
      'a name that nobody has',
    )
  }
}

/** Why `text` is no address of a peer: it looks like an IP address, and is none. */
export function isBadAddress(text: string): boolean {
  return isIP(text) === 0 && (text.includes(':') || /^[0-9.]+$/.test(text))
}

/** Reads `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::1]:53`, `2001:db8::1`. Undefined where it is no such address. */
export function parseNameServer(text: string): HostPort | undefined {
  if (isIP(text) !== 0) return { host: text, port: 53 }
  const place = parsePlace(/^\[.*\]$/.test(text) ? `${text}:53` : text)
  return place === undefined || isIP(place.host) === 0 || place.port === 0 ? undefined : place
}
