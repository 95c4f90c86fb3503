/** Role `proxy`: the proxy as a dialplan has it. */
import { othersOf, type Role } from '../role.ts'
import { numberedServers } from '../shared/values/push-servers.ts'
import { createProxy } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { ProxySettings } from './settings-type.ts'

export const proxyRole: Role<ProxySettings> = {
  role: 'proxy',
  schema,
  single: true,
  edge: true,
  servers: ['hss'],
  learns: (network) => ({
    through: othersOf(network, 'mme'),
    push: numberedServers(
      network,
      network.elements.filter(({ role }) => role === 'push'),
    ),
  }),
  create: createProxy,
}
