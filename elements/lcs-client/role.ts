/** Role `lcs-client`: an LCS client as a dialplan has it. */
import { namingsIn, othersOf, type Role } from '../role.ts'
import { createLcsClient } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { LcsClientSettings } from './settings-type.ts'

export const lcsClientRole: Role<LcsClientSettings> = {
  role: 'lcs-client',
  schema,
  servers: ['hss', 'pcrf'],
  namings: ({ subscribers = [] }) =>
    namingsIn(
      subscribers.map(({ target }) => target),
      'subscribers',
    ),
  learns: (network) => ({ gmlcs: othersOf(network, 'gmlc') }),
  faults: ({ services, subscribers }) =>
    services.flatMap(({ price = 0, service }, index) => {
      if (price === 0 || subscribers !== undefined) return []
      const expected = 'subscribers, each with a balance'
      return [{ path: ['services', index, 'price'], text: `${service} has a price, and nobody has a balance`, expected }]
    }),
  create: createLcsClient,
}
