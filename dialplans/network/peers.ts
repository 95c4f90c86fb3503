/** Peers of operators: the names that each gives, and the addresses and domains of those that are in the same dialplan. */
import type { PeerAgreement } from '../../elements/role.ts'
import { pushHost, usualWidths } from '../../elements/shared/identifiers/push.ts'
import { type HostPort, type ListeningOptions, type PeerOperator, printHostPort } from '../../signalling/index.ts'
import { isAnyHost, machineAddresses } from '../../signalling/tools.ts'
import { type Dialplan, type DialplanFault, type PlannedPeer, parsePlace, reachableHost } from './dialplan.ts'
import { edgeOf, pushServersOf } from './roles.ts'
import type { AddFault, LineOf } from './validate.ts'

/** Peers as the schema admits them. */
export interface RawPeers {
  readonly [name: string]: { readonly at?: string } & Pick<PlannedPeer, 'flags' | 'vouches' | 'roaming'>
}

interface PeerReading {
  readonly peers: RawPeers | undefined
  readonly lineOf: LineOf
  readonly fault: AddFault
}

/** The peers that an operator names, by operator or domain. */
export function readPeers({ peers = {}, lineOf, fault }: PeerReading): readonly PlannedPeer[] {
  return Object.entries(peers).map(([name, { at: text, ...agreed }]): PlannedPeer => {
    const line = lineOf('peers', name)
    const at = text === undefined ? undefined : parsePlace(text)
    if (text !== undefined && !at?.port) fault(line, `peers.${name}.at is ${text}`, 'an IP address, and a port from 1 to 65535')
    return { name, line, at, ...agreed }
  })
}

/** Faults of peers: who is nobody, or no other; and operators that none can find. */
export function checkPeers(dialplans: readonly Dialplan[], faults: DialplanFault[]): void {
  for (const dialplan of dialplans) {
    const { file, operator, domains, elements, trusted, peers = [] } = dialplan
    const others = dialplans.filter((each) => each.operator !== operator).flatMap((each) => each.operator ?? [])
    const ways = [...others, 'a domain such as south.example'].join(', ')
    for (const [index, peer] of peers.entries()) {
      const { name, line, at } = peer
      const fault = (text: string, expected: string): void => void faults.push({ file, line, text, expected })
      const met = operatorCalled(name, dialplans)
      const twin = peers.slice(0, index).find((each) => isSamePeer(each.name, name, dialplans))
      if (twin !== undefined) fault(`peers names ${name}, which is ${twin.name} again`, 'each peer once')
      if (at !== undefined) checkAddress(peer, dialplan, dialplans, fault)
      if (name.endsWith('.')) fault(`peers names ${name}, with a dot at its end`, name.replace(/\.+$/, '') || ways)
      else if (name.toLowerCase() === operator || isAmong(name, domains))
        fault(`peers names ${name}, which is this operator itself`, `one of ${ways}`)
      else if (met === undefined && !name.includes('.')) fault(`peers names ${name}, which is no operator here`, `one of ${ways}`)
      else if (met !== undefined && at !== undefined) fault(`peers.${name}.at is of an operator of this dialplan`, 'no address')
      else if (met !== undefined && datagramAddresses(met).length === 0)
        fault(`peers names ${name}, which listens on no port of UDP`, 'udp://address:port in its listen')
      if (at !== undefined && trusted.includes(at.host))
        fault(`trusted has ${at.host}, where the peer ${name} is, whom it would believe in everything`, 'peers alone to name it')
      if (edgeOf(elements) === undefined) fault('peers are met by a proxy, and there is none', 'an element of role proxy')
    }
  }
}

/** Faults of an address at which a peer is believed: it has to be of that peer, and of nobody else. */
function checkAddress(
  { name, at }: PlannedPeer,
  { operator, peers = [], listen, nodes }: Dialplan,
  dialplans: readonly Dialplan[],
  fault: (text: string, expected: string) => void,
): void {
  const text = `peers.${name}.at is ${printHostPort(at!)}`
  const expected = `the address from which ${name} alone sends`
  const isAt = (place: HostPort): boolean => place.host === at!.host && place.port === at!.port
  if (isAnyHost(at!.host)) return fault(`${text}, which is any address`, expected)
  const sockets = [...listen, ...nodes.flatMap((node) => node.listen)]
  if (sockets.some((socket) => placesOf(socket).some(isAt))) fault(`${text}, where this operator itself listens`, expected)
  const other = peers.find((each) => each.name !== name && each.at !== undefined && isAt(each.at))
  if (other !== undefined) fault(`${text}, as that of ${other.name} is`, expected)
  const met = dialplans.find((each) => each.operator !== operator && datagramAddresses(each).some(isAt))
  if (met !== undefined && operatorCalled(name, dialplans) !== met) fault(`${text}, where ${met.operator} is`, expected)
}

/** Whether two names are of one peer: an operator by its name or a domain of it, or one domain in other letters. */
function isSamePeer(a: string, b: string, dialplans: readonly Dialplan[]): boolean {
  const met = operatorCalled(a, dialplans)
  return a.toLowerCase() === b.toLowerCase() || (met !== undefined && met === operatorCalled(b, dialplans))
}

/** Agreements of one side: the other has to name it too. */
export function oneSidedPeers(dialplans: readonly Dialplan[]): readonly DialplanFault[] {
  return dialplans.flatMap((dialplan) =>
    (dialplan.peers ?? []).flatMap(({ name, line, roaming }) => {
      const met = operatorCalled(name, dialplans)
      if (met === undefined) return []
      const back = met.peers?.find((peer) => operatorCalled(peer.name, dialplans) === dialplan)
      if (roaming === true && back !== undefined && back.roaming !== true) {
        const one = `${dialplan.operator} lets users roam with ${name}, which does not say so: none can register through it`
        return [
          { file: dialplan.file, line, text: one, expected: `${dialplan.operator}: { roaming: true } below ${met.operator}` },
        ]
      }
      if (names(met, dialplan)) return []
      const text = `${dialplan.operator} names ${name} as a peer, and is not named by it: they stay strangers`
      return [{ file: dialplan.file, line, text, expected: `peers: { ${dialplan.operator}: {} } below ${met.operator}` }]
    }),
  )
}

/** The dialplan with its peers as they are met now. */
export function withPeers(dialplan: Dialplan, dialplans: readonly Dialplan[]): Dialplan {
  const { met: _, ...others } = dialplan
  const met = peersOf(dialplan, dialplans)
  return met.length === 0 ? others : { ...others, met, agreements: met.map((peer) => agreementWith(peer, dialplan, dialplans)) }
}

/** Flag bits that nobody has named are those of the operator's number. */
function agreementWith({ name, domains }: PeerOperator, dialplan: Dialplan, dialplans: readonly Dialplan[]): PeerAgreement {
  const met = operatorCalled(domains[0]!, dialplans)
  const named = dialplan.peers?.find((peer) => peer.name.toLowerCase() === met?.operator || isAmong(peer.name, domains))
  return {
    name,
    domains,
    flags: flagsOfPeer(named, met, dialplan),
    vouches: named?.vouches ?? [],
    roaming: named?.roaming ?? false,
    servers: met === undefined ? [] : pushServersOf(met),
  }
}

/** Flag bits of a peer's Push identifiers; `met`: its dialplan, where that is known. */
function flagsOfPeer(named: PlannedPeer | undefined, met: Dialplan | undefined, { widths }: Dialplan): readonly string[] {
  if (named?.flags !== undefined || met === undefined) return named?.flags ?? []
  return [(met.flags ?? 0).toString(2).padStart(widths?.operator ?? usualWidths.operator, '0')]
}

/** The peers of an operator as its node knows them: of one dialplan, those who name each other. */
function peersOf(dialplan: Dialplan, dialplans: readonly Dialplan[]): readonly PeerOperator[] {
  return (dialplan.peers ?? []).flatMap((planned): readonly PeerOperator[] => {
    const { name, at } = planned
    const met = operatorCalled(name, dialplans)
    const vouches = hostsVouchedFor(planned, dialplan, dialplans)
    if (met === undefined) return [peerAt(name, [name.toLowerCase()], at === undefined ? [] : [at], vouches)]
    if (!names(met, dialplan)) return []
    return [peerAt(met.operator!, lowerCase(met.domains), datagramAddresses(met), vouches)]
  })
}

/** Push hosts of others whose users may roam in a peer's network: ours by agreement, and of those for whose flag bits it vouches. */
function hostsVouchedFor(
  { name, roaming = false, vouches = [] }: PlannedPeer,
  dialplan: Dialplan,
  dialplans: readonly Dialplan[],
): readonly string[] {
  const others = (dialplan.peers ?? []).filter((peer) => peer.name !== name)
  const vouchedFor = others.flatMap((peer) => {
    const met = operatorCalled(peer.name, dialplans)
    const isMeant = flagsOfPeer(peer, met, dialplan).some((bits) =>
      vouches.some((own) => bits.startsWith(own) || own.startsWith(bits)),
    )
    return isMeant ? lowerCase(met?.domains ?? [peer.name]) : []
  })
  return [...(roaming ? lowerCase(dialplan.domains) : []), ...vouchedFor].map(pushHost)
}

function lowerCase(domains: readonly string[]): readonly string[] {
  return domains.map((each) => each.toLowerCase())
}

function peerAt(
  name: string,
  domains: readonly string[],
  addresses: readonly HostPort[],
  vouches: readonly string[],
): PeerOperator {
  return { name, domains, hosts: domains.map(pushHost), addresses, ...(vouches.length === 0 ? {} : { vouches }) }
}

function names({ peers = [] }: Dialplan, { operator, domains }: Dialplan): boolean {
  return peers.some(({ name }) => name.toLowerCase() === operator || isAmong(name, domains))
}

function operatorCalled(name: string, dialplans: readonly Dialplan[]): Dialplan | undefined {
  const called = name.toLowerCase() // names of operators have no upper case
  return dialplans.find(({ operator, domains }) => operator !== undefined && (operator === called || isAmong(name, domains)))
}

function isAmong(name: string, domains: readonly string[]): boolean {
  return domains.some((domain) => domain.toLowerCase() === name.toLowerCase())
}

/** Sources of an operator's datagrams, first the place of its proxy. */
export function datagramAddresses({ elements, nodes, listen }: Dialplan): readonly HostPort[] {
  const edge = edgeOf(elements)
  const atEdge = nodes.find((node) => edge !== undefined && node.elements.includes(edge))?.listen ?? []
  const sockets = [...atEdge, ...listen, ...nodes.flatMap((node) => node.listen)]
  const places = sockets.filter(({ transport, port }) => isDatagram(transport) && port !== 0).flatMap(placesOf)
  return places.filter(({ host, port }, i) => places.findIndex((each) => each.host === host && each.port === port) === i)
}

function isDatagram(transport: ListeningOptions['transport']): boolean {
  return transport === 'UDP' || transport === 'MEM'
}

function placesOf({ host, port, advertise }: ListeningOptions): readonly HostPort[] {
  const outer = advertise === undefined ? [] : [{ host: advertise.host, port: advertise.port || port }]
  const inner = isAnyHost(host) ? machineAddresses().map((each) => ({ host: each, port })) : []
  return [{ host: reachableHost(host), port }, ...inner, ...outer]
}
