/** Roles `msc` and `sgsn`: the core network of the circuit- and of the packet-switched domain, as a dialplan has it. */
import { othersOf, type Role } from '../role.ts'
import { createCoreNetwork } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { CoreNetworkSettings } from './settings-type.ts'

const learns: Role<CoreNetworkSettings>['learns'] = (network) => {
  const [ran] = othersOf(network, 'ran')
  const gmlcs = othersOf(network, 'gmlc')
  const [gmlc] = gmlcs
  const [registration] = othersOf(network, 'registration')
  return {
    gmlcs,
    ...(ran === undefined ? {} : { ran }),
    ...(gmlc === undefined ? {} : { gmlc }),
    ...(registration === undefined ? {} : { registration }),
  }
}
const common = { schema, servers: ['hss', 'ran', 'gmlc', 'registration'], learns } as const

export const mscRole: Role<CoreNetworkSettings> = {
  ...common,
  role: 'msc',
  schema: { ...schema, title: 'MSC' },
  create: (name, settings) => createCoreNetwork(name, settings, 'cs'),
}

export const sgsnRole: Role<CoreNetworkSettings> = {
  ...common,
  role: 'sgsn',
  schema: { ...schema, title: 'SGSN' },
  create: (name, settings) => createCoreNetwork(name, settings, 'ps'),
}
