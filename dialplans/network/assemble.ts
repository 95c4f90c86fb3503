/** A dialplan to what runs: its elements, and the plan compiled from their claims and its rules. */
import { join } from 'node:path'
import { roleOf, roles } from '../../elements/catalogue.ts'
import { SettingsError } from '../../elements/shared/values/settings-error.ts'
import {
  compilePlan,
  type Element,
  type HostPort,
  isAnyHost,
  type ListeningOptions,
  machineAddresses,
  type Plan,
  printHostPort,
} from '../../signalling/index.ts'
import type { Dialplan, DialplanFault, ElementSettings, PlannedElement, ValueOrFaults } from './dialplan.ts'
import { elsewhere } from './nodes.ts'
import { viewsOf } from './provisioning.ts'

export interface AssembledNetwork {
  readonly elements: readonly Element[]
  readonly plan: Plan
}

/** Makes the elements of this node, which opens and starts nothing, and compiles the plan of the network for it. */
export function assemble(dialplan: Dialplan): ValueOrFaults<AssembledNetwork> {
  const { file } = dialplan
  const elements: Element[] = []
  const faults: DialplanFault[] = []
  for (const planned of completedElements(dialplan)) {
    const made = makeElement(file, planned)
    if (made.faults === undefined) elements.push(made.value)
    else faults.push(...made.faults)
  }
  if (faults.length > 0) return { faults }
  const placed = elsewhere(dialplan)
  const proxy = dialplan.elements.find(({ role }) => role === 'proxy')?.name
  const compiled = compilePlan({
    rules: dialplan.rules,
    domains: dialplan.domains,
    elements: new Map(elements.map(({ name, claims }) => [name, claims])),
    proxy,
    ownAddresses: dialplan.listen.flatMap(addressesOf),
    elsewhere: placed,
  })
  if (compiled.plan === undefined) return { faults: compiled.faults.map((fault) => ({ file, ...fault })) }
  return { value: { elements: elements.filter(({ name }) => !placed.has(name)), plan: compiled.plan } }
}

/** All that lead to that socket. */
function addressesOf(listen: ListeningOptions): readonly HostPort[] {
  const { host, port, advertise } = listen
  const outer = advertise === undefined ? [] : [{ host: advertise.host, port: advertise.port || port }]
  return [listen, ...outer, ...(isAnyHost(host) ? machineAddresses().map((each) => ({ host: each, port })) : [])]
}

/** The elements with the settings that follow from the others of the dialplan. */
export function completedElements(dialplan: Dialplan): readonly PlannedElement[] {
  return dialplan.elements.map((planned) => completed(planned, dialplan))
}

function completed(planned: PlannedElement, dialplan: Dialplan): PlannedElement {
  const learned = knownTo(planned, dialplan)
  return learned === undefined ? planned : { ...planned, settings: { ...learned, ...planned.settings } }
}

/** Settings that an element learns from the others, unless its own say otherwise. */
function knownTo({ name, role }: PlannedElement, { elements, domains, data, nodes }: Dialplan): ElementSettings | undefined {
  const named = (wanted: string): readonly string[] =>
    elements.filter((other) => other.role === wanted && other.name !== name).map((other) => other.name)
  const uris = (wanted: string): readonly string[] => named(wanted).map((other) => `sip:${other}@${domains[0]}`)
  const askers = elements.map((other) => other.name)
  switch (role) {
    case 'prose':
      return { fellows: uris('prose') }
    case 'application-server':
      return {
        proseServers: uris('prose'),
        prosePlaces: placesOf(named('prose'), nodes, domains),
        listed: elements.some(({ settings }) => settings['mode'] === 'listed'),
      }
    case 'mme':
      return { fellows: uris('mme') }
    case 'proxy':
      return { through: named('mme') }
    case 'pcrf':
      return {
        askers,
        ...(data === 'memory' ? {} : { records: join(data, 'charging') }),
        ...(named('hss').length === 0 ? {} : { hss: uris('hss')[0] }),
      }
    case 'hss':
      return { askers, proxies: named('proxy'), views: viewsOf(elements) } // those are told credentials
    case 'registration':
      return { askers, registrar: named('proxy')[0] ?? 'proxy' } // it reads what that has in its store
    default:
      return undefined
  }
}

/** Addresses at which the other nodes find these elements, by URI. */
function placesOf(
  names: readonly string[],
  nodes: Dialplan['nodes'],
  domains: readonly string[],
): { readonly [uri: string]: string } {
  const places = nodes.flatMap(({ listen, elements }) => {
    const at = listen.find(({ transport }) => transport === 'UDP')
    return at === undefined ? [] : elements.map((name) => [name, printHostPort(at)] as const)
  })
  return Object.fromEntries(
    places.filter(([name]) => names.includes(name)).map(([name, place]) => [`sip:${name}@${domains[0]}`, place]),
  )
}

function makeElement(file: string, { name, role, line, settings }: PlannedElement): ValueOrFaults<Element> {
  const known = roleOf(role)
  if (known === undefined) {
    const expected = `one of ${roles.map((each) => each.role).join(', ')}`
    return { faults: [{ file, line, text: `no element of role ${role} can be made`, expected }] }
  }
  try {
    return { value: known.create(name, settings) }
  } catch (error) {
    // An element refuses settings that the schema admits but that make no sense together.
    return { faults: [settingsFault(file, line, name, error)] }
  }
}

/** The fault of an element whose settings it cannot take. */
export function settingsFault(file: string, line: number, name: string, error: unknown): DialplanFault {
  if (error instanceof SettingsError) return { file, line, text: `${name}: ${error.found}`, expected: error.expected }
  const text = `${name}: ${error instanceof Error ? error.message : String(error)}`
  return { file, line, text, expected: 'settings as dialplan.schema.json describes them; what is right there is a fault of ours' }
}
