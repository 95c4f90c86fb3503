/** Role `prose`: the proximity server as a dialplan has it. */
import type { Role } from '../role.ts'
import { createProse } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { ProseSettings } from './settings-type.ts'

export const proseRole: Role<ProseSettings> = { role: 'prose', schema, create: createProse }
