/** Role `ran`: a base station as a dialplan has it. */
import { othersOf, type Role } from '../role.ts'
import { createBaseStation } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { RanSettings } from './settings-type.ts'

export const ranRole: Role<RanSettings> = {
  role: 'ran',
  schema,
  learns: (network) => {
    const [proxy] = othersOf(network, 'proxy')
    const askers = ['msc', 'sgsn'].flatMap((role) => othersOf(network, role))
    return { askers, ...(proxy === undefined ? {} : { proxy }) }
  },
  namings: ({ places = [] }) => places.map(({ device }, index) => ({ name: device, path: ['places', index, 'device'] })),
  faults: ({ proxy }, network) => {
    const proxies = othersOf(network, 'proxy')
    if (proxies.length > 0 && (proxy === undefined || proxies.includes(proxy))) return []
    const wrong = proxy === undefined ? 'a proxy, and there is none' : `${proxy}, which is no proxy`
    return [
      {
        path: proxy === undefined ? [] : ['proxy'],
        text: `${network.self} passes on to ${wrong}`,
        expected: 'an element of role proxy',
      },
    ]
  },
  create: createBaseStation,
}
