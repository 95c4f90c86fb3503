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
  create: createLcsClient,
}
