/** Role `proxy`: the proxy as a dialplan has it. */
import { othersOf, type Role } from '../role.ts'
import { numberedServers, wakingProviders } from '../shared/values/push-servers.ts'
import { createProxy } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { ProxySettings } from './settings-type.ts'

export const proxyRole: Role<ProxySettings> = {
  role: 'proxy',
  schema,
  single: true,
  edge: true,
  servers: ['hss'],
  learns: (network) => {
    const servers = network.elements.filter(({ role }) => role === 'push')
    const push = numberedServers(network, servers).map((server, at) => ({
      ...server,
      wakes: wakingProviders(servers[at]!.settings),
    }))
    return { through: othersOf(network, 'mme'), stations: othersOf(network, 'ran'), push }
  },
  create: createProxy,
}
