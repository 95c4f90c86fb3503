/** Settings that the schema admits and an element cannot take: each fault with its line, and what would do. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { assemble } from '../../../dialplans/network/assemble.ts'
import type { DialplanFault } from '../../../dialplans/network/dialplan.ts'
import { loadDialplan } from '../../../dialplans/network/load.ts'

const folder = mkdtempSync(join(tmpdir(), 'proxima-settings-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

function faultsOf(name: string, elements: readonly string[]): readonly DialplanFault[] {
  const file = join(folder, `${name}.yaml`)
  const lines = ['name: x', 'domains: [localhost]', 'listen: [udp://127.0.0.1:5060]', 'elements:', ...elements]
  writeFileSync(file, lines.join('\n'))
  const outcome = loadDialplan(file)
  return outcome.faults ?? assemble(outcome.value).faults ?? []
}

function shown(faults: readonly DialplanFault[]): readonly string[] {
  return faults.map(({ line, text, expected }) => `${line} ${text}; expected ${expected}`)
}

test('rules of a PCRF that contradict themselves', (t) => {
  const faults = faultsOf('rules', [
    '  pcrf:',
    '    role: pcrf',
    '    rules:',
    '      - { decision: deny, quota: { count: 1 } }',
    '      - { name: sat, quota: { count: 1 }, roles: [discoverer] }',
    '      - { name: night, services: [push], roles: [discoverer] }',
    '      - { quota: { per: day } }',
    '      - { hours: 08:00-08:00 }',
  ])
  t.deepEqual(shown(faults), [
    '8 pcrf: rule 1: a quota of what is denied; expected decision: allow, or no quota',
    '9 pcrf: sat: roles beside a quota, which is for both roles together; expected roles or a quota',
    '10 pcrf: night: roles of the service proximity, which services leave out; expected proximity among services, or no roles',
    '11 pcrf: rule 4: the quota has neither count nor seconds; expected quota: { count: … } or { seconds: … }',
    '12 pcrf: rule 5: hours: 08:00-08:00 is no part of a day; expected one such as 08:00-17:30 or 22:00-06:00',
  ])
})

test('settings that an element cannot take together', (t) => {
  const faults = faultsOf('together', [
    '  hss: { role: hss }',
    '  proxy: { role: proxy, expires: { usual: 50, min: 60 } }',
    '  prose: { role: prose, charge: true }',
    '  mme: { role: mme, identifier: { lifetime: 10, grace: 6 } }',
    '  presence: { role: presence, expires: { usual: 10, max: 5 } }',
  ])
  t.deepEqual(shown(faults), [
    '6 proxy: expires.usual: 50 s; expected seconds from min 60 to max 7200',
    '7 prose: charge: there is no pcrf to ask; expected pcrf: sip:pcrf@…, or no charge',
    '8 mme: identifier.grace: 6 s is more than half the lifetime of 10 s; expected at most 5 s',
    '9 presence: expires.usual: 10 s; expected seconds from 1 to max 5',
  ])
})
