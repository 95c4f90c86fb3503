/** `proxima check` says which names nobody has, as far as the dialplan knows (SPEC §2.1). */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Dialplan } from '../../../dialplans/network/dialplan.ts'
import { printFault } from '../../../dialplans/network/dialplan.ts'
import { loadDialplan, loadOperators } from '../../../dialplans/network/load.ts'

const folder = mkdtempSync(join(tmpdir(), 'proxima-names-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
const dialplans = join(import.meta.dirname, '../../../dialplans')
let files = 0

/** What it says of the names, without the file and what was expected. */
function notes(elements: string, data = 'data'): readonly string[] {
  const file = join(folder, `${++files}.yaml`)
  writeFileSync(
    file,
    `name: x\ndomains: [localhost, 127.0.0.1]\nlisten: [udp://127.0.0.1:0]\ndata: ${data}\nelements:\n${elements}`,
  )
  const loaded = loadDialplan(file)
  if (loaded.faults !== undefined) throw new Error(loaded.faults.map(printFault).join('\n'))
  return (loaded.value.notes ?? []).map((note) =>
    printFault(note)
      .replace(`${file}:`, '')
      .replace(/; expected.*/, ''),
  )
}
const hss = (more = ''): string => `  proxy: { role: proxy }
  hss:
    role: hss
    subscribers:
      - { id: alice, permissions: { discoverable: true, discoverer: true } }
      - { id: bob, permissions: { discoverable: true, discoverer: true }, aliases: ["tel:+1-555-0100", robert, 2001:db8::9]${more} }
`

test('every place where a name may stand', (t) => {
  const text = `${hss(', friends: [alice, alise], watchers: { block: [eve], allow: [alice] }, servers: [{ uri: ass, application: a }]')}
  pcrf: { role: pcrf, rules: [{ subscribers: [robert, bobb] }, { subscribers: ["tel:+15550101"] }] }
  prose: { role: prose, monitors: { alice: [bob, bop], alicia: [bob] } }
  friends: { role: resource-lists, lists: { team: [bob, dan] } }
  registration: { role: registration, askers: [prose, boss] }
  as: { role: application-server, application: a, users: [{ user: "sip:king@localhost", secret: x }, { user: king, secret: y }] }
rules:
  - { from: outside, to: proxy }
  - { from: proxy, sender: [bob, chess, "any-*"], method: SUBSCRIBE, event: proximity, to: prose }
`
  t.deepEqual(notes(text), [
    '11: hss: subscribers.1.friends.1 names alise, whom nobody here is',
    '11: hss: subscribers.1.watchers.block.0 names eve, whom nobody here is',
    '11: hss: subscribers.1.servers.0.uri names ass, whom nobody here is',
    '13: pcrf: rules.0.subscribers.1 names bobb, whom nobody here is',
    '13: pcrf: rules.1.subscribers.0 names tel:+15550101, whom nobody here is',
    '14: prose: monitors.alice.1 names bop, whom nobody here is',
    '14: prose: monitors.alicia names alicia, whom nobody here is',
    '15: friends: lists.team.1 names dan, whom nobody here is',
    '16: registration: askers.1 names boss, whom nobody here is',
    '17: as: users.0.user names sip:king@localhost, whom nobody here is',
    '20: rules.1.sender names chess, whom nobody here is',
  ])
})

test('any form of an identifier is somebody, and whoever is elsewhere is theirs', (t) => {
  const names = [
    'sip:bob@127.0.0.1:5070',
    'tel:+15550100',
    'sip:+15550100@localhost;user=phone',
    'sip:+1-555-0100@localhost',
    '"sip:[2001:db8::9]"',
    '"2001:DB8::9"',
    'sip:zoe@elsewhere.example',
  ]
  t.deepEqual(
    notes(
      `${hss()}  pcrf: { role: pcrf, rules: [{ subscribers: [${names.map((name) => (name.startsWith('"') ? name : `"${name}"`)).join()}] }] }\n`,
    ),
    [],
  )
})

test('where the HSS knows everybody, or is elsewhere, nothing is said', (t) => {
  const pcrf = '  pcrf: { role: pcrf, rules: [{ subscribers: [nobody] }] }\n'
  t.deepEqual(notes(`  hss: { role: hss, open: true }\n${pcrf}`), [])
  t.deepEqual(notes(pcrf), [])
  t.is(notes(`${hss()}${pcrf}`).length, 1)
})

test('the dialplans that come with it name nobody whom they have not', (t) => {
  for (const file of readdirSync(dialplans).filter((name) => name.endsWith('.yaml')))
    for (const dialplan of operatorsOf(file)) t.false('notes' in dialplan, file)
})

function operatorsOf(file: string): readonly Dialplan[] {
  const loaded = loadOperators(join(dialplans, file))
  if (loaded.faults !== undefined) throw new Error(`${file} has faults`)
  return loaded.value
}
