/** Assembles a dialplan: its elements, and the plan compiled from their claims and its rules. */
import { roleOf, roles } from '../../elements/catalogue.ts'
import { SettingsError } from '../../elements/shared/values/settings-error.ts'
import {
  compilePlan,
  type Element,
  type HostPort,
  instancesOf,
  type ListeningOptions,
  type Placement,
  type Plan,
} from '../../signalling/index.ts'
import { isAnyHost, machineAddresses } from '../../signalling/tools.ts'
import type { Dialplan, DialplanFault, PlannedElement, ValueOrFaults } from './dialplan.ts'
import { placementOf } from './nodes.ts'
import { completedElements, edgeOf } from './roles.ts'

export interface AssembledNetwork {
  readonly elements: readonly Element[]
  readonly plan: Plan
  /** Undefined: this node runs all elements. */
  readonly placement?: Placement | undefined
}

/**
 * Makes the elements of this node, which opens and starts nothing, and compiles the plan of the network for it.
 * @param given where the elements are, if not where the dialplan's `nodes` have them
 */
export function assemble(dialplan: Dialplan, given?: Placement): ValueOrFaults<AssembledNetwork> {
  const { file } = dialplan
  const elements: Element[] = []
  const faults: DialplanFault[] = []
  const placement = given ?? placementOf(dialplan)
  const claims = new Map<string, Element['claims']>()
  for (const planned of completedElements(dialplan)) {
    for (const name of instancesOf(planned.name, placement?.partitionsOf(planned.name) ?? 1)) {
      const made = name === planned.name || isParted(planned) ? makeElement(file, { ...planned, name }) : noParts(file, planned)
      if (made.faults !== undefined) faults.push(...made.faults)
      else {
        elements.push(made.value)
        claims.set(planned.name, made.value.claims)
      }
    }
  }
  if (faults.length > 0) return { faults }
  const compiled = compilePlan({
    rules: dialplan.rules,
    domains: dialplan.domains,
    elements: claims,
    proxy: edgeOf(dialplan.elements),
    ownAddresses: dialplan.listen.flatMap(addressesOf),
    ...(placement === undefined ? {} : { placement }),
    peers: dialplan.met ?? [],
  })
  if (compiled.plan === undefined) return { faults: compiled.faults.map((fault) => ({ file, ...fault })) }
  const own = elements.filter(({ name }) => placement?.placeOf(name) === undefined)
  return { value: { elements: own, plan: compiled.plan, placement } }
}

/** All that lead to that socket. */
function addressesOf(listen: ListeningOptions): readonly HostPort[] {
  const { host, port, advertise } = listen
  const outer = advertise === undefined ? [] : [{ host: advertise.host, port: advertise.port || port }]
  return [listen, ...outer, ...(isAnyHost(host) ? machineAddresses().map((each) => ({ host: each, port })) : [])]
}

/** Whether the role of that element may run as several instances, each for a partition of its users. */
function isParted({ role }: PlannedElement): boolean {
  return roleOf(role)?.partitioned === true
}

function noParts(file: string, { name, role, line }: PlannedElement): ValueOrFaults<Element> {
  const text = `${name} is in partitions, and an element of role ${role} is one for all users`
  return { faults: [{ file, line, text, expected: 'one instance of it' }] }
}

function makeElement(file: string, { name, role, line, settings }: PlannedElement): ValueOrFaults<Element> {
  const found = roleOf(role)
  if (found === undefined) {
    const expected = `one of ${roles.map((each) => each.role).join(', ')}`
    return { faults: [{ file, line, text: `no element of role ${role} can be made`, expected }] }
  }
  try {
    return { value: found.create(name, settings) }
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
