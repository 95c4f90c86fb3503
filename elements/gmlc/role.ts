/** Role `gmlc`: the gateway mobile location centre as a dialplan has it. */
import { othersOf, type Role } from '../role.ts'
import { faultOf } from '../schemas/index.ts'
import { createGmlc } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { GmlcSettings } from './settings-type.ts'

export const gmlcRole: Role<GmlcSettings> = {
  role: 'gmlc',
  schema,
  servers: ['hss'],
  namings: ({ profiles = [] }) => profiles.map(({ target }, index) => ({ name: target, path: ['profiles', index, 'target'] })),
  faults: ({ profiles = [] }) =>
    profiles.flatMap(({ rules }, index) => {
      const fault = faultOf('privacy-profile', { rules })
      return fault === undefined ? [] : [{ path: ['profiles', index], text: fault, expected: 'rules of SPEC §8.4' }]
    }),
  learns: (network) => ({
    clients: ['lcs-client', 'where'].flatMap((role) => othersOf(network, role)),
    speakers: othersOf(network, 'where'),
    cores: ['sgsn', 'msc'].flatMap((role) => othersOf(network, role)),
  }),
  create: createGmlc,
}
