/** Role `prose`: the proximity server as a dialplan has it. */
import { namingsIn, othersOf, type Role, uriOf } from '../role.ts'
import { createProse } from './index.ts'
import schema from './settings.json' with { type: 'json' }
import type { ProseSettings } from './settings-type.ts'

export const proseRole: Role<ProseSettings> = {
  role: 'prose',
  schema,
  servers: ['hss', 'pcrf'],
  namings: ({ monitors = {} }) =>
    Object.entries(monitors).flatMap(([device, peers]) => [
      { name: device, path: ['monitors', device] },
      ...namingsIn(peers, 'monitors', device),
    ]),
  learns: (network) => ({ fellows: othersOf(network, 'prose').map((name) => uriOf(network, name)) }),
  create: createProse,
}
