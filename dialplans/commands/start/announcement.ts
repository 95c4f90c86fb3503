/** The announcement of a node that starts: addresses, elements and notes for the person in front of it. */
import { type HostPort, type ListeningOptions, printHostPort } from '../../../signalling/index.ts'
import { isAnyHost, isLocalAddress, isLoopback, machineAddresses } from '../../../signalling/tools.ts'
import { type Dialplan, printListen, reachableHost, userOf } from '../../network/dialplan.ts'
import { edgeOf, subscribersOf } from '../../network/roles.ts'

/** Listening addresses, the way to connect a softphone, and `ready`, a line each. */
export function announcement(
  dialplan: Dialplan,
  listening: readonly ListeningOptions[],
  http: HostPort | undefined,
): readonly string[] {
  const lines = [`Proxima, network '${dialplan.name}' from ${dialplan.file}`]
  for (const listen of listening) lines.push(`  listening on ${printListen(listen)}`)
  if (http !== undefined)
    lines.push(`  health and metrics on http://${printHostPort(http)}/health and /metrics, subscribers at /v1`)
  const { node } = dialplan
  const here = dialplan.elements.filter(({ name }) => node === undefined || node.elements.includes(name))
  if (edgeOf(here) !== undefined) lines.push(...softphone(dialplan, listening))
  lines.push(`ready: ${here.map(({ name }) => name).join(', ')} of ${dialplan.domains[0]}`)
  return lines
}

/** The sign-in of one demo subscriber; nothing where passwords are secrets. */
function softphone(dialplan: Dialplan, listening: readonly ListeningOptions[]): readonly string[] {
  const people = subscribersOf(dialplan).filter(hasDemoPassword)
  const first = people[0]
  if (first === undefined) return []
  const user = userOf(first.id)
  const others = people.slice(1).map(({ id }) => userOf(id))
  const lines = [`  to connect a softphone: user ${user}, password ${first.password}, domain ${dialplan.domains[0]}`]
  if (others.length > 0) lines.push(`    (or ${others.join(', ')}, with the password <name>-proxima)`)
  for (const listen of listening) for (const place of placesOf(listen)) lines.push(`    ${proxySetting(listen, place)}`)
  return lines
}

/** Addresses for softphones. Where we listen on any address: those of this machine that others can reach, if there are some. */
function placesOf({ host, port, advertise }: ListeningOptions): readonly HostPort[] {
  if (advertise !== undefined) return [{ host: advertise.host, port: advertise.port || port }]
  const reachable = isAnyHost(host) ? machineAddresses().filter((each) => !isLocalAddress(each)) : []
  const hosts = reachable.filter((each) => host === '::' || !each.includes(':'))
  return (hosts.length === 0 ? [reachableHost(host)] : hosts).map((each) => ({ host: each, port }))
}

function proxySetting({ transport }: ListeningOptions, place: HostPort): string {
  if (transport === 'WS' || transport === 'WSS')
    return `in a browser or with sip.js, WebSocket server ${transport.toLowerCase()}://${printHostPort(place)}`
  return `proxy ${printHostPort(place)}, transport ${transport}`
}

/** `alice-proxima` for alice: known to everybody who has read the README. */
function hasDemoPassword({ id, password }: { readonly id: string; readonly password?: string }): boolean {
  return password === `${userOf(id)}-proxima`
}

/** Why this dialplan must not listen there: an address beyond loopback while a demo password is in use. */
export function exposure(dialplan: Dialplan): string | undefined {
  const open = dialplan.listen.find(({ host }) => !isLoopback(host))
  const demo = subscribersOf(dialplan).find(hasDemoPassword)
  const { http, api } = dialplan
  if (demo !== undefined && http !== undefined && api?.open === true && !isLoopback(http.host)) {
    return `${dialplan.file}: will not serve subscribers on ${printHostPort(http)}, beyond this machine, while ${demo.id} has its demo password; change the passwords or leave api.open out`
  }
  if (open === undefined || demo === undefined) return undefined
  return `${dialplan.file}: will not listen on ${printListen(open)}, beyond this machine, while ${demo.id} has its demo password; change the passwords or listen on 127.0.0.1`
}
