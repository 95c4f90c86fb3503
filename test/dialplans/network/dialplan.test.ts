/** Dialplan files: what is read from them, and each fault with its line. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { checkCollector } from '../../../dialplans/commands/support/collector.ts'
import { StageSet } from '../../../dialplans/flows/stage/stage-set.ts'
import { assemble } from '../../../dialplans/network/assemble.ts'
import {
  type Dialplan,
  type DialplanFault,
  parseListen,
  parsePlace,
  printFault,
  printListen,
} from '../../../dialplans/network/dialplan.ts'
import { loadDialplan, loadOperators } from '../../../dialplans/network/load.ts'
import { subscribersOf } from '../../../dialplans/network/roles.ts'

const folder = mkdtempSync(join(tmpdir(), 'proxima-dialplan-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

const dialplans = join(import.meta.dirname, '../../../dialplans')
let files = 0

function write(text: string, ending = 'yaml'): string {
  const file = join(folder, `${++files}.${ending}`)
  writeFileSync(file, text)
  return file
}

function loaded(file: string): Dialplan {
  const outcome = loadDialplan(file)
  if (outcome.faults !== undefined) throw new Error(outcome.faults.map(printFault).join('\n'))
  return outcome.value
}

function faultsOf(text: string): readonly DialplanFault[] {
  const file = write(text)
  const outcome = loadDialplan(file)
  if (outcome.faults === undefined) {
    const assembled = assemble(outcome.value)
    return assembled.faults ?? []
  }
  return outcome.faults
}

const head = 'name: x\ndomains: [localhost]\nlisten: [udp://127.0.0.1:5060]\n'
const subscriber = (id: string, more = ''): string =>
  `{ id: ${id}, permissions: { discoverable: true, discoverer: true }${more} }`

test('nobody may be called as an element is, in any way', (t) => {
  const faults = faultsOf(`name: x
domains: [sip.test, also.test]
listen: [udp://127.0.0.1:0]
elements:
  prose: { role: prose }
  hss:
    role: hss
    subscribers:
      - { id: prose, permissions: { discoverable: true, discoverer: true } }
      - { id: alice, aliases: [sip:hss@also.test], permissions: { discoverable: true, discoverer: true } }
`)
  t.deepEqual(
    faults.map(({ line, text }) => `${line}: ${text}`),
    ['9: prose would be the element sip:prose@sip.test', '10: alice would be the element sip:hss@sip.test'],
  )
})

test('the default dialplan is what the issue says', (t) => {
  const plan = loaded(join(dialplans, 'default.yaml'))
  t.deepEqual(plan.domains, ['localhost', '127.0.0.1'])
  t.deepEqual(plan.listen, [
    { transport: 'UDP', host: '127.0.0.1', port: 5060 },
    { transport: 'TCP', host: '127.0.0.1', port: 5060 },
    { transport: 'WS', host: '127.0.0.1', port: 8060 },
  ])
  t.deepEqual(plan.http, { host: '127.0.0.1', port: 8080 })
  t.is(plan.data, 'data')
  t.deepEqual(
    plan.elements.map(({ role }) => role),
    ['proxy', 'hss', 'prose', 'pcrf', 'presence', 'push', 'resource-lists', 'registration', 'application-server', 'mme'],
  )
  const all = ['alice', 'bob', 'carol', 'dave']
  const push = { alice: '0a17c5d2e8b9f604', bob: '0b44d7f1369ea52c', carol: '0c58a2e9471db36f', dave: '0d6e91b8c25f704a' }
  const people = all.map((name) => ({
    id: `sip:${name}@localhost`,
    password: `${name}-proxima`,
    push: [{ id: push[name as keyof typeof push] }],
    permissions: { discoverable: true, discoverer: true },
    friends: all.filter((other) => other !== name).map((other) => `sip:${other}@localhost`),
  }))
  const eve = {
    id: 'sip:eve@localhost',
    password: 'eve-proxima',
    push: [{ id: '0e73f4a61c8d29b5' }],
    permissions: { discoverable: false, discoverer: false },
  }
  t.deepEqual(plan.elements[1]?.settings['subscribers'], [...people, eve])
  t.is(plan.rules, undefined)
})

test('the bench dialplan is open, without authentication and on loopback', (t) => {
  const plan = loaded(join(dialplans, 'bench.yaml'))
  t.is(plan.domains[0], 'sip.test')
  t.true(plan.listen.every(({ host, port }) => host === '127.0.0.1' && port === 5060))
  t.is(plan.elements.find(({ role }) => role === 'proxy')?.settings['authenticate'], 'none')
  t.is(plan.elements.find(({ role }) => role === 'hss')?.settings['open'], true)
})

test('every dialplan of the product is sound and names its schema', (t) => {
  for (const name of readdirSync(dialplans).filter((name) => name.endsWith('.yaml'))) {
    const { faults, value = [] } = { value: undefined, ...loadOperators(join(dialplans, name)) }
    t.deepEqual((faults ?? value.flatMap((dialplan) => assemble(dialplan).faults ?? [])).map(printFault), [], name)
    t.regex(readFileSync(join(dialplans, name), 'utf8'), /^# yaml-language-server: \$schema=dialplan\.schema\.json\n/)
  }
})

interface Case {
  readonly title: string
  readonly text: string
  readonly faults: readonly (readonly [line: number, found: RegExp, expected: RegExp])[]
}

const cases: readonly Case[] = [
  { title: 'nothing', text: '', faults: [[1, /is empty/, /a network as data/i]] },
  { title: 'no YAML', text: 'name: x\nlisten: }', faults: [[2, /./, /well-formed YAML/]] },
  { title: 'a key twice', text: `${head}name: y\nelements: { hss: { role: hss } }`, faults: [[4, /unique/, /well-formed YAML/]] },
  {
    title: 'a missing member',
    text: 'name: x\ndomains: [localhost]\nelements: { hss: { role: hss } }',
    faults: [[1, /has no 'listen'/, /listen/]],
  },
  {
    title: 'several faults, in the order of lines',
    text: 'name: 17\ndomains: []\nlisten:\n  - udp://127.0.0.1:5060\n  - sctp://1\nelements: { hss: { role: hss } }\nnmae: x',
    faults: [
      [1, /name is 17/, /quotes/],
      [2, /domains is empty/, /domains/],
      [5, /listen\.1 is 'sctp:\/\/1'/, /udp:\/\/, tcp:\/\//],
      [7, /has 'nmae'/, /one of name, domains, listen/],
    ],
  },
  {
    title: 'a port too high',
    text: `name: x\ndomains: [a]\nlisten:\n  - udp://127.0.0.1:99999\nelements: { hss: { role: hss } }`,
    faults: [[4, /99999/, /65535/]],
  },
  {
    title: 'a trusted domain that no certificate can prove',
    text: `${head}trusted:\n  - 10.0.0.1\n  - as.test\ntls: { certificate: c, key: k }\nelements: { hss: { role: hss } }`,
    faults: [[6, /as\.test/, /authorities/]],
  },
  {
    title: 'a certificate required that nobody can judge',
    text: `${head}tls: { certificate: c, key: k, requireClient: true }\nelements: { hss: { role: hss } }`,
    faults: [[4, /./, /authorities/]],
  },
  {
    title: 'an unknown role',
    text: `${head}elements:\n  hss:\n    role: hsss`,
    faults: [[6, /the role 'hsss'/, /proxy, hss, prose, pcrf, presence/]],
  },
  { title: 'no role', text: `${head}elements:\n  hss: {}`, faults: [[5, /role/, /./]] },
  {
    title: 'an element name in capitals',
    text: `${head}elements:\n  HSS: { role: hss }`,
    faults: [[5, /the name 'HSS'/, /lower-case/]],
  },
  {
    title: 'an element named outside',
    text: `${head}elements:\n  outside: { role: hss }`,
    faults: [[5, /the name 'outside'/, /other than outside/]],
  },
  {
    title: 'an unknown setting',
    text: `${head}elements:\n  proxy:\n    role: proxy\n    autenticate: none`,
    faults: [[7, /elements\.proxy has 'autenticate'/, /one of role, authenticate/]],
  },
  {
    title: 'a setting of the wrong kind',
    text: `${head}elements:\n  proxy:\n    role: proxy\n    authenticate: [MD6]\n    expires:\n      usual: soon`,
    faults: [
      [7, /elements\.proxy\.authenticate is a list/, /none, or a list of digest algorithms/],
      [9, /expires\.usual is 'soon'/, /whole seconds/],
    ],
  },
  {
    title: 'a subscriber without permissions',
    text: `${head}elements:\n  hss:\n    role: hss\n    subscribers:\n      - id: alice`,
    faults: [[8, /subscribers\.0 has no 'permissions'/, /permissions/]],
  },
  {
    title: 'an identifier twice, in two forms',
    text: `${head}elements:\n  hss:\n    role: hss\n    subscribers:\n      - ${subscriber('alice')}\n      - ${subscriber('bob', ", aliases: ['sip:alice@localhost']")}`,
    faults: [[9, /sip:alice@localhost belongs to alice already/, /once/]],
  },
  {
    title: 'two of what there may be one of',
    text: `${head}elements:\n  hss: { role: hss }\n  hss2: { role: hss }`,
    faults: [[6, /hss2 is a second hss/, /one element of role hss/]],
  },
  {
    title: 'a provisioning file that is not there',
    text: `${head}elements:\n  hss: { role: hss, provisioning: nowhere.json }`,
    faults: [[0, /no such file/, /list of subscribers/]],
  },
  {
    title: 'a rule to an unknown element',
    text: `${head}elements:\n  hss: { role: hss }\nrules:\n  - to: hss\n    event: subscription-data\n  - { from: trusted, to: prosa }`,
    faults: [[9, /'prosa', which is no element/, /one of hss/]],
  },
  {
    title: 'a dead rule',
    text: `${head}elements:\n  hss: { role: hss }\nrules:\n  - to: sip:other.example\n\n  - to: hss`,
    faults: [[9, /'rule 2' never gets anything, since 'rule 1' in line 7/, /narrower/]],
  },
  {
    title: 'a routing loop',
    text: `${head}elements:\n  hss: { role: hss }\nrules:\n  - { name: home, to: 'sip:127.0.0.1' }`,
    faults: [[7, /'home' sends to .* a routing loop/, /another node/]],
  },
  {
    title: 'an HSS, a registrar that is not there',
    text: `${head}elements:
  proxy: { role: proxy, hss: 'sip:hhs@localhost' }
  hss: { role: hss }
  presence: { role: presence, hss: 'sip:proxy@127.0.0.1:5060' }
  prose: { role: prose, hss: 'sip:hss@127.0.0.1:5060' }
  friends: { role: resource-lists, hss: 'sip:hss@hss.example' }
  registration:
    role: registration
    registrar: nosuch`,
    faults: [
      [5, /proxy asks the HSS sip:hhs@localhost, which is no element of role hss/, /^sip:hss@localhost$/],
      [7, /presence asks the HSS sip:proxy@127\.0\.0\.1:5060/, /^sip:hss@localhost$/],
      [12, /registration has the registrar nosuch, which is no element of role proxy/, /^proxy$/],
    ],
  },
  {
    title: 'an HSS with no element of that role',
    text: `${head}elements:\n  presence: { role: presence, hss: 'sip:hss@localhost' }`,
    faults: [[5, /presence asks the HSS sip:hss@localhost/, /an element of role hss, or the URI of one elsewhere/]],
  },
  {
    title: 'addresses that are none',
    text: `${head}trusted: [10.0.0.1, 1.2.3, '1::2::3', 999.0.0.1]\ndns:\n  servers:\n    - 127.0.0.1\n    - 999.1.1.1\n    - 127.0.0.1:99999\n    - '[::1]:5353'\n    - '[::1]'\n    - 1:2\nelements: { hss: { role: hss } }`,
    faults: [
      [4, /trusted has 1\.2\.3, which is no IP address/, /192\.0\.2\.7/],
      [4, /trusted has 1::2::3, which/, /192\.0\.2\.7/],
      [4, /trusted has 999\.0\.0\.1, which/, /192\.0\.2\.7/],
      [8, /dns\.servers has 999\.1\.1\.1/, /an IP address/],
      [9, /dns\.servers has 127\.0\.0\.1:99999/, /an IP address/],
      [12, /dns\.servers has 1:2/, /an IP address/],
    ],
  },
  {
    title: 'a list with the address of a subscriber',
    text: `${head}elements:\n  hss:\n    role: hss\n    subscribers:\n      - ${subscriber('alice', ", aliases: ['sip:team@localhost']")}\n  friends:\n    role: resource-lists\n    lists:\n      others: [alice]\n      team: [alice]`,
    faults: [[13, /the list team has the address of the subscriber alice/, /nobody has/]],
  },
  {
    title: 'a collector without a port',
    text: `${head}capture: { hep: '127.0.0.1:0' }\nelements: { hss: { role: hss } }`,
    faults: [[4, /capture\.hep is 127\.0\.0\.1:0/, /a port from 1/]],
  },
  {
    title: 'subscribers that nothing can identify',
    text: `${head}elements:\n  hss:\n    role: hss\n    subscribers:\n      - ${subscriber("'sip:a%00@localhost'")}\n      - ${subscriber("'sip:bob@elsewhere.example'")}\n      - ${subscriber('carol', ", friends: ['sip:a%@localhost']")}`,
    faults: [
      [8, /id is 'sip:a%00@localhost', with the character U\+0000/, /^none$/],
      [9, /id is 'sip:bob@elsewhere\.example', of a domain that is not ours/, /^sip:bob@localhost, of which it may be an alias$/],
      [10, /friends\.0 is 'sip:a%@localhost', which is no URI/, /sip:alice@localhost/],
    ],
  },
  {
    title: 'a watcher that is allowed and blocked',
    text: `${head}elements:\n  hss:\n    role: hss\n    subscribers:\n      - ${subscriber('alice')}\n      - ${subscriber('bob', ", watchers: { allow: [alice, carol], block: ['sip:alice@localhost'], polite: [dave] }")}\n      - ${subscriber('carol', ', watchers: { block: [dave], polite: [dave] }')}`,
    faults: [
      [9, /bob has the watcher sip:alice@localhost in allow and in block/, /one of them/],
      [10, /carol has the watcher dave in block and in polite/, /one of them/],
    ],
  },
  {
    title: 'an empty condition',
    text: `${head}elements:\n  hss: { role: hss }\nrules:\n  - { method: [], to: hss }`,
    faults: [[7, /method is empty/, /a list/]],
  },
]

for (const { title, text, faults: expected } of cases) {
  test(`fault: ${title}`, (t) => {
    const faults = faultsOf(text)
    t.deepEqual(
      faults.map(({ line }) => line),
      expected.map(([line]) => line),
      faults.map(printFault).join('\n'),
    )
    for (const [index, [, found, wanted]] of expected.entries()) {
      t.regex(faults[index]!.text, found)
      t.regex(faults[index]!.expected, wanted)
      t.false(printFault(faults[index]!).includes('\n'))
    }
  })
}

test('an HSS may be elsewhere, and a rule may lead there', (t) => {
  const plan = `${head}elements: { presence: { role: presence, hss: 'sip:hss@localhost' } }\nrules:\n`
  t.deepEqual(faultsOf(`${plan}  - { user: hss, to: 'sip:10.0.0.9' }\n  - { to: presence }`), [])
  t.is(faultsOf(`${plan}  - { user: push, to: 'sip:10.0.0.9' }\n  - { to: presence }`).length, 1)
})

test('a HEP collector that cannot be found is told of', async (t) => {
  const nobody = (): Promise<never> => Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }))
  const refusal = await t.throwsAsync(checkCollector({ host: 'homer.invalid', port: 9060 }, nobody))
  t.is(refusal?.message, '--hep: the host homer.invalid cannot be found (ENOTFOUND); give the IP address of the collector')
  await t.notThrowsAsync(checkCollector({ host: '::1', port: 9060 }, nobody))
  await t.notThrowsAsync(checkCollector({ host: 'localhost', port: 9060 }, () => Promise.resolve()))
})

test('a file that is not there, and one that is a folder', (t) => {
  t.is(loadDialplan(join(folder, 'none.yaml')).faults?.[0]?.text, 'there is no such file')
  t.is(loadDialplan(folder).faults?.[0]?.text, 'this is a folder')
})

test('a fault is one line: file, line, what was found, what was expected', (t) => {
  t.is(printFault({ file: 'a.yaml', line: 7, text: 'x is 1', expected: '2' }), 'a.yaml:7: x is 1; expected 2')
  t.is(printFault({ file: 'a.yaml', line: 0, text: 'x is 1', expected: '2' }), 'a.yaml: x is 1; expected 2')
})

test('a provisioning file adds subscribers, and its faults carry its name and lines', (t) => {
  const more = write(`[\n  ${JSON.stringify({ id: 'zoe', permissions: { discoverable: true, discoverer: false } })}\n]`, 'json')
  const plan = (name: string): string =>
    `${head}elements:\n  hss: { role: hss, subscribers: [${subscriber('alice')}], provisioning: ${name} }`
  const file = write(plan(more))
  t.deepEqual(
    subscribersOf(loaded(file)).map(({ id }) => id),
    ['alice', 'zoe'],
  )
  const beside = write(plan(more.slice(folder.length + 1)))
  t.is(subscribersOf(loaded(beside)).length, 2)
  const wrong = write(
    '[\n  { "id": "zoe" },\n  { "id": "alice", "permissions": { "discoverable": true, "discoverer": true } }\n]',
    'json',
  )
  const [fault, ...others] = loadDialplan(write(plan(wrong))).faults ?? []
  t.deepEqual(others, [])
  t.like(fault, { file: wrong, line: 2 })
  const twice = write('[\n  { "id": "alice", "permissions": { "discoverable": true, "discoverer": true } }\n]', 'json')
  t.like(loadDialplan(write(plan(twice))).faults?.[0], { file: twice, line: 2, text: 'alice belongs to alice already' })
})

test('addresses are read', (t) => {
  t.deepEqual(parseListen('ws://[::1]:0'), { transport: 'WS', host: '::1', port: 0 })
  for (const text of ['ws://[::1]:0', 'udp://127.0.0.1:5060']) t.is(printListen(parseListen(text)!), text)
  t.deepEqual(parseListen('UDP://a.example:5060'), { transport: 'UDP', host: 'a.example', port: 5060 })
  for (const text of ['udp://[0:0:0:0:0:0:0:1]:1', 'udp://[0::1]:1', 'udp://[::0001]:1'])
    t.is(parseListen(text)?.host, '::1', text)
  t.is(parseListen('udp://[0:0::0]:1')?.host, '::')
  t.is(parseListen('udp://[::FFFF:7f00:1]:1')?.host, '127.0.0.1')
  t.is(parseListen('udp://[1:2]:1'), undefined)
  t.deepEqual(parsePlace('127.0.0.1:80'), { host: '127.0.0.1', port: 80 })
  for (const text of ['', 'udp://', 'udp://a', 'udp://a:65536', 'udp://::1:5']) t.is(parseListen(text), undefined, text)
})

test('a proxy of another name lets people in as well: the HSS tells it credentials', async (t) => {
  const plan = loaded(join(dialplans, 'default.yaml'))
  const elements = plan.elements.map((element) => (element.role === 'proxy' ? { ...element, name: 'edge' } : element))
  const stage = new StageSet({ dialplan: { ...plan, elements }, mode: 'virtual' }, { name: 'registering', run: async () => {} })
  await stage.open()
  await t.notThrowsAsync(stage.ue('alice'))
  await stage.close()
})

test('aliases and friends may be of other domains, and written with joiners', (t) => {
  const other = subscriber(
    'bob',
    ', aliases: [\'sip:bob@elsewhere.example\'], friends: ["sip:\u0645\u06cc\u200c\u0631@other.example"]',
  )
  const file = write(`${head}elements:\n  hss:\n    role: hss\n    subscribers:\n      - ${other}`)
  t.is(subscribersOf(loaded(file)).length, 1)
})
