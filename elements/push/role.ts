/** Role `push`: the Push server as a dialplan has it. */
import { othersOf, type Role } from '../role.ts'
import { numberedServers } from '../shared/values/push-servers.ts'
import { applicationRoutes } from './application-routes.ts'
import { createPush, type PushServer, pushRoutes } from './index.ts'
import { operationRoutes } from './operation-routes.ts'
import schema from './settings.json' with { type: 'json' }
import type { PushSettings } from './settings-type.ts'

export const pushRole: Role<PushSettings, PushServer> = {
  role: 'push',
  schema,
  servers: ['hss', 'addressbook', 'pcrf'],
  serverNumber: ({ server = 0 }) => server,
  learns: (network) => {
    const { agreements, elements, flags, self, widths } = network
    const others = elements.filter(({ name, role }) => role === 'push' && name !== self)
    const peers = agreements.map(({ name: _, ...agreed }) => agreed)
    const [addressbook] = othersOf(network, 'addressbook')
    const [routes] = othersOf(network, 'pushroutes')
    const [smsc] = othersOf(network, 'smsc')
    return {
      ...{ flags, widths, proxies: othersOf(network, 'proxy'), servers: numberedServers(network, others) },
      ...(peers.length === 0 ? {} : { peers }),
      ...(addressbook === undefined ? {} : { addressbook }),
      ...(routes === undefined ? {} : { routes }),
      ...(smsc === undefined ? {} : { smsc }),
    }
  },
  faults: ({ server = 0 }, { elements, self, widths }) => {
    const twin = elements.find(
      ({ name, role, settings }) => role === 'push' && name < self && (settings['server'] ?? 0) === server,
    )
    if (twin !== undefined)
      return [
        {
          path: ['server'],
          text: `server is ${server}, as ${twin.name} has it`,
          expected: 'a number of its own for each Push server',
        },
      ]
    if (server < 2 ** widths.server) return []
    return [
      {
        path: ['server'],
        text: `server is ${server}`,
        expected: `a number below ${2 ** widths.server}, for ${widths.server} bits`,
      },
    ]
  },
  routes: (servers) => [...applicationRoutes(servers), ...operationRoutes(servers), ...pushRoutes(servers)],
  create: createPush,
}
