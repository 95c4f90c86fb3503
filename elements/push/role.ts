/** Role `push`: the Push server as a dialplan has it. */
import type { Role } from '../role.ts'
import { numberedServers } from '../shared/values/push-servers.ts'
import { createPush } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { PushSettings } from './settings-type.ts'

export const pushRole: Role<PushSettings> = {
  role: 'push',
  schema,
  servers: ['hss'],
  learns: ({ elements, self }) => ({
    servers: numberedServers(elements.filter(({ name, role }) => role === 'push' && name !== self)),
  }),
  create: createPush,
}
