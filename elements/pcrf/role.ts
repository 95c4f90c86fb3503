/** Role `pcrf`: the PCRF as a dialplan has it. */
import type { Role } from '../role.ts'
import { createPcrf } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { PcrfSettings } from './settings-type.ts'

export const pcrfRole: Role<PcrfSettings> = { role: 'pcrf', schema, create: createPcrf }
