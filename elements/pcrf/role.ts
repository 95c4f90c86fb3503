/** Role `pcrf`: the PCRF as a dialplan has it. */
import { join } from 'node:path'
import { type Network, namingsIn, othersOf, type Role, type RoleFault, uriOf } from '../role.ts'
import { createPcrf } from './index.ts'
import { faultOfRule } from './rules.ts'
import schema from './settings.json' with { type: 'json' }
import type { PcrfSettings } from './settings-type.ts'

export const pcrfRole: Role<PcrfSettings> = {
  role: 'pcrf',
  schema,
  single: true,
  servers: ['hss'],
  namings: ({ rules = [] }) => rules.flatMap(({ subscribers }, index) => namingsIn(subscribers, 'rules', index, 'subscribers')),
  learns: learnt,
  faults: faultsOfRules,
  create: createPcrf,
}

function learnt(network: Network): Partial<PcrfSettings> {
  const { data, elements } = network
  const [hss] = othersOf(network, 'hss')
  return {
    askers: elements.map(({ name }) => name),
    ...(data === 'memory' ? {} : { records: join(data, 'charging') }),
    ...(hss === undefined ? {} : { hss: uriOf(network, hss) }),
  }
}

function faultsOfRules({ rules = [] }: PcrfSettings, { self, domains }: Network): readonly RoleFault[] {
  return rules.flatMap((rule, index) => {
    const fault = faultOfRule(rule, domains)
    if (fault === undefined) return []
    const text = `${self}: ${rule.name ?? `rule ${index + 1}`}: ${fault.found}`
    return [{ path: ['rules', index], text, expected: fault.expected }]
  })
}
