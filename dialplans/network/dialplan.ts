/** A network as data: the content of a dialplan file, checked and with its lines remembered. */

import { isIPv6 } from 'node:net'
import type { PeerAgreement } from '../../elements/role.ts'
import type { FlagWidths } from '../../elements/shared/identifiers/push.ts'
import {
  type ConnectionSettings,
  type HostPort,
  type ListeningOptions,
  type PeerOperator,
  type PlanRule,
  plainHost,
  printHostPort,
  type RateSettings,
} from '../../signalling/index.ts'
import { isAnyHost } from '../../signalling/tools.ts'

/** Settings as the schema admits them for the element's role. */
export type ElementSettings = { readonly [name: string]: unknown }

export interface PlannedElement {
  readonly name: string
  readonly role: string
  readonly line: number
  readonly settings: ElementSettings
}

export interface RateLimitSettings {
  /** For each source address that is not trusted. */
  readonly source?: RateSettings
  /** Of one subscriber, elements of this node apart. */
  readonly subscriptions?: number
  /** Of all users of one peer together. */
  readonly peer?: { readonly subscriptions?: number; readonly pending?: number }
  /** NOTIFYs to one subscriber, elements of this node apart. */
  readonly notifies?: RateSettings
}

/** Paths of PEM files, and demands on peers that connect. */
export interface TlsFiles {
  readonly certificate: string
  readonly key: string
  readonly authorities?: string
  readonly requireClient?: boolean
}

/** Destination of copies of messages: a HEP version 3 collector, over UDP. */
export interface CaptureSettings {
  readonly hep?: HostPort
  /** Hides digest responses and other secrets. */
  readonly mask?: boolean
}

/** One process of a network of several. */
export interface PlannedNode {
  readonly name: string
  readonly line: number
  readonly listen: readonly ListeningOptions[]
  readonly http: HostPort | undefined
  readonly data: string
  /** Names of the elements that it runs. */
  readonly elements: readonly string[]
}

/** Another operator by agreement, as the dialplan names it. */
export interface PlannedPeer {
  /** Of an operator of the same dialplan, or a domain. */
  readonly name: string
  readonly line: number
  /** Place of its proxy; undefined: as the dialplan has it, or as the domain is looked up. */
  readonly at: HostPort | undefined
  /** Flag bits of its Push identifiers, and of others for which it may vouch. */
  readonly flags?: readonly string[]
  readonly vouches?: readonly string[]
  /** Users of each may register through the other. */
  readonly roaming?: boolean
}

/** The network of one operator; of a file with several, each has its own. */
export interface Dialplan {
  /** Path of the file, as given. */
  readonly file: string
  /** Its name among several; undefined: it is alone. */
  readonly operator?: string
  readonly name: string
  readonly domains: readonly string[]
  readonly listen: readonly ListeningOptions[]
  readonly tls: TlsFiles | undefined
  readonly http: HostPort | undefined
  readonly capture?: CaptureSettings
  /** The interface to subscribers at `http`. `token`: instead of the one in the data folder; `open`: beyond this machine. */
  readonly api?: { readonly token?: string; readonly open?: boolean }
  /** Folder relative to the working directory, or `memory`. */
  readonly data: string
  /** IP addresses, and domains that peers prove by certificate. */
  readonly trusted: readonly string[]
  readonly peers?: readonly PlannedPeer[]
  /** Peers as the node knows them, by domains and addresses. Left out: there are none. */
  readonly met?: readonly PeerOperator[]
  /** The same peers as elements know them. */
  readonly agreements?: readonly PeerAgreement[]
  /** Number of the operator in its Push identifiers; left out: 0. */
  readonly flags?: number
  /** Bits of Push identifiers that name operator and server. */
  readonly widths?: Partial<FlagWidths>
  readonly limits: RateLimitSettings
  readonly connections: ConnectionSettings
  readonly dns?: { readonly servers?: readonly string[] }
  readonly elements: readonly PlannedElement[]
  /** Processes that the network may be split into; none: it is one. */
  readonly nodes: readonly PlannedNode[]
  /** Of them the one that this is about; undefined: all in one process. */
  readonly node?: PlannedNode
  /** Undefined: derived from the elements' claims. */
  readonly rules: readonly PlanRule[] | undefined
  /** Notes on possible mistakes. */
  readonly notes?: readonly DialplanFault[]
  /** Password that subscribers without one of their own have been given. */
  readonly lab?: LabPassword
}

export interface LabPassword {
  readonly password: string
  /** The file that keeps it, or the variable of the environment that it came by. */
  readonly source: string
  /** Made by this process. */
  readonly isNew: boolean
}

/** One thing wrong with a file; printed as one line. */
export interface DialplanFault {
  readonly file: string
  /** 1 or more; 0 where no line is to blame. */
  readonly line: number
  readonly text: string
  readonly expected: string
}

export type ValueOrFaults<Value> =
  | { readonly value: Value; readonly faults?: undefined }
  | { readonly faults: readonly DialplanFault[] }

export function printFault({ file, line, text, expected }: DialplanFault): string {
  return `${line > 0 ? `${file}:${line}` : file}: ${text}; expected ${expected}`
}

/** A person who may sign in, as far as the command line cares. */
export interface DialplanSubscriber {
  readonly id: string
  readonly password?: string
}

/** `alice` of `sip:alice@localhost`. */
export function userOf(id: string): string {
  return id.slice(id.indexOf(':') + 1).split('@')[0]!
}

/** Reads `udp://127.0.0.1:5060`, `wss://[::1]:8443`. Undefined where the text is no such address. */
export function parseListen(text: string): ListeningOptions | undefined {
  const match = /^(udp|tcp|tls|ws|wss):\/\/(.+)$/i.exec(text)
  const place = match === null ? undefined : parsePlace(match[2]!)
  return place && { transport: match![1]!.toUpperCase() as ListeningOptions['transport'], ...place }
}

/** Reads `127.0.0.1:8080` or `[::1]:8080`; equal addresses read the same. Undefined where the text is no such address. */
export function parsePlace(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65535 || (match[1] !== undefined && !isIPv6(match[1]))) return undefined
  return { host: plainHost((match[1] ?? match[2])!), port }
}

/** Reads `203.0.113.7`, `sip.example.com:5061`, `[2001:db8::7]`: port 0 where there is none. Undefined where it is no such place. */
export function parseOuter(text: string): HostPort | undefined {
  const place = parsePlace(text) ?? parsePlace(`${text}:0`)
  return place && !isAnyHost(place.host) ? { host: place.host.toLowerCase(), port: place.port } : undefined
}

/** The host by which the same machine reaches a listener: one address where that listens on any. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/** As `parseListen` reads it: port 0, which is any free one, too. */
export function printListen(listen: ListeningOptions): string {
  return `${listen.transport.toLowerCase()}://${printHostPort(listen)}${listen.port === 0 ? ':0' : ''}`
}
