/** Role `hss`: the HSS as a dialplan has it. */
import type { Role } from '../role.ts'
import { createHss, type HssSettings } from './index.ts'
import schema from './settings.json' with { type: 'json' }

export const hssRole: Role<HssSettings> = { role: 'hss', schema, create: createHss }
