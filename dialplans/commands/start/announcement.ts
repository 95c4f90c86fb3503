/** The announcement of a node that starts: addresses, elements and notes for the person in front of it. */
import { resolve } from 'node:path'
import { type HostPort, type ListeningOptions, printHostPort } from '../../../signalling/index.ts'
import { isAnyHost, isLocalAddress, machineAddresses } from '../../../signalling/tools.ts'
import { type Dialplan, type LabPassword, printListen, reachableHost, userOf } from '../../network/dialplan.ts'
import { edgeOf, subscribersOf } from '../../network/roles.ts'
import { hasDemoPassword } from './exposure.ts'

interface AnnouncedNode {
  readonly listening: readonly ListeningOptions[]
  /** Carrier of datagrams, in words. */
  readonly carrier: string
  readonly http: HostPort | undefined
  /** The lines go to where others than who starts it read them. */
  readonly isKept?: boolean
}

/** Listening addresses, the way to connect a softphone, and `ready`, a line each. */
export function announcement(dialplan: Dialplan, { listening, carrier, http, isKept = false }: AnnouncedNode): readonly string[] {
  const lines = [`Proxima, network '${dialplan.name}' from ${dialplan.file}`]
  for (const listen of listening) lines.push(`  listening on ${printListen(listen)}`)
  if (listening.some(({ transport }) => transport === 'UDP')) lines.push(`  datagrams by ${carrier}`)
  if (http !== undefined)
    lines.push(`  health and metrics on http://${printHostPort(http)}/health and /metrics, subscribers at /v1`)
  const { node, data } = dialplan
  lines.push(data === 'memory' ? '  state in memory alone' : `  state in ${resolve(data)}`)
  const here = dialplan.elements.filter(({ name }) => node === undefined || node.elements.includes(name))
  if (edgeOf(here) !== undefined) lines.push(...softphone(dialplan, listening, isKept))
  lines.push(`ready: ${here.map(({ name }) => name).join(', ')} of ${dialplan.domains[0]}`)
  return lines
}

/** The sign-in of demo subscribers, and of those with the lab's password; nothing where passwords are secrets. */
function softphone(dialplan: Dialplan, listening: readonly ListeningOptions[], isKept: boolean): readonly string[] {
  const { lab, domains } = dialplan
  const all = subscribersOf(dialplan)
  const people = lab === undefined ? all.filter(hasDemoPassword) : all.filter(({ password }) => password === lab.password)
  const first = people[0]
  if (first === undefined) return []
  const user = userOf(first.id)
  const others = people.slice(1).map(({ id }) => userOf(id))
  const password = lab === undefined ? first.password : passwordOfLab(lab, isKept)
  const lines = [`  to connect a softphone: user ${user}, password ${password}, domain ${domains[0]}`]
  const theirs = lab === undefined ? 'the password <name>-proxima' : 'the same password'
  if (others.length > 0) lines.push(`    (or ${others.join(', ')}, with ${theirs})`)
  for (const listen of listening) for (const place of placesOf(listen)) lines.push(`    ${proxySetting(listen, place)}`)
  return lines
}

/** The password itself is told by the start that makes it, unless what we say is kept in the system's journal. */
function passwordOfLab({ password, source, isNew }: LabPassword, isKept: boolean): string {
  return isNew && !isKept ? `${password} (told once; it stays in ${source})` : `as ${source} has it`
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
