/** Push identifiers of subscribers at the HSS (SPEC §5.1, §6.1). */
import test from 'ava'
import { faultsOfSubscribers } from '../../../elements/hss/owners.ts'
import { settingsOf } from '../../../elements/hss/provisioning.ts'
import { toRecord } from '../../../elements/hss/records.ts'

const domains = ['op-a.example']
const permissions = { discoverable: false, discoverer: false }
const carol = { id: 'carol', permissions, aliases: ['tel:+4930222'], push: [{ id: '3C5E0F91A7B24D68', string: 'carol.c' }] }

test('a subscriber is found by his Push identifiers and strings, which are shown as such and not as aliases', (t) => {
  const record = toRecord(carol, domains)
  t.deepEqual(record.push, [{ id: '3c5e0f91a7b24d68', string: 'carol.c', state: 'active' }])
  t.deepEqual(record.aliases, ['tel:+4930222', 'sip:3c5e0f91a7b24d68@push.op-a.example', 'sip:carol.c@push.op-a.example'])
  const settings = settingsOf(record)
  t.deepEqual(settings.aliases, ['tel:+4930222'])
  t.deepEqual(toRecord(settings, domains), toRecord({ ...settings }, domains))
  t.deepEqual(toRecord(settings, domains).aliases, record.aliases)
})

test('an identifier or a string that two have is a fault of the dialplan', (t) => {
  const network = {
    self: 'hss',
    domains,
    data: 'memory',
    elements: [],
    nodes: [],
    subscribers: [],
    flags: 0,
    widths: { operator: 2, server: 2 },
    agreements: [],
  }
  const faultsOf = (push: readonly object[]): readonly string[] =>
    faultsOfSubscribers([carol, { id: 'dave', permissions, push } as typeof carol], network, []).map(({ text }) => text)
  t.deepEqual(faultsOf([{ id: '3f5e0f91a7b24d68' }]), [])
  t.deepEqual(faultsOf([{ id: '3c5e0f91a7b24d68' }]), ['sip:3c5e0f91a7b24d68@push.op-a.example belongs to carol already'])
  t.deepEqual(faultsOf([{ id: '3f5e0f91a7b24d68', string: 'carol.c' }]), [
    'sip:carol.c@push.op-a.example belongs to carol already',
  ])
})
