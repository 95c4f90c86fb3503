/** Peers of a network: whom each may vouch for, by datagram and by certificate, and the rules by which requests leave for them. */
import test from 'ava'
import type { Flow, PeerOperator } from '../../../signalling/index.ts'
import { Peers, rulesOfPeers } from '../../../signalling/routing/peers.ts'
import { requestOf } from '../../support/requests.ts'

const north: PeerOperator = { name: 'north', domains: ['north.example'], addresses: [{ host: '10.0.0.1', port: 5060 }] }
const west: PeerOperator = { name: 'west', domains: ['west.example'], addresses: [] }
const to = { host: '', port: 0 } as unknown as Flow
const peers = new Peers([north, west], { to: (_, { host }) => (host === '10.0.0.1' ? to : undefined) })

const from = (host: string, port: number, others: Partial<Flow> = {}): Flow =>
  ({ remote: { host, port }, reliable: false, trusted: false, ...others }) as Flow
const asserting = (...values: readonly string[]) =>
  requestOf('MESSAGE', 'sip:bob@south.example', { lines: values.map((each) => `P-Asserted-Identity: ${each}`) })
const alice = asserting('<sip:alice@north.example>')

test('a peer is known by the very address and port of its datagrams, or by a certificate of its domain', (t) => {
  const user = (flow: Flow): string | undefined => peers.asserted(alice, flow)?.uri.text
  t.is(user(from('10.0.0.1', 5060)), 'sip:alice@north.example')
  t.is(user(from('10.0.0.1', 5062)), undefined)
  t.is(user(from('10.0.0.1', 5060, { reliable: true })), undefined, 'a connection proves nothing by its address')
  t.is(user(from('10.9.9.9', 1234, { reliable: true, domains: ['x.example', 'north.example'] })), 'sip:alice@north.example')
  t.is(user(from('10.9.9.9', 1234, { reliable: true, domains: ['west.example'] })), undefined)
  t.is(user(from('10.0.0.1', 5060, { trusted: true })), undefined, 'a trusted peer is asked elsewhere')
})

test('a peer vouches for SIP users of its domains alone', (t) => {
  const at = from('10.0.0.1', 5060)
  t.truthy(peers.asserted(asserting('<sips:alice@NORTH.example>'), at))
  t.truthy(peers.asserted(asserting('<tel:+49301>', '<sip:alice@north.example>'), at))
  for (const values of [
    ['<sip:alice@a.north.example>'],
    ['<pres:alice@north.example>'],
    ['<sip:alice@north.example>', '<x>'],
    [],
  ])
    t.is(peers.asserted(asserting(...values), at), undefined, String(values))
})

test('domains of peers are known, and the flow to one whose address is', (t) => {
  t.deepEqual([peers.has('north.example'), peers.has('west.example'), peers.has('south.example')], [true, true, false])
  t.deepEqual([peers.flowTo('north.example'), peers.flowTo('west.example'), peers.flowTo('x')], [to, undefined, undefined])
  t.true(peers.isAt(from('10.0.0.1', 5060)))
  t.false(peers.isAt(from('10.0.0.3', 5060)))
  const called = from('10.0.0.3', 5061, { reliable: true, dialled: true, askedName: 'west.example' })
  t.true(peers.isAt(called), 'before it has shown its certificate')
  t.is(peers.asserted(alice, called), undefined, 'which alone makes it believed')
})

test('requests of elements leave through the proxy, which alone sends to a peer', (t) => {
  const elements = new Map([
    ['proxy', 1],
    ['presence', 2],
  ])
  const rules = rulesOfPeers({ peers: [north, west], proxy: 'proxy', elements })
  t.deepEqual(
    rules.map(({ from: who, host, to: target }) => [who, host, target]),
    [
      [['trusted', 'presence'], ['north.example'], 'proxy'],
      ['proxy', ['north.example'], 'sip:10.0.0.1:5060'],
      [['trusted', 'presence'], ['west.example'], 'proxy'],
      ['proxy', ['west.example'], 'sips:west.example'],
    ],
  )
  t.deepEqual(rulesOfPeers({ peers: [north], elements }), [], 'without a proxy nobody keeps the border')
})
