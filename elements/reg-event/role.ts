/** Role `registration`: the notifier of registrations as a dialplan has it. */
import { type Network, namingsIn, othersOf, type Role, type RoleFault } from '../role.ts'
import { createRegistration } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { RegEventSettings } from './settings-type.ts'

export const regEventRole: Role<RegEventSettings> = {
  role: 'registration',
  schema,
  servers: ['hss'],
  namings: ({ askers }) => namingsIn(askers, 'askers'),
  learns: (network) => ({ askers: network.elements.map(({ name }) => name), registrar: usualRegistrar(network) }),
  faults: (settings, network) => [...unknownRegistrar(settings, network), ...distantRegistrar(settings, network)],
  create: createRegistration,
}

const registrarRole = 'proxy'

function usualRegistrar(network: Network): string {
  return othersOf(network, registrarRole)[0] ?? registrarRole
}

function unknownRegistrar({ registrar }: RegEventSettings, network: Network): readonly RoleFault[] {
  const proxies = othersOf(network, registrarRole)
  if (registrar === undefined || proxies.includes(registrar)) return []
  const text = `${network.self} has the registrar ${registrar}, which is no element of role ${registrarRole}`
  return [{ path: ['registrar'], text, expected: proxies.join(' or ') || `an element of role ${registrarRole}` }]
}

/** A registrar at another node: its store cannot be read. */
function distantRegistrar({ registrar }: RegEventSettings, network: Network): readonly RoleFault[] {
  const name = registrar ?? usualRegistrar(network)
  const [node, ...others] = network.nodes.filter(({ elements }) => elements.includes(network.self))
  if (node === undefined || others.length > 0 || node.elements.includes(name)) return []
  return [{ path: [], text: `${network.self} is not at the node of its registrar ${name}`, expected: 'both at one node' }]
}
