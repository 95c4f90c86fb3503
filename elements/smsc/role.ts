/** Role `smsc`: the short message centre as a dialplan has it. */
import { othersOf, type Role } from '../role.ts'
import { createShortMessageCentre } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { SmscSettings } from './settings-type.ts'

export const smscRole: Role<SmscSettings> = {
  role: 'smsc',
  schema,
  learns: (network) => ({ askers: othersOf(network, 'push') }),
  create: createShortMessageCentre,
}
