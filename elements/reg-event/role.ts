/** Role `registration`: the notifier of registrations as a dialplan has it. */
import type { Role } from '../role.ts'
import { createRegistration } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { RegEventSettings } from './settings-type.ts'

export const regEventRole: Role<RegEventSettings> = { role: 'registration', schema, create: createRegistration }
