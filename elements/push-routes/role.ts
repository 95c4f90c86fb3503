/** Role `pushroutes`: the flag-bit table of an operator as a dialplan has it. */
import type { Role } from '../role.ts'
import { flagRoutesOf } from '../shared/values/push-servers.ts'
import { createPushRoutes } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { PushRoutesSettings } from './settings-type.ts'

export const pushRoutesRole: Role<PushRoutesSettings> = {
  role: 'pushroutes',
  schema,
  single: true,
  learns: (network) => ({
    widths: network.widths,
    known: flagRoutesOf(
      network,
      network.elements.filter(({ role }) => role === 'push'),
    ),
    askers: network.elements.map(({ name }) => name),
  }),
  create: createPushRoutes,
}
