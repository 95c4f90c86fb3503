/** Role `application-server`: the application server as a dialplan has it. */
import type { Role } from '../role.ts'
import { createApplicationServer } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { ApplicationServerSettings } from './settings.ts'

export const applicationServerRole: Role<ApplicationServerSettings> = {
  role: 'application-server',
  schema,
  create: createApplicationServer,
}
