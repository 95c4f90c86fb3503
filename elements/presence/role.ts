/** Role `presence`: the presence server as a dialplan has it. */
import type { Role } from '../role.ts'
import { createPresence } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { PresenceSettings } from './settings-type.ts'

export const presenceRole: Role<PresenceSettings> = {
  role: 'presence',
  schema,
  servers: ['hss'],
  partitioned: true,
  create: createPresence,
}
