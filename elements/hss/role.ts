/** Role `hss`: the HSS as a dialplan has it. */
import { type Network, namingsIn, othersOf, type Role, type SettingsPath, type SubscriberNaming } from '../role.ts'
import type { ServerSettings, SubscriberSettings } from '../schemas/index.ts'
import { usualView } from '../shared/identifiers/element-names.ts'
import { createHss, type Hss, type HssSettings } from './index.ts'
import { faultsOfSubscribers } from './owners.ts'
import { hssRoutes } from './routes.ts'
import schema from './settings.json' with { type: 'json' }

export const hssRole: Role<HssSettings, Hss> = {
  role: 'hss',
  schema,
  single: true,
  files: { provisioning: 'subscribers' },
  subscribers: ({ subscribers = [], open = false }) => ({ listed: subscribers, everybody: open }),
  withLabPassword: ({ labPassword, subscribers = [], ...settings }, password) =>
    labPassword === true
      ? { ...settings, labPassword, subscribers: subscribers.map((each) => withPassword(each, password)) }
      : undefined,
  namings: ({ servers, subscribers = [] }) => [
    ...namingsOfServers(servers, 'servers'),
    ...subscribers.flatMap((subscriber, index) => namingsOfSubscriber(subscriber, 'subscribers', index)),
  ],
  learns: (network) => ({
    askers: network.elements.map(({ name }) => name),
    proxies: gatewaysOf(network), // these are told credentials
    views: viewsIn(network),
  }),
  faults: ({ subscribers = [] }, network) => faultsOfSubscribers(subscribers, network, viewsIn(network)),
  routes: hssRoutes,
  create: createHss,
}

/** Elements by which users come: proxies, or Push servers where there is none. */
function gatewaysOf(network: Network): readonly string[] {
  const proxies = othersOf(network, 'proxy')
  return proxies.length > 0 ? proxies : othersOf(network, 'push')
}

function withPassword(subscriber: SubscriberSettings, password: () => string): SubscriberSettings {
  const isOwn = subscriber.password !== undefined || subscriber.credentials !== undefined
  return isOwn ? subscriber : { ...subscriber, password: password() }
}

function namingsOfSubscriber({ friends, watchers = {}, servers }: SubscriberSettings, ...path: SettingsPath) {
  return [
    ...namingsIn(friends, ...path, 'friends'),
    ...(['allow', 'block', 'polite'] as const).flatMap((kind) => namingsIn(watchers[kind], ...path, 'watchers', kind)),
    ...namingsOfServers(servers, ...path, 'servers'),
  ]
}

function namingsOfServers(servers: readonly ServerSettings[] = [], ...path: SettingsPath): readonly SubscriberNaming[] {
  return servers.map(({ uri }, index) => ({ name: uri, path: [...path, index, 'uri'] }))
}

/** Prefixes of the presence views of application servers. */
function viewsIn(network: Network): readonly string[] {
  const names = othersOf(network, 'application-server')
  const servers = network.elements.filter(({ name }) => names.includes(name))
  return [...new Set([usualView, ...servers.flatMap(({ settings }) => (settings['view'] as string | undefined) ?? [])])]
}
