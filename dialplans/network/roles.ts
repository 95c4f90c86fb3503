/** Roles of a dialplan's elements: the network as each of them sees it, and the settings that follow. */
import { roleOf } from '../../elements/catalogue.ts'
import type { KnownSubscribers, Network, Role, RoleFault } from '../../elements/role.ts'
import type { FlagRoute } from '../../elements/shared/identifiers/flag-table.ts'
import { flagBits, usualWidths } from '../../elements/shared/identifiers/push.ts'
import { elementOfInstance } from '../../signalling/index.ts'
import type { Dialplan, DialplanSubscriber, ElementSettings, PlannedElement } from './dialplan.ts'

type PlannedNetwork = Pick<Dialplan, 'elements' | 'domains' | 'data' | 'nodes' | 'flags' | 'widths' | 'agreements'>

/** The element of a dialplan that an instance is of. */
export function plannedOf({ elements }: Pick<Dialplan, 'elements'>, instance: string): PlannedElement | undefined {
  const own = elementOfInstance(instance)
  return elements.find(({ name }) => name === own)
}

/** Undefined: no element is one by which UEs and strangers enter. */
export function edgeOf(elements: readonly PlannedElement[]): string | undefined {
  return elements.find(({ role }) => roleOf(role)?.edge === true)?.name
}

/** Routes to the elements of an operator that have Push identifiers of their own. */
export function pushServersOf({ domains, elements, flags = 0, widths }: PlannedNetwork): readonly FlagRoute[] {
  return elements.flatMap(({ name, role, settings }) => {
    const server = roleOf(role)?.serverNumber?.(settings)
    if (server === undefined) return []
    return [{ flags: flagBits({ operator: flags, server }, { ...usualWidths, ...widths }), server: `sip:${name}@${domains[0]}` }]
  })
}

/** Subscribers that an element brings; undefined: its role keeps none. */
export function subscribersIn({ role, settings }: PlannedElement): KnownSubscribers | undefined {
  return roleOf(role)?.subscribers?.(settings)
}

/** All subscribers of all elements that keep some. */
export function subscribersOf({ elements }: Pick<Dialplan, 'elements'>): readonly DialplanSubscriber[] {
  return elements.flatMap((element) => subscribersIn(element)?.listed ?? [])
}

/** The elements with the settings that follow from the network. */
export function completedElements(dialplan: PlannedNetwork): readonly PlannedElement[] {
  const views = viewsOfNetwork(dialplan)
  return dialplan.elements.map((planned) => {
    const learned = roleOf(planned.role)?.learns?.(views(planned))
    return learned === undefined ? planned : { ...planned, settings: { ...(learned as ElementSettings), ...planned.settings } }
  })
}

/** A fault of an element's settings. */
interface PlacedRoleFault extends RoleFault {
  readonly element: PlannedElement
}

/** Faults that the roles find in the settings of their elements. */
export function roleFaults(dialplan: PlannedNetwork): readonly PlacedRoleFault[] {
  const views = viewsOfNetwork(dialplan)
  return dialplan.elements.flatMap((element) => {
    const role: Role | undefined = roleOf(element.role)
    const faults = role?.faults?.(element.settings, views(element)) ?? []
    return faults.map((fault) => ({ ...fault, element }))
  })
}

/** Further elements of roles of which a network has one. */
export function surplusElements(elements: readonly PlannedElement[]): readonly PlannedElement[] {
  return elements.filter(
    ({ role }, index) => roleOf(role)?.single === true && elements.findIndex((other) => other.role === role) < index,
  )
}

function viewsOfNetwork(network: PlannedNetwork): (from: PlannedElement) => Network {
  const { agreements = [], data, domains, elements, flags = 0, nodes } = network
  const widths = { ...usualWidths, ...network.widths }
  const subscribers = elements.flatMap((element) => subscribersIn(element)?.listed ?? [])
  const places = nodes.map((node) => ({
    at: node.listen.find(({ transport }) => transport === 'UDP'),
    elements: node.elements,
  }))
  return ({ name }) => ({ self: name, domains, data, elements, nodes: places, subscribers, flags, widths, agreements })
}
