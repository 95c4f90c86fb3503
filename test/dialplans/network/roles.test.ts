/** Elements within their network: what they learn from it, and what is wrong with them there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type Dialplan, printFault } from '../../../dialplans/network/dialplan.ts'
import { loadDialplan } from '../../../dialplans/network/load.ts'
import { completedElements } from '../../../dialplans/network/roles.ts'

const folder = mkdtempSync(join(tmpdir(), 'proxima-roles-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

function read(elements: string, more = '', listen = 'listen: [udp://127.0.0.1:5060]') {
  const file = join(folder, `${++files}.yaml`)
  writeFileSync(file, `name: x\ndomains: [localhost]\n${listen}\nelements:\n${elements}${more}`)
  return { file, ...loadDialplan(file) }
}

function loaded(...text: Parameters<typeof read>): Dialplan {
  const outcome = read(...text)
  if (outcome.faults !== undefined) throw new Error(outcome.faults.map(printFault).join('\n'))
  return outcome.value
}

function faults(...text: Parameters<typeof read>): readonly string[] {
  const { file, faults = [] } = read(...text)
  return faults.map((fault) => printFault(fault).replace(`${file}:`, ''))
}

const all = `  edge: { role: proxy }
  hss: { role: hss }
  pcrf: { role: pcrf }
  prose: { role: prose }
  prose2: { role: prose, mode: listed, fellows: [sip:prose@elsewhere.example] }
  mme1: { role: mme }
  mme2: { role: mme }
  registration: { role: registration }
  presence: { role: presence }
  as: { role: application-server, application: a, view: close }
  push: { role: push }
  push2: { role: push, server: 3 }
  ran1: { role: ran, cell: "0010100010000101" }
`

test('elements learn of each other, and what the dialplan says of them goes before', (t) => {
  const dialplan = loaded(all)
  const learned = Object.fromEntries(
    completedElements(dialplan).map(({ name, settings }, index) => {
      const given = dialplan.elements[index]!.settings
      return [name, Object.fromEntries(Object.entries(settings).filter(([setting]) => given[setting] === undefined))]
    }),
  )
  const askers = dialplan.elements.map(({ name }) => name)
  const widths = { operator: 2, server: 2 }
  const fellowsOfProse = ['sip:prose@localhost', 'sip:prose2@localhost']
  t.deepEqual(learned, {
    edge: {
      through: ['mme1', 'mme2'],
      stations: ['ran1'],
      push: [
        { element: 'push', flags: '0000', wakes: ['webpush'] },
        { element: 'push2', flags: '0011', wakes: ['webpush'] },
      ],
    },
    hss: { askers, proxies: ['edge'], views: ['near', 'close'] },
    pcrf: { askers, records: 'data/charging', hss: 'sip:hss@localhost' },
    prose: { fellows: ['sip:prose2@localhost'] },
    prose2: {},
    mme1: { fellows: ['sip:mme2@localhost'] },
    mme2: { fellows: ['sip:mme1@localhost'] },
    registration: { askers, registrar: 'edge' },
    ran1: { askers: [], proxy: 'edge' },
    presence: {},
    push: { flags: 0, widths, proxies: ['edge'], servers: [{ element: 'push2', flags: '0011' }] },
    push2: { flags: 0, widths, proxies: ['edge'], servers: [{ element: 'push', flags: '0000' }] },
    as: { proseServers: fellowsOfProse, prosePlaces: {}, listed: true },
  })
})

test('where nothing is kept, nothing is recorded; with nodes an application server learns where servers are', (t) => {
  const nodes = `data: memory
nodes:
  one: { listen: [udp://127.0.0.1:5070], elements: [edge, registration, as] }
  two: { listen: [tcp://127.0.0.2:5080, udp://127.0.0.2:5071], elements: [hss, pcrf, prose, prose2, mme1, mme2, presence, push, push2, ran1] }
`
  const completed = completedElements(loaded(all, nodes, ''))
  const settingsOf = (name: string) => completed.find((each) => each.name === name)!.settings
  t.is(settingsOf('pcrf')['records'], undefined)
  t.deepEqual(settingsOf('as')['prosePlaces'], {
    'sip:prose@localhost': '127.0.0.2:5071',
    'sip:prose2@localhost': '127.0.0.2:5071',
  })
})

test('a proximity server that is named and is not there', (t) => {
  const text = `  prose: { role: prose }
  mme: { role: mme, prose: posse }
  as: { role: application-server, application: a, prose: 'sip:mme@localhost' }
  mme2: { role: mme, prose: 'sip:prose@elsewhere.example' }
  mme3: { role: mme, prose: prose }
`
  const expected = 'expected sip:prose@localhost'
  t.deepEqual(faults(text), [
    `6: mme asks the ProSe server posse, which is no element of role prose; ${expected}`,
    `7: as asks the ProSe server sip:mme@localhost, which is no element of role prose; ${expected}`,
  ])
})

test('a notifier of registrations runs where its registrar does, whatever that is called', (t) => {
  const nodes = (of: string, other: string): string => `nodes:
  one: { listen: [udp://127.0.0.1:5070], elements: [${of}] }
  two: { listen: [udp://127.0.0.1:5071], elements: [${other}] }
`
  const elements = '  edge: { role: proxy }\n  hss: { role: hss }\n  registration: { role: registration }\n'
  t.deepEqual(faults(elements, nodes('edge, registration', 'hss'), ''), [])
  t.deepEqual(faults(elements, nodes('edge', 'hss, registration'), ''), [
    '7: registration is not at the node of its registrar edge; expected both at one node',
  ])
})

test('a base station passes on to a proxy', (t) => {
  const ran = (more = ''): string => `  ran1: { role: ran, cell: "0010100010000101"${more} }\n`
  const elements = '  edge: { role: proxy }\n  hss: { role: hss }\n'
  t.deepEqual(faults(elements + ran()), [])
  t.deepEqual(faults(elements + ran(', proxy: edge')), [])
  t.deepEqual(faults(elements + ran(', proxy: hss')), [
    '7: ran1 passes on to hss, which is no proxy; expected an element of role proxy',
  ])
  t.deepEqual(faults(`  hss: { role: hss }\n${ran()}`), [
    '6: ran1 passes on to a proxy, and there is none; expected an element of role proxy',
  ])
})

test('names in a provisioning file are noted with its lines', (t) => {
  const path = join(folder, 'more.json')
  writeFileSync(
    path,
    '[\n  { "id": "zoe", "permissions": { "discoverable": true, "discoverer": true },\n    "friends": ["noone"] }\n]',
  )
  const one = '{ id: alice, permissions: { discoverable: true, discoverer: true } }'
  const { notes = [] } = loaded(`  hss: { role: hss, subscribers: [${one}], provisioning: more.json }\n`)
  t.is(notes.length, 1)
  t.like(notes[0], { file: path, line: 3, text: 'hss: subscribers.1.friends.0 names noone, whom nobody here is' })
})

test('other ProSe servers are fellows of a ProSe server; an application server has proseServers', (t) => {
  const [fault, ...others] = faults(`  prose: { role: prose, fellows: [sip:prose@elsewhere.example] }
  as: { role: application-server, application: a, fellows: [sip:prose@elsewhere.example] }
  as2: { role: application-server, application: a, proseServers: [sip:prose@elsewhere.example] }
`)
  t.deepEqual(others, [])
  t.regex(fault ?? '', /^6: elements\.as has 'fellows', which is not known there; expected one of .*\bproseServers\b/)
})
