/** References of a dialplan: every name has its target, and no two things share an address. */
import { isIP } from 'node:net'
import { roleOf } from '../../elements/catalogue.ts'
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

/** Elements that name an HSS, a PCRF or another server of the network. */
export function checkReferences(named: DialplanReferences): void {
  for (const { name, role, settings } of named.elements) {
    for (const server of roleOf(role)?.servers ?? []) {
      const uri = settings[server]
      if (typeof uri === 'string') checkServer(named, name, server, uri)
    }
  }
}

/** @param role of that server, which is also the name of the setting */
function checkServer(named: DialplanReferences, name: string, role: string, server: string): void {
  const { elements, domains, listen, rules, lineOf, fault } = named
  const what = roleOf(role)?.schema.title ?? role
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
