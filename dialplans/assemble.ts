/** A dialplan to what runs: its elements, and the plan compiled from their claims and its rules. */
import { join } from 'node:path'
import { catalogue } from '../elements/catalogue.ts'
import { compilePlan, type Element, type Plan } from '../signalling/index.ts'
import type { Dialplan, Fault, Outcome, PlannedElement } from './dialplan.ts'
import { elsewhere } from './nodes.ts'

export interface Assembled {
  readonly elements: readonly Element[]
  readonly plan: Plan
}

/** Makes the elements of this node, which opens and starts nothing, and compiles the plan of the network for it. */
export function assemble(dialplan: Dialplan): Outcome<Assembled> {
  const { file } = dialplan
  const elements: Element[] = []
  const faults: Fault[] = []
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
    ownAddresses: dialplan.listen,
    elsewhere: placed,
  })
  if (compiled.plan === undefined) return { faults: compiled.faults.map((fault) => ({ file, ...fault })) }
  return { value: { elements: elements.filter(({ name }) => !placed.has(name)), plan: compiled.plan } }
}

/** The elements with the settings that follow from the others of the dialplan. */
export function completedElements(dialplan: Dialplan): readonly PlannedElement[] {
  return dialplan.elements.map((planned) => completed(planned, dialplan))
}

/**
 * Who is not told who may ask answers every element of its dialplan. An HSS tells credentials to the proxies; the
 * notifier of registrations reads those of the proxy. ProSe servers know each other, and so do MMEs; application servers know all of
 * the former, proxies all of the latter.
 */
function completed(planned: PlannedElement, { elements, domains, data }: Dialplan): PlannedElement {
  if (planned.role === 'prose' || planned.role === 'application-server') {
    const servers = elements.filter(({ name, role }) => role === 'prose' && name !== planned.name)
    const uris = servers.map(({ name }) => `sip:${name}@${domains[0]}`)
    const known = planned.role === 'prose' ? { fellows: uris } : { proseServers: uris }
    return { ...planned, settings: { ...known, ...planned.settings } }
  }
  if (planned.role === 'mme') {
    const others = elements.filter(({ name, role }) => role === 'mme' && name !== planned.name)
    return { ...planned, settings: { fellows: others.map(({ name }) => `sip:${name}@${domains[0]}`), ...planned.settings } }
  }
  if (planned.role === 'proxy') {
    const mmes = elements.filter(({ role }) => role === 'mme').map(({ name }) => name)
    return mmes.length === 0 ? planned : { ...planned, settings: { through: mmes, ...planned.settings } }
  }
  const askers = elements.map(({ name }) => name)
  if (planned.role === 'pcrf') {
    const records = data === 'memory' ? {} : { records: join(data, 'charging') }
    return { ...planned, settings: { askers, ...records, ...planned.settings } }
  }
  if (planned.role !== 'hss' && planned.role !== 'registration') return planned
  const proxies = elements.filter(({ role }) => role === 'proxy').map(({ name }) => name)
  const [registrar = 'proxy'] = proxies
  const known = planned.role === 'hss' ? { askers, proxies } : { askers, registrar }
  return { ...planned, settings: { ...known, ...planned.settings } }
}

function makeElement(file: string, { name, role, line, settings }: PlannedElement): Outcome<Element> {
  const make = catalogue[role]
  if (make === undefined) {
    const expected = `one of ${Object.keys(catalogue).join(', ')}`
    return { faults: [{ file, line, text: `no element of role ${role} can be made`, expected }] }
  }
  try {
    return { value: make(name, settings) }
  } catch (error) {
    // An element refuses settings that the schema admits but that make no sense together.
    const text = `${name}: ${error instanceof Error ? error.message : String(error)}`
    return { faults: [{ file, line, text, expected: `settings that the role ${role} can work with` }] }
  }
}
