/** Role `mme`: the MME as a dialplan has it. */
import { othersOf, type Role, uriOf } from '../role.ts'
import { createMme } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { MmeSettings } from './settings-type.ts'

export const mmeRole: Role<MmeSettings> = {
  role: 'mme',
  schema,
  servers: ['hss', 'prose'],
  learns: (network) => ({ fellows: othersOf(network, 'mme').map((name) => uriOf(network, name)) }),
  create: createMme,
}
