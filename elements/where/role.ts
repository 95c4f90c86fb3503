/** Role `where`: text commands about places as a dialplan has them. */
import { othersOf, type Role } from '../role.ts'
import { createWhere } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { WhereSettings } from './settings-type.ts'

export const whereRole: Role<WhereSettings> = {
  role: 'where',
  schema,
  servers: ['hss', 'gmlc'],
  learns: (network) => {
    const [gmlc] = othersOf(network, 'gmlc')
    return gmlc === undefined ? {} : { gmlc }
  },
  create: createWhere,
}
