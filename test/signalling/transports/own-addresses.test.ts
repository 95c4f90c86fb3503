/** What we call ourselves where a socket listens on any address: each peer is told that by which it reaches us. */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import type { HostPort } from '../../../signalling/index.ts'
import { H } from '../../../signalling/messages/names.ts'
import { ManualClock, MemoryNetwork } from '../../../signalling/testing.ts'
import { FlowTable } from '../../../signalling/transports/flows.ts'
import { LocalAddress } from '../../../signalling/transports/local-address.ts'
import { type MachineAddresses, SystemAddresses } from '../../../signalling/transports/machine-addresses.ts'
import { Agent, Lab } from '../../support/lab.ts'
import { type RequestParts, requestText, Wire } from '../../support/wire.ts'

/** Has 10.0.1.254 in one network and 10.0.2.254 in the other. */
class TwoHomes implements MachineAddresses {
  lost = false
  private known = ['10.0.1.254', '10.0.2.254']
  has(host: string): boolean {
    return this.known.includes(host)
  }
  towards(peer: string): string {
    return peer.startsWith('10.0.2.') ? '10.0.2.254' : this.usual()
  }
  usual(): string {
    return this.lost ? '10.0.3.254' : '10.0.1.254'
  }
  renew(): boolean {
    if (!this.lost || this.known.length > 2) return false
    this.known = [...this.known, '10.0.3.254']
    return true
  }
}

/** A server of the other network, which the dialplan trusts. */
const fellow = '10.0.2.9'
const any: HostPort = { host: '0.0.0.0', port: 5060 }

async function served(addresses: TwoHomes, advertise?: HostPort) {
  const lab = new Lab()
  lab.trusted.push(fellow)
  const agent = Object.assign(new Agent('agent'), { claims: [] })
  lab.at = { addresses, listen: [{ transport: 'MEM', ...any, ...(advertise === undefined ? {} : { advertise }) }] }
  const elements = [
    createProxy('proxy', { authenticate: 'none', registration: 'optional' }),
    createHss('hss', { open: true }),
    createPresence('presence', {}),
    agent,
  ]
  const node = await lab.serve(['localhost'], elements)
  const phone = async (host: string, server: string): Promise<Wire> => Wire.at(lab, host, 5060, { host: server, port: 5060 })
  const sent = async (wire: Wire, method: string, uri: string, parts: RequestParts): Promise<void> => {
    wire.send(requestText(method, uri, { via: wire.here.host, branch: `z9hG4bK-${lab.clock.now()}-${wire.here.host}`, ...parts }))
    await lab.clock.advance(50)
  }
  const register = async (wire: Wire, user: string): Promise<void> => {
    const lines = [`Contact: <sip:${user}@${wire.here.host}>`, 'Expires: 600']
    await sent(wire, 'REGISTER', 'sip:localhost', {
      from: `sip:${user}@localhost`,
      to: `sip:${user}@localhost`,
      callId: user,
      lines,
    })
  }
  return { lab, node, agent, phone, sent, register }
}

function texts(...wires: readonly Wire[]): string {
  return wires.flatMap(({ arrivals }) => arrivals.map(({ bytes }) => bytes.toString('latin1'))).join()
}

test('a call from one network of ours into another: each side is told where it reaches us, and the BYE comes through', async (t) => {
  const { lab, phone, sent, register } = await served(new TwoHomes())
  const alice = await phone('10.0.1.1', '10.0.1.254')
  const bob = await phone('10.0.2.1', '10.0.2.254')
  await register(alice, 'alice')
  await register(bob, 'bob')
  t.deepEqual([alice.statuses, bob.statuses], [[200], [200]])
  await sent(alice, 'INVITE', 'sip:bob@localhost', { callId: 'call', lines: ['Contact: <sip:alice@10.0.1.1>'] })
  const invite = bob.requests[0]!
  t.is(invite.via?.host, '10.0.2.254')
  const routes = invite.list(H['Record-Route'])
  t.deepEqual(
    routes.map((route) => /@([^;]+);/.exec(route)![1]),
    ['10.0.2.254:5060', '10.0.1.254:5060'],
    'RFC 5658: one for each network',
  )
  bob.answer(invite, 200, { recordRoute: true, headers: [['Contact', '<sip:bob@10.0.2.1>']] })
  await lab.clock.advance(50)
  const accepted = alice.responses.find((response) => response.status === 200 && response.callId === 'call')!
  const dialog = { callId: 'call', toTag: accepted.toTag, to: 'sip:bob@localhost' }
  const back = accepted.list(H['Record-Route']).reverse()
  await sent(alice, 'ACK', 'sip:bob@10.0.2.1', { ...dialog, lines: back.map((route) => `Route: ${route}`) })
  await sent(bob, 'BYE', 'sip:alice@10.0.1.1', {
    ...{ callId: 'call', from: 'sip:bob@localhost', fromTag: accepted.toTag, to: 'sip:alice@localhost', toTag: 'from-1' },
    lines: routes.map((route) => `Route: ${route}`),
  })
  t.deepEqual(
    [alice, bob].map((wire) => wire.requests.map(({ method }) => method)),
    [['BYE'], ['INVITE', 'ACK']],
  )
  t.notRegex(texts(alice, bob), /0\.0\.0\.0/)
})

test('the Contact of an element is an address of ours, and of the peer’s network where it is asked or asks directly', async (t) => {
  const { lab, agent, phone, sent } = await served(new TwoHomes())
  t.is(agent.host.contact, 'sip:agent@10.0.1.254:5060')
  const far = await phone(fellow, '10.0.2.254')
  agent.host.subscribe({ to: `sip:there@${fellow}`, event: 'presence' }, { notified: () => undefined })
  await lab.clock.advance(50)
  const subscribe = far.requests[0]!
  t.is(subscribe.contactUri?.text, 'sip:agent@10.0.2.254:5060')
  far.answer(subscribe, 200, {
    headers: [
      ['Contact', `<sip:there@${fellow}>`],
      ['Expires', '600'],
    ],
  })
  const lines = ['Event: presence', 'Subscription-State: active', `Contact: <sip:there@${fellow}>`]
  const dialog = {
    callId: subscribe.callId,
    from: `sip:there@${fellow}`,
    fromTag: `at-${fellow}`,
    toTag: subscribe.fromTag,
    lines,
  }
  await sent(far, 'NOTIFY', subscribe.contactUri!.text, dialog)
  t.deepEqual(far.statuses, [200], 'its own Contact is ours')
  t.is(far.responses[0]!.contactUri?.text, 'sip:agent@10.0.2.254:5060')
  t.notRegex(texts(far), /0\.0\.0\.0/)
})

test('addresses that come while we run are ours and are told; those that went stay ours, for what is under way', async (t) => {
  const addresses = new TwoHomes()
  const { lab, agent } = await served(addresses)
  addresses.lost = true
  await lab.clock.advance(10_000)
  t.is(agent.host.contact, 'sip:agent@10.0.3.254:5060')
  for (const host of ['10.0.3.254', '10.0.1.254']) t.true(agent.host.flows.isOurs(host, 5060), host)
})

test('an advertised address stands in Via, Record-Route and Contact, and is ours', async (t) => {
  const { agent, phone, sent, register } = await served(new TwoHomes(), { host: 'sip.example.com', port: 0 })
  t.is(agent.host.contact, 'sip:agent@sip.example.com:5060')
  t.true(agent.host.flows.isOurs('sip.example.com', 5060))
  t.false(agent.host.flows.isOurs('sip.example.com', 5070))
  const alice = await phone('10.0.1.1', '10.0.1.254')
  const bob = await phone('10.0.2.1', '10.0.2.254')
  await register(bob, 'bob')
  await sent(alice, 'INVITE', 'sip:bob@localhost', { lines: ['Contact: <sip:alice@10.0.1.1>'] })
  const invite = bob.requests[0]!
  t.is(invite.via?.host, 'sip.example.com')
  for (const route of invite.list(H['Record-Route'])) t.regex(route, /@sip\.example\.com:5060;lr/)
  t.notRegex(texts(alice, bob), /0\.0\.0\.0|\.254/)
})

test('of several sockets the one in the network of the peer sends to it, also where all have one port', (t) => {
  const network = new MemoryNetwork(new ManualClock())
  const sink = { received: () => undefined, closed: () => undefined, failed: () => undefined }
  const addresses = new TwoHomes()
  const hosts = ['10.0.1.254', '10.0.2.254']
  const transports = hosts.map((host) =>
    network.transport({ listen: { host, port: 5060 }, sink, isTrusted: () => false, addresses }),
  )
  const flows = new FlowTable(transports, [], addresses)
  for (const [peer, own] of [
    ['10.0.1.1', '10.0.1.254'],
    ['10.0.2.1', '10.0.2.254'],
  ] as const) {
    const flow = flows.to('MEM', { host: peer, port: 5060 })!
    t.is(flow.local.host, own)
    t.is(flows.named(flows.nameOf(flow))?.local.host, own)
  }
  t.is(flows.to('MEM', { host: '10.0.2.1', port: 5060 }, { port: 5070 })?.local.host, '10.0.2.254')
})

test('the system says which of its addresses a peer reaches', (t) => {
  const machine = new SystemAddresses()
  t.is(machine.towards('127.0.0.1'), '127.0.0.1')
  t.true(machine.has('127.0.0.1'))
  t.true(machine.has('127.8.9.1'))
  t.false(machine.has('198.51.100.200'))
  for (const peer of ['198.51.100.200', '255.255.255.255', '2001:db8::7', 'no address']) {
    const source = machine.towards(peer)
    t.true(machine.has(source) || source === '::1', `${peer}: ${source}`)
  }
  t.notRegex(machine.usual(false), /^0\.|:/)
  t.false(machine.renew())
})

test('a connection has the address that it came to, written as IPv4 if it is', (t) => {
  const localAddress = new LocalAddress({ host: '::', port: 5060 }, new TwoHomes())
  t.deepEqual(localAddress.of('::ffff:10.0.2.254', '10.0.2.1'), { host: '10.0.2.254', port: 5060 })
  t.deepEqual(localAddress.of('fe80::1%eth0', 'fe80::2%eth0'), { host: 'fe80::1', port: 5060 })
  t.deepEqual(localAddress.of(undefined, '10.0.2.1'), { host: '10.0.2.254', port: 5060 })
  t.is(localAddress.towards('10.0.2.7'), localAddress.towards('10.0.2.8'), 'one object for each')
  const only = new LocalAddress({ host: '127.0.0.1', port: 0 }, new TwoHomes(), { host: 'outer.example', port: 0 })
  only.bound({ host: '127.0.0.1', port: 5099 })
  t.deepEqual([only.of('127.0.0.1', '127.0.0.1'), only.sentBy], [only.local, { host: 'outer.example', port: 5099 }])
})
