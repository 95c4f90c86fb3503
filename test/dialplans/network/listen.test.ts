/** Where a dialplan listens: addresses that are any, and those that stand for ours outside. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { announcement } from '../../../dialplans/commands/start/announcement.ts'
import { locateListening } from '../../../dialplans/commands/support/listening.ts'
import { assemble } from '../../../dialplans/network/assemble.ts'
import { type Dialplan, parseOuter, printFault, type ValueOrFaults } from '../../../dialplans/network/dialplan.ts'
import { loadDialplan } from '../../../dialplans/network/load.ts'
import { atNode, elsewhere } from '../../../dialplans/network/nodes.ts'

const folder = mkdtempSync(join(tmpdir(), 'proxima-listen-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

function load(listen: string, more = ''): ValueOrFaults<Dialplan> {
  const file = join(folder, `${++files}.yaml`)
  writeFileSync(
    file,
    `name: x\ndomains: [sip.test]\n${listen}\nelements:\n  proxy: { role: proxy }\n  hss: { role: hss, open: true }\n${more}`,
  )
  return loadDialplan(file)
}
function loaded(listen: string): Dialplan {
  const outcome = load(listen)
  if (outcome.faults !== undefined) throw new Error(outcome.faults.map(printFault).join('\n'))
  return outcome.value
}
function faultsOf(listen: string, more = ''): readonly string[] {
  const outcome = load(listen, more)
  const faults = outcome.faults ?? assemble(outcome.value).faults ?? []
  return faults.map((fault) => printFault(fault).replace(/^[^:]*:/, ''))
}

test('a host name in listen is looked up at start, at all nodes', async (t) => {
  const names: string[] = []
  const addressOf = (host: string): Promise<{ address: string }> => {
    names.push(host)
    return host === 'one.test'
      ? Promise.resolve({ address: '192.0.2.1' })
      : Promise.reject(Object.assign(new Error(), { code: 'EAI' }))
  }
  const plan = loaded('listen: [udp://one.test:5060, "tcp://one.test:5060", "ws://[::1]:0"]')
  const hosts = (listen: Dialplan['listen']): readonly string[] => listen.map(({ host }) => host)
  t.deepEqual(hosts((await locateListening(plan, addressOf)).listen), ['192.0.2.1', '192.0.2.1', '::1'])
  t.deepEqual(names, ['one.test'])
  const several = loaded(
    'nodes:\n  one: { listen: [udp://one.test:5060], elements: [proxy] }\n  two: { listen: [udp://192.0.2.2:5060], elements: [hss] }',
  )
  const second = atNode(several, 'two')
  if (second.faults !== undefined) return t.fail()
  const two = await locateListening(second.value, addressOf)
  t.like(elsewhere(two).get('proxy'), { name: 'one', host: '192.0.2.1', port: 5060 })
  t.deepEqual(hosts(two.listen), ['192.0.2.2'])
  const plain = loaded('listen: [udp://127.0.0.1:5060]')
  t.is(await locateListening(plain, addressOf), plain)
  const refusal = await t.throwsAsync(locateListening(loaded('listen: [udp://two.test:5060]'), addressOf))
  t.is(refusal?.message, 'udp://two.test:5060: the host two.test cannot be found (EAI); write an IP address of its machine')
})

test('an entry of listen may advertise another address', (t) => {
  const listen =
    "listen: [{ at: udp://0.0.0.0:5060, advertise: 203.0.113.7 }, { at: 'tcp://[::]:5060', advertise: 'SIP.example.com:5070' }]"
  t.deepEqual(loaded(listen).listen, [
    { transport: 'UDP', host: '0.0.0.0', port: 5060, advertise: { host: '203.0.113.7', port: 0 } },
    { transport: 'TCP', host: '::', port: 5060, advertise: { host: 'sip.example.com', port: 5070 } },
  ])
  t.deepEqual(parseOuter('[2001:db8::7]'), { host: '2001:db8::7', port: 0 })
})

test('what cannot be advertised is told with its line', (t) => {
  for (const wrong of ['0.0.0.0', '198.51.100.7:99999'])
    t.deepEqual(faultsOf(`listen:\n  - at: udp://0.0.0.0:5060\n    advertise: ${wrong}`), [
      `5: advertise is ${wrong}; expected an address that peers can send to, and a port of at most 65535`,
    ])
  const [fault] = faultsOf('listen: [{ at: udp://0.0.0.0:5060 }]')
  t.regex(fault ?? '', /^3: listen.* expected udp:\/\/, .* advertise: 203\.0\.113\.7 }$/)
})

test('a node of several is at one address, or the others would not find it', (t) => {
  const nodes = 'nodes:\n  one: { listen: [udp://0.0.0.0:5060], elements: [proxy, hss] }'
  t.deepEqual(faultsOf(nodes), [
    '4: the node one is at udp://0.0.0.0:5060, where no other node finds it; expected one address of its machine',
  ])
})

test('a rule that sends to an address of ours loops, where we listen on any too', (t) => {
  const rules = (to: string): string => `rules:\n  - { to: '${to}' }\n`
  t.regex(faultsOf('listen: [udp://0.0.0.0:5060]', rules('sip:127.0.0.1:5060'))[0] ?? '', /a routing loop/)
  const outer = 'listen: [{ at: udp://0.0.0.0:5060, advertise: 203.0.113.7:5070 }]'
  t.regex(faultsOf(outer, rules('sip:203.0.113.7:5070'))[0] ?? '', /a routing loop/)
  t.deepEqual(faultsOf(outer, rules('sip:203.0.113.7:5060')), [])
})

test('the announcement names what softphones can send to', (t) => {
  const value = loaded('listen: [udp://0.0.0.0:5060]')
  const hss = {
    name: 'hss',
    role: 'hss',
    line: 1,
    settings: { subscribers: [{ id: 'sip:alice@sip.test', password: 'alice-proxima' }] },
  }
  const plan = { ...value, elements: [value.elements[0]!, hss] }
  const advertise = { host: 'sip.example.com', port: 0 }
  const any = { transport: 'UDP', host: '0.0.0.0', port: 5060 } as const
  const lines = announcement(plan, {
    listening: [any, { ...any, transport: 'WS', advertise }],
    carrier: 'dgram',
    http: undefined,
  })
  const proxies = lines.filter((line) => /^ {4}(?:proxy|in a browser)/.test(line))
  t.true(proxies.length >= 2)
  for (const line of proxies) t.notRegex(line, /0\.0\.0\.0/)
  t.true(proxies.at(-1)?.endsWith('ws://sip.example.com:5060'))
})
