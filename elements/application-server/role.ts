/** Role `application-server`: the application server as a dialplan has it. */
import { printHostPort } from '../../signalling/index.ts'
import { type Network, othersOf, type Role, uriOf } from '../role.ts'
import { createApplicationServer } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { ApplicationServerSettings } from './settings.ts'

export const applicationServerRole: Role<ApplicationServerSettings> = {
  role: 'application-server',
  schema,
  servers: ['hss', 'prose'],
  // A user of it may have any name; one that looks like a subscriber's is his.
  namings: ({ users = [] }) =>
    users.flatMap(({ user }, index) => (/^(?:sips?|tel):/i.test(user) ? [{ name: user, path: ['users', index, 'user'] }] : [])),
  learns: learnt,
  create: createApplicationServer,
}

function learnt(network: Network): Partial<ApplicationServerSettings> {
  const names = othersOf(network, 'prose')
  const servers = network.elements.filter(({ name }) => names.includes(name))
  return {
    proseServers: names.map((name) => uriOf(network, name)),
    prosePlaces: placesOf(names, network),
    listed: servers.some(({ settings }) => settings['mode'] === 'listed'),
  }
}

/** Addresses at which the other nodes find these elements, by URI. */
function placesOf(names: readonly string[], network: Network): { readonly [uri: string]: string } {
  const places = network.nodes.flatMap(({ at, elements }) =>
    at === undefined
      ? []
      : elements.filter((name) => names.includes(name)).map((name) => [uriOf(network, name), printHostPort(at)]),
  )
  return Object.fromEntries(places) as { readonly [uri: string]: string }
}
