/** Role of a network element: all that a network has to know about it. */
import type { Element, HostPort } from '../signalling/index.ts'
import type { SubscriberSettings } from './schemas/index.ts'
import type { HttpRoute } from './shared/http/route.ts'
import type { FlagRoute } from './shared/identifiers/flag-table.ts'
import type { FlagWidths } from './shared/identifiers/push.ts'

/** JSON Schema (draft 7) of a role's settings, without `role` itself. Its title and description name the element for people. */
interface SettingsSchema {
  readonly title: string
  /** Plain text for the table of elements in `dialplans/README.md` and for editors. */
  readonly description: string
  readonly properties: { readonly [setting: string]: object }
  readonly required?: readonly string[]
  /** Parts of it, which the schema of dialplans has under the same names. */
  readonly definitions?: { readonly [name: string]: object }
}

/** Steps from an element's settings to a value in them. */
export type SettingsPath = readonly (string | number)[]

/** A fault of settings that the schema admits: its text, its place, and the expectation. */
export interface RoleFault {
  /** Empty: the element itself. */
  readonly path: SettingsPath
  readonly text: string
  readonly expected: string
}

/** A place in settings that names a subscriber, by any identifier. */
export interface SubscriberNaming {
  readonly name: string
  readonly path: SettingsPath
}

/** Subscribers that an element knows. */
export interface KnownSubscribers {
  readonly listed: readonly SubscriberSettings[]
  /** Every user of the network's domains is one. */
  readonly everybody: boolean
}

/** An element of a network, with the settings that the dialplan gives it. */
interface NetworkElement {
  readonly name: string
  readonly role: string
  readonly settings: { readonly [setting: string]: unknown }
}

/** One process of a network of several. */
interface NetworkNode {
  /** Address at which the other nodes find it. Undefined: none, which is a fault of the dialplan. */
  readonly at: HostPort | undefined
  /** Names of the elements that it runs. */
  readonly elements: readonly string[]
}

/** The agreement with another operator, as elements have to know it. */
export interface PeerAgreement {
  readonly name: string
  /** Lower case. */
  readonly domains: readonly string[]
  /** Flag bits of its Push identifiers, such as `01`; none: any are believed to be its. */
  readonly flags: readonly string[]
  /** Flag bits of others' Push identifiers for which it may vouch. */
  readonly vouches: readonly string[]
  /** Users of each may register through the other. */
  readonly roaming: boolean
  /** Its Push servers, where they are known one by one. */
  readonly servers: readonly FlagRoute[]
}

/** A network as one of its elements sees it. */
export interface Network {
  /** Name of that element. */
  readonly self: string
  readonly domains: readonly string[]
  /** Folder for durable state, relative to the working directory, or `memory`. */
  readonly data: string
  readonly elements: readonly NetworkElement[]
  /** None: it is one process. */
  readonly nodes: readonly NetworkNode[]
  /** Subscribers that its elements know. */
  readonly subscribers: readonly SubscriberSettings[]
  /** Number of its operator in Push identifiers, and the bits of these that name operator and server. */
  readonly flags: number
  readonly widths: FlagWidths
  readonly agreements: readonly PeerAgreement[]
}

/**
 * One role that an element may have. Its schema admits the settings, and `learns` completes them.
 * An element's folder names the roles that it works with; no other place spells a role.
 */
export interface Role<Settings extends object = object, Made extends Element = Element> {
  /** Name of the role in a dialplan. */
  readonly role: string
  readonly schema: SettingsSchema
  /** A network has one at most. */
  readonly single?: boolean
  /** It may run as several instances, each for a partition of its users: it asks `Host.owns`. Left out: it is one. */
  readonly partitioned?: boolean
  /** Its number in the flag bits of Push identifiers, where it has identifiers of its own. */
  serverNumber?(settings: Settings): number
  /** UEs and strangers enter the network by it. */
  readonly edge?: boolean
  /** Settings that name an element by its URI, each called as the role of that element. */
  readonly servers?: readonly string[]
  /** Setting that names a file -> the setting, a list, whose further items are in that file. */
  readonly files?: { readonly [setting: string]: string }
  /** Subscribers that its settings bring; left out: it keeps none. */
  subscribers?(settings: Settings): KnownSubscribers
  /** Settings in which subscribers without a secret of their own have that password; undefined: they ask for none. */
  withLabPassword?(settings: Settings, password: () => string): Settings | undefined
  /** Subscribers that its settings name: a stranger among them gets a note. */
  namings?(settings: Settings): readonly SubscriberNaming[]
  /** Settings that follow from the network, unless the dialplan has others. */
  learns?(network: Network): Partial<Settings>
  /** Faults of its settings, by themselves and within the network. */
  faults?(settings: Settings, network: Network): readonly RoleFault[]
  /** Resources below `/v1` that its elements in one node serve together. Without any of them, the routes describe themselves only. */
  routes?(elements: readonly Made[]): readonly HttpRoute[]
  /** Makes an element of the name that it has in the dialplan. Throws a `SettingsError` where the settings contradict each other. */
  create(name: string, settings: Settings): Made
}

/** Names of the other elements of that role. */
export function othersOf({ self, elements }: Network, role: string): readonly string[] {
  return elements.filter((other) => other.role === role && other.name !== self).map(({ name }) => name)
}

/** SIP URI of an element of that name. */
export function uriOf({ domains }: Network, name: string): string {
  return `sip:${name}@${domains[0]}`
}

/** Each name of a list in settings, with its place. */
export function namingsIn(names: readonly string[] = [], ...path: SettingsPath): readonly SubscriberNaming[] {
  return names.map((name, index) => ({ name, path: [...path, index] }))
}
