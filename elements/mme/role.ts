/** Role `mme`: the MME as a dialplan has it. */
import { othersOf, type Role, uriOf } from '../role.ts'
import { createMme, type Mme } from './index.ts'
import { mmeRoutes } from './routes.ts'
import schema from './settings.json' with { type: 'json' }
import type { MmeSettings } from './settings-type.ts'

export const mmeRole: Role<MmeSettings, Mme> = {
  role: 'mme',
  schema,
  servers: ['hss', 'prose'],
  learns: (network) => ({ fellows: othersOf(network, 'mme').map((name) => uriOf(network, name)) }),
  routes: mmeRoutes,
  create: createMme,
}
