/** Role `gmlc`: the gateway mobile location centre as a dialplan has it. */
import { othersOf, type Role } from '../role.ts'
import { createGmlc } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { GmlcSettings } from './settings-type.ts'

export const gmlcRole: Role<GmlcSettings> = {
  role: 'gmlc',
  schema,
  learns: (network) => ({
    clients: othersOf(network, 'lcs-client'),
    cores: ['msc', 'sgsn'].flatMap((role) => othersOf(network, role)),
  }),
  create: createGmlc,
}
