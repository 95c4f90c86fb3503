/** Role `mme`: the MME as a dialplan has it. */
import type { Role } from '../role.ts'
import { createMme } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { MmeSettings } from './settings-type.ts'

export const mmeRole: Role<MmeSettings> = { role: 'mme', schema, create: createMme }
