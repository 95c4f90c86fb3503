/** Where the server of a name is (RFC 3263 §4), in virtual time and with a table for the domain name system. */
import test from 'ava'
import { ManualClock } from '../../../signalling/testing.ts'
import { Backoff } from '../../../signalling/transports/backoff.ts'
import { NameCache } from '../../../signalling/transports/dns.ts'
import { inTurn, type LocatedTargets, Locator, type ServerAddress, targetKey } from '../../../signalling/transports/locate.ts'
import { Names } from '../../support/names.ts'

const everything = ['UDP 4', 'TCP 4', 'TLS 4', 'UDP 6', 'TCP 6']

function scene(lines: readonly string[], ways: readonly string[] = everything) {
  const clock = new ManualClock()
  const names = new Names(lines)
  const cache = new NameCache(clock, names, 200, 8)
  const backoff = new Backoff(clock, 3)
  const reaches = (transport: string, family: 4 | 6): boolean => ways.includes(`${transport} ${family}`)
  const locator = new Locator({ clock, resolver: cache, backoff, chance: () => 0, reaches })
  const locate = async (place: Partial<ServerAddress> = {}, ms = 0): Promise<LocatedTargets> => {
    const located = locator.locate({ host: 'far.example', port: 0, transport: '', secure: false, ...place })
    await clock.advance(ms)
    return located
  }
  return { clock, names, cache, backoff, locate }
}

function printed(located: LocatedTargets): readonly string[] {
  return located.targets === undefined ? [located.text] : located.targets.map(targetKey)
}

const rfc = [
  'far.example NAPTR 50 50 s SIPS+D2T _sips._tcp.far.example',
  'far.example NAPTR 90 50 s SIP+D2T _sip._tcp.far.example',
  'far.example NAPTR 100 50 s SIP+D2U _sip._udp.far.example',
  '_sip._tcp.far.example SRV 0 1 5060 server1.far.example',
  '_sip._tcp.far.example SRV 1 2 5070 server2.far.example',
  '_sips._tcp.far.example SRV 0 1 5061 server1.far.example',
  '_sip._udp.far.example SRV 0 1 5080 server1.far.example',
  'server1.far.example A 10.0.9.1',
  'server2.far.example A 10.0.9.2',
  'server2.far.example AAAA 2001:db8::2',
  'far.example A 10.0.9.9',
]

for (const [what, place, lines, ways, expected] of [
  [
    'NAPTR orders the transports',
    {},
    rfc,
    everything,
    'TLS|10.0.9.1|5061 TCP|10.0.9.1|5060 TCP|10.0.9.2|5070 TCP|2001:db8::2|5070 UDP|10.0.9.1|5080',
  ],
  ['what we cannot send by is passed over', {}, rfc, ['TCP 4'], 'TCP|10.0.9.1|5060 TCP|10.0.9.2|5070'],
  ['sips: over TLS only', { secure: true }, rfc, everything, 'TLS|10.0.9.1|5061'],
  ['a transport parameter needs no NAPTR', { transport: 'UDP' }, rfc, everything, 'UDP|10.0.9.1|5080'],
  ['a port needs no SRV', { port: 5099 }, rfc, everything, 'UDP|10.0.9.9|5099'],
  ['a port and a transport', { port: 5099, transport: 'TCP' }, rfc, everything, 'TCP|10.0.9.9|5099'],
  ['sips: with a port', { port: 5099, secure: true }, rfc, everything, 'TLS|10.0.9.9|5099'],
  [
    'without NAPTR all SRV are asked',
    {},
    rfc.slice(3),
    everything,
    'UDP|10.0.9.1|5080 TCP|10.0.9.1|5060 TCP|10.0.9.2|5070 TCP|2001:db8::2|5070 TLS|10.0.9.1|5061',
  ],
  [
    'without SRV the address and the usual port',
    {},
    ['far.example A 10.0.9.9', 'far.example AAAA 2001:db8::9'],
    everything,
    'UDP|10.0.9.9|5060 UDP|2001:db8::9|5060',
  ],
  ['without SRV, sips:', { secure: true }, ['far.example A 10.0.9.9'], everything, 'TLS|10.0.9.9|5061'],
  ['SRV without records, transport TCP', { transport: 'TCP' }, ['far.example A 10.0.9.9'], everything, 'TCP|10.0.9.9|5060'],
  [
    'SRV says that there is no such service',
    { transport: 'TCP' },
    ['_sip._tcp.far.example SRV 0 0 0 .', 'far.example A 10.0.9.9'],
    everything,
    'far.example has no address that we can send to; expected A or AAAA records',
  ],
  ['no such name', {}, [], everything, 'far.example has no address that we can send to; expected A or AAAA records'],
  [
    'NAPTR of other services and flags',
    {},
    ['far.example NAPTR 1 1 u E2U+sip x', 'far.example NAPTR 1 1 a SIP+D2U x', 'far.example A 10.0.9.9'],
    everything,
    'UDP|10.0.9.9|5060',
  ],
] as const) {
  test(what, async (t) => {
    const { locate } = scene(lines, ways)
    t.is(printed(await locate(place)).join(' '), expected)
  })
}

test('weights by chance within a priority, each record once', (t) => {
  const records = [
    { priority: 2, weight: 0, port: 1, name: 'last' },
    { priority: 1, weight: 10, port: 1, name: 'light' },
    { priority: 1, weight: 90, port: 1, name: 'heavy' },
    { priority: 1, weight: 0, port: 1, name: 'none' },
  ]
  const order = (chance: number): string =>
    inTurn(records, () => chance)
      .map(({ name }) => name)
      .join(' ')
  t.is(order(0.05), 'light heavy none last')
  t.is(order(0.5), 'heavy light none last')
  t.is(order(0.999_999), 'heavy light none last')
})

test('an answer is asked for once, until its life is over; nothing and failure are remembered for less', async (t) => {
  const { clock, names, locate } = scene(['far.example A 10.0.9.9 20'])
  const place = { port: 5060 }
  await Promise.all([locate(place), locate(place), locate(place)])
  t.deepEqual(names.asked, ['A far.example', 'AAAA far.example'])
  await clock.advance(11_000)
  await locate(place)
  t.deepEqual(names.asked.slice(2), ['AAAA far.example'], 'that there is none is asked again first')
  await clock.advance(10_000)
  await locate(place)
  t.true(names.asked.slice(3).includes('A far.example'))
  names.broken.add('far.example')
  await clock.advance(70_000)
  t.deepEqual(printed(await locate(place)), ['far.example cannot be looked up now: come again later'])
  names.broken.clear()
  t.deepEqual(printed(await locate(place)), ['far.example cannot be looked up now: come again later'])
  await clock.advance(3_001)
  t.deepEqual(printed(await locate(place)), ['UDP|10.0.9.9|5060'])
})

test('a name service that never answers holds nobody longer than four seconds', async (t) => {
  const { clock, names, locate, cache } = scene([])
  names.silent.add('far.example')
  const before = clock.now()
  const located = await locate({}, 4_000)
  t.is(clock.now() - before, 4_000)
  t.deepEqual(located, { missing: false, text: 'no answer in time about far.example: come again later' })
  // Questions under way are bounded: what comes on top of them is told at once, of other names too.
  for (let i = 0; i < 4; i++) {
    names.silent.add(`s${i}.example`)
    await locate({ host: `s${i}.example`, port: 5060 }, 4_000)
  }
  t.deepEqual(printed(await locate({ host: 'third.example' })), ['third.example cannot be looked up now: come again later'])
  t.true(cache.size <= 200)
})

test('who has too many names looked up that nobody answers about keeps nobody from those that are known', async (t) => {
  const { clock, names, locate } = scene(rfc)
  t.deepEqual(printed(await locate({ host: 'server1.far.example', port: 5060 })), ['UDP|10.0.9.1|5060'])
  await clock.advance(400_000)
  for (let i = 0; i < 10; i++) {
    names.silent.add(`slow${i}.example`)
    void locate({ host: `slow${i}.example`, port: 5060 })
  }
  t.deepEqual(printed(await locate({ host: 'server1.far.example', port: 5060 })), ['UDP|10.0.9.1|5060'])
})

test('names remembered are bounded', async (t) => {
  const { cache, locate } = scene([])
  for (let i = 0; i < 300; i++) await locate({ host: `h${i}.example` })
  t.true(cache.size <= 200)
})

test('a target that failed comes last for a while, longer each time; and is first again afterwards', async (t) => {
  const { clock, backoff, locate } = scene(['far.example A 10.0.9.1', 'far.example A 10.0.9.2'], ['UDP 4'])
  const first = async (): Promise<string> => printed(await locate({ port: 5060 }))[0]!
  t.is(await first(), 'UDP|10.0.9.1|5060')
  for (const wait of [5_000, 10_000, 20_000]) {
    backoff.failed('UDP|10.0.9.1|5060')
    t.is(await first(), 'UDP|10.0.9.2|5060')
    await clock.advance(wait - 1)
    t.is(await first(), 'UDP|10.0.9.2|5060')
    await clock.advance(1)
    t.is(await first(), 'UDP|10.0.9.1|5060')
  }
  backoff.worked('UDP|10.0.9.1|5060')
  t.is(backoff.size, 0)
  backoff.failed('UDP|10.0.9.1|5060', 60_000)
  await clock.advance(59_000)
  t.is(await first(), 'UDP|10.0.9.2|5060', 'Retry-After')
  for (let i = 0; i < 20; i++) backoff.failed(`UDP|10.0.8.${i}|5060`)
  t.is(backoff.size, 3, 'bounded')
})
