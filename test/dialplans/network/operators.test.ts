/** Operators of a dialplan: what each has of its own, whom it meets as a peer, and faults between them with line and way out. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { assemble } from '../../../dialplans/network/assemble.ts'
import type { Dialplan, DialplanFault, ValueOrFaults } from '../../../dialplans/network/dialplan.ts'
import { loadDialplan, loadOperators } from '../../../dialplans/network/load.ts'
import { atNode, elsewhere } from '../../../dialplans/network/nodes.ts'

const folder = mkdtempSync(join(tmpdir(), 'proxima-operators-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

function write(text: string): string {
  const file = join(folder, `${++files}.yaml`)
  writeFileSync(file, text)
  return file
}
function sound<Value>(outcome: ValueOrFaults<Value>): Value {
  if (outcome.faults !== undefined) throw new Error(outcome.faults.map((fault) => fault.text).join('; '))
  return outcome.value
}
function operatorsOf(text: string): readonly Dialplan[] {
  return sound(loadOperators(write(text)))
}
function faultsOf(text: string): readonly DialplanFault[] {
  return loadOperators(write(text)).faults ?? []
}

interface Parts {
  readonly top?: string
  readonly north?: string
  readonly south?: string
}
const usual = {
  north: 'domains: [north.example]\n    listen: [udp://127.0.0.1:5060]\n    peers: { south: {} }',
  south: 'domains: [south.example, also.example]\n    listen: [udp://127.0.0.1:5070]\n    peers: { north: {} }',
}
/** Lines: 1 the name, 2 and on `top`, then `operators:` and north. */
function plan({ top = '', north = usual.north, south = usual.south }: Parts = {}): string {
  const elements = 'elements: { proxy: { role: proxy }, hss: { role: hss, open: true } }'
  return `name: two\n${top}operators:\n  north:\n    ${north}\n    ${elements}\n  south:\n    ${south}\n    ${elements}\n`
}

test('each operator is a network of its own; they share what stands at the top', (t) => {
  const [north, south] = operatorsOf(plan({ top: 'dns: { servers: [192.0.2.53] }\ndata: kept\n' }))
  t.deepEqual([north!.operator, south!.operator], ['north', 'south'])
  t.deepEqual([north!.name, south!.name], ['two/north', 'two/south'])
  t.deepEqual([north!.domains, south!.domains], [['north.example'], ['south.example', 'also.example']])
  t.deepEqual([north!.data, south!.data], ['kept/north', 'kept/south'])
  t.deepEqual(south!.dns, { servers: ['192.0.2.53'] })
  const [first, second] = operatorsOf(plan({ top: 'data: memory\n' }))
  t.deepEqual([first!.data, second!.data], ['memory', 'memory'])
})

test('peers who name each other meet by domain and address; requests for them leave by the proxy', (t) => {
  const [north, south] = operatorsOf(plan({ north: usual.north.replace('south: {}', 'also.example: {}') }))
  t.deepEqual(north!.met, [
    {
      name: 'south',
      domains: ['south.example', 'also.example'],
      hosts: ['push.south.example', 'push.also.example'],
      addresses: [{ host: '127.0.0.1', port: 5070 }],
    },
  ])
  const addresses = [{ host: '127.0.0.1', port: 5060 }]
  t.deepEqual(south!.met, [{ name: 'north', domains: ['north.example'], hosts: ['push.north.example'], addresses }])
  const { plan: rules } = sound(assemble(north!))
  const message = { method: 'MESSAGE', user: 'bob', host: 'also.example' }
  t.is(rules.decide({ ...message, from: 'proxy' })?.uri, 'sip:127.0.0.1:5070')
  t.is(rules.decide({ ...message, from: 'hss' })?.element, 'proxy')
  t.is(rules.decide({ ...message, host: 'push.south.example', from: 'proxy' })?.uri, 'sip:127.0.0.1:5070')
  t.is(rules.decide({ ...message, from: 'outside' })?.element, 'proxy')
  t.is(rules.decide({ ...message, host: 'west.example', from: 'proxy' }), undefined)
})

test('names of operators and domains are compared without case', (t) => {
  const [north, south] = operatorsOf(plan({ north: usual.north.replace('south:', 'SOUTH:') }))
  t.deepEqual([north!.met?.[0]?.name, south!.met?.[0]?.name], ['south', 'north'])
  t.deepEqual(north!.notes ?? [], [])
})

test('a peering of one side is noted, and none', (t) => {
  const [north, south] = operatorsOf(plan({ south: usual.south.replace('north: {}', '') }))
  t.deepEqual([north!.met, south!.met], [undefined, undefined])
  const [note, ...others] = north!.notes!
  t.deepEqual(others, [])
  t.is(note!.line, 6)
  t.is(note!.text, 'north names south as a peer, and is not named by it: they stay strangers')
  t.is(note!.expected, 'peers: { north: {} } below south')
})

test('roaming: a peer may vouch for our Push host, and for those with flag bits that it vouches for; one side alone is noted', (t) => {
  const some = 'south: { roaming: true }, west.example: { flags: ["10"] }, east.example: { flags: ["11"], vouches: ["100"] }'
  const [north, south] = operatorsOf(plan({ north: usual.north.replace('south: {}', some) }))
  t.deepEqual(
    north!.met!.map(({ vouches }) => vouches),
    [north!.domains.map((domain) => `push.${domain}`), undefined, ['push.west.example']],
  )
  t.deepEqual(
    north!.agreements!.map(({ roaming }) => roaming),
    [true, false, false],
  )
  t.is(south!.met![0]!.vouches, undefined)
  t.is(north!.notes![0]!.text, 'north lets users roam with south, which does not say so: none can register through it')
})

test('a peer elsewhere is at an address, or is looked up; an operator alone may have some', (t) => {
  const [north] = operatorsOf(
    plan({ north: usual.north.replace('south: {}', 'west.example: { at: 198.51.100.7:5060 }, East.example: {}') }),
  )
  t.deepEqual(north!.met, [
    {
      name: 'west.example',
      domains: ['west.example'],
      hosts: ['push.west.example'],
      addresses: [{ host: '198.51.100.7', port: 5060 }],
    },
    { name: 'East.example', domains: ['east.example'], hosts: ['push.east.example'], addresses: [] },
  ])
  const alone = `name: a\ndomains: [a.example]\nlisten: [udp://127.0.0.1:5060]\npeers: { b.example: {} }\nelements: { proxy: { role: proxy } }\n`
  const [only] = operatorsOf(alone)
  t.deepEqual([only!.operator, only!.data, only!.met?.length], [undefined, 'data', 1])
})

const nodes = `nodes:
  n: { listen: [udp://10.0.0.1:5060], elements: [north/proxy, north/hss] }
  s: { listen: [udp://10.0.0.2:5060], elements: [south/hss] }
  edge: { listen: [{ at: udp://10.0.0.3:5060, advertise: 203.0.113.3 }], elements: [south/proxy] }
`
const split = {
  top: nodes,
  north: usual.north.replace(/listen.*/, ''),
  south: usual.south.replace(/listen.*/, ''),
}

test('nodes split operators, each of which is met at its proxy', (t) => {
  const [north, south] = operatorsOf(plan(split))
  t.deepEqual(
    south!.nodes.map(({ name, elements, data }) => [name, elements, data]),
    [
      ['s', ['hss'], 'data/south/s'],
      ['edge', ['proxy'], 'data/south/edge'],
    ],
  )
  t.deepEqual(north!.met?.[0]?.addresses, [
    { host: '10.0.0.3', port: 5060 },
    { host: '203.0.113.3', port: 5060 },
    { host: '10.0.0.2', port: 5060 },
  ])
  const edge = sound(atNode(south!, 'edge'))
  t.deepEqual([...elsewhere(edge).keys()], ['hss'])
  t.is(edge.name, 'two/south-edge')
})

test('a dialplan of several operators is none of one', (t) => {
  const [fault] = loadDialplan(write(plan())).faults ?? []
  t.like(fault, { text: 'this dialplan has several operators', expected: 'one of north, south' })
})

const cases: readonly (readonly [title: string, text: string, line: number, found: RegExp, expected: RegExp])[] = [
  [
    'an unknown peer',
    plan({ north: usual.north.replace('south:', 'sout:') }),
    6,
    /peers names sout, which is no operator here/,
    /one of south, a domain/,
  ],
  [
    'itself as a peer',
    plan({ north: usual.north.replace('south:', 'north:') }),
    6,
    /north, which is this operator itself/,
    /one of south/,
  ],
  [
    'an address for an operator here',
    plan({ north: usual.north.replace('{}', '{ at: 127.0.0.1:1 }') }),
    6,
    /peers\.south\.at is of an operator/,
    /no address/,
  ],
  [
    'a peer that no datagram reaches',
    plan({ south: usual.south.replace('udp:', 'tcp:') }),
    6,
    /south, which listens on no port of UDP/,
    /udp:\/\//,
  ],
  [
    'a domain in common',
    plan({ south: usual.south.replace('also', 'north') }),
    9,
    /the domain north\.example is of north too/,
    /of its own/,
  ],
  [
    'an address in common',
    plan({ south: usual.south.replace('5070', '5060') }),
    10,
    /listen has udp:\/\/127\.0\.0\.1:5060, as north has/,
    /of its own/,
  ],
  [
    'any address in common',
    plan({ south: usual.south.replace('127.0.0.1:5070', '0.0.0.0:5060') }),
    10,
    /listen has udp:\/\/0\.0\.0\.0:5060, as north has/,
    /of its own/,
  ],
  [
    'trust in an operator',
    plan({ north: `${usual.north}\n    trusted: [10.9.9.9, 127.0.0.1]` }),
    7,
    /trusted has 127\.0\.0\.1, from where south sends/,
    /peers: \{ south: \{\} \}, or an address/,
  ],
  [
    'trust in a peer elsewhere',
    plan({
      north: `${usual.north.replace('peers: {', 'peers: { west.example: { at: 192.0.2.9:5060 },')}\n    trusted: [192.0.2.9]`,
    }),
    6,
    /trusted has 192\.0\.2\.9, where the peer west\.example is/,
    /peers alone/,
  ],
  [
    'http in common',
    plan({ north: `${usual.north}\n    http: 127.0.0.1:80`, south: `${usual.south}\n    http: 127.0.0.1:80` }),
    13,
    /http is 127\.0\.0\.1:80, as north has it/,
    /of its own/,
  ],
  [
    'a folder in common',
    plan({ north: `${usual.north}\n    data: d`, south: `${usual.south}\n    data: d` }),
    13,
    /data is d, as north has it/,
    /of its own/,
  ],
  [
    'elements beside operators',
    plan({ top: 'elements: { hss: { role: hss } }\n' }),
    2,
    /'elements' beside its operators/,
    /elements below north or south/,
  ],
  [
    'listen beside operators',
    plan({ top: 'listen: [udp://127.0.0.1:5060]\n' }),
    2,
    /'listen' beside its operators/,
    /below north or south/,
  ],
  [
    'an operator that listens nowhere',
    plan({ north: usual.north.replace(/listen.*/, '') }),
    3,
    /the operator north has no 'listen'/,
    /listen/,
  ],
  [
    'a second HSS',
    plan({ south: usual.south }).replace(/hss: \{ role: hss, open: true \} \}\n$/, 'hss: { role: hss }, hss2: { role: hss } }\n'),
    12,
    /hss2 is a second hss/,
    /one element of role hss an operator/,
  ],
  [
    'nodes that name no operator',
    plan({ ...split, top: nodes.replace('south/hss', 'hss') }),
    4,
    /the node s has hss, which names no operator/,
    /north\/hss or south\/hss/,
  ],
  [
    'nodes that name an unknown element',
    plan({ ...split, top: nodes.replace('south/hss', 'south/hs') }),
    4,
    /the node s has hs, which is no element/,
    /some of proxy, hss/,
  ],
  [
    'a node of two operators',
    plan({ ...split, top: nodes.replace('[south/hss]', '[south/hss, north/hss]').replace(', north/hss] }\n  s', '] }\n  s') }),
    4,
    /the node s has elements of south and north/,
    /a node for each/,
  ],
  [
    'an operator at no node',
    plan({ ...split, top: nodes.replace(/ {2}s:.*\n {2}edge:.*\n/, '') }),
    10,
    /the operator south is at no node/,
    /a node for each of its elements/,
  ],
  [
    'a peer without a proxy',
    plan().replace('proxy: { role: proxy }, hss', 'hss'),
    6,
    /peers are met by a proxy, and there is none/,
    /role proxy/,
  ],
  [
    'two peers at one address',
    plan({
      north: usual.north.replace('south: {}', 'a.example: { at: 198.51.100.7:5060 }, b.example: { at: 198.51.100.7:5060 }'),
    }),
    6,
    /peers\.b\.example\.at is 198\.51\.100\.7:5060, as that of a\.example is/,
    /from which b\.example alone sends/,
  ],
  [
    'a peer at the address of an operator here',
    plan({ north: usual.north.replace('south: {}', 'south: {}, a.example: { at: 127.0.0.1:5070 }') }),
    6,
    /peers\.a\.example\.at is 127\.0\.0\.1:5070, where south is/,
    /from which a\.example alone sends/,
  ],
  [
    'a peer at our own address',
    plan({ north: usual.north.replace('south: {}', 'a.example: { at: 127.0.0.1:5060 }') }),
    6,
    /peers\.a\.example\.at is 127\.0\.0\.1:5060, where this operator itself listens/,
    /alone sends/,
  ],
  [
    'a peer at a node of ours',
    plan({ ...split, south: split.south.replace('north: {}', 'north: {}, a.example: { at: 10.0.0.2:5060 }') }),
    15,
    /10\.0\.0\.2:5060, where this operator itself listens/,
    /alone sends/,
  ],
  [
    'a peer at what a node advertises',
    plan({ ...split, south: split.south.replace('north: {}', 'north: {}, a.example: { at: 203.0.113.3:5060 }') }),
    15,
    /203\.0\.113\.3:5060, where this operator itself listens/,
    /alone sends/,
  ],
  [
    'a peer at any address',
    plan({ north: usual.north.replace('south: {}', 'a.example: { at: 0.0.0.0:5060 }') }),
    6,
    /peers\.a\.example\.at is 0\.0\.0\.0:5060, which is any address/,
    /alone sends/,
  ],
  [
    'a peer whose domain ends in a dot',
    plan({ north: usual.north.replace('south: {}', 'a.example.: {}') }),
    6,
    /peers names a\.example\., with a dot at its end/,
    /^a\.example$/,
  ],
  [
    'an operator here with a dot behind',
    plan({ north: usual.north.replace('south: {}', 'south.example.: {}') }),
    6,
    /peers names south\.example\., with a dot/,
    /^south\.example$/,
  ],
  [
    'a domain that ends in a dot',
    plan({ north: usual.north.replace('north.example', 'north.example.') }),
    4,
    /the domain north\.example\. has a dot at its end/,
    /^north\.example$/,
  ],
  [
    'one peer by name and domain',
    plan({ north: usual.north.replace('south: {}', 'south: {}, South.Example: {}') }),
    6,
    /peers names South\.Example, which is south again/,
    /each peer once/,
  ],
  [
    'one peer in other letters',
    plan({ north: usual.north.replace('south: {}', 'a.example: {}, A.example: {}') }),
    6,
    /peers names A\.example, which is a\.example again/,
    /each peer once/,
  ],
  [
    'two nodes on one port',
    plan({ ...split, top: nodes.replace('10.0.0.3', '10.0.0.2') }),
    5,
    /the node edge listens on udp:\/\/10\.0\.0\.2:5060, as s does/,
    /of its own/,
  ],
  ['neither operators nor elements', 'name: x\n', 1, /has no 'domains'/, /domains/],
]
for (const [title, text, line, found, expected] of cases) {
  test(`a fault: ${title}`, (t) => {
    const fault = faultsOf(text).find((each) => found.test(each.text))
    t.truthy(fault, `${faultsOf(text).map((each) => `${each.line} ${each.text}`)}`)
    t.regex(fault!.expected, expected)
    t.is(fault!.line, line)
  })
}
