/** Flows: whose address is ours, and the sealed tokens that lead back over one (RFC 5626 §5.2). */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { ManualClock, MemoryNetwork } from '../../../signalling/testing.ts'
import { FlowTable } from '../../../signalling/transports/flows.ts'
import type { Flow, Transport } from '../../../signalling/transports/transport.ts'
import { ClosedFlow } from '../../../signalling/transports/ws.ts'
import { Agent, Lab } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'

function connection(id: string): Flow & { open: boolean } {
  return {
    id,
    transport: 'TCP',
    reliable: true,
    local: { host: '10.0.0.1', port: 5060 },
    remote: { host: '192.0.2.1', port: 40_000 },
    trusted: false,
    open: true,
    identity: undefined,
    send: () => true,
    close: () => undefined,
  }
}

function table(hosts: readonly string[] = ['10.0.0.1'], key = 'key'): { flows: FlowTable; transports: readonly Transport[] } {
  const network = new MemoryNetwork(new ManualClock())
  const sink = { received: () => undefined, closed: () => undefined, failed: () => undefined }
  const transports = hosts.map((host) => network.transport({ listen: { host, port: 5060 }, sink, isTrusted: () => false }))
  const flows = new FlowTable(transports, ['localhost', 'example.com'])
  flows.sealBy(key)
  return { flows, transports }
}

test('what is ours: domains without a port, and our addresses with ours', (t) => {
  const { flows } = table()
  for (const [host, port, ours] of [
    ['localhost', 0, true],
    ['example.com', 5060, true],
    ['example.com', 5070, false],
    ['10.0.0.1', 5060, true],
    ['10.0.0.1', 0, true],
    ['10.0.0.1', 5070, false],
    ['10.0.0.2', 5060, false],
    ['sub.example.com', 0, false],
    ['', 0, false],
  ] as const)
    t.is(flows.isOurs(host, port), ours, `${host}:${port}`)
  const { flows: everywhere } = table(['0.0.0.0'])
  for (const [host, port, ours] of [
    ['127.0.0.1', 5060, true],
    ['127.0.0.1', 0, true],
    ['127.0.0.1', 5070, false],
    ['0.0.0.0', 5060, true],
    ['example.com', 5060, true],
    ['198.51.100.7', 5060, false],
    ['far.example', 0, false],
  ] as const)
    t.is(everywhere.isOurs(host, port), ours, `${host}:${port}, where we listen on any address`)
  for (const host of ['10.0.0.1', 'example.com', '127.0.0.1', '10.0.0.2'])
    t.is(flows.isOurHost(host), host === '10.0.0.1', `${host}, at whichever port`)
  t.true(everywhere.isOurHost('127.0.0.1'))
  t.false(everywhere.isOurHost('198.51.100.7'))
})

test('a Record-Route says which transport it is for (RFC 3261 §19.1.1; RFC 7118 §5.1)', (t) => {
  const { flows } = table()
  for (const [transport, parameter] of [
    ['UDP', ''],
    ['TCP', ';transport=tcp'],
    ['TLS', ';transport=tls'],
    ['WS', ';transport=ws'],
    ['WSS', ';transport=ws'],
  ] as const) {
    const flow = { ...connection(transport), transport }
    t.is(flows.routeTo('proxy', flow), `sip:proxy.${flows.token(flow)}@10.0.0.1:5060${parameter};lr`)
  }
})

test('a datagram peer is found again by token and by name, in another process too', (t) => {
  const { flows, transports } = table()
  const flow = transports[0]!.connect({ host: '10.0.0.9', port: 5099 })
  t.is(flows.find(flows.token(flow)), flow)
  t.is(flows.named(flows.nameOf(flow)), flow)
  const later = table()
  t.deepEqual(later.flows.find(flows.token(flow))?.remote, { host: '10.0.0.9', port: 5099 })
})

test('a token names the user behind its flow, for us alone; one without a user is read too', (t) => {
  const { flows, transports } = table()
  const flow = transports[0]!.connect({ host: '10.0.0.9', port: 5099 })
  const [plain, alice, bob] = [
    flows.token(flow),
    flows.token(flow, 'sip:alice@localhost'),
    flows.token(flow, 'sip:bob@localhost'),
  ]
  const name = flows.nameOf(flow)
  t.deepEqual(flows.read(plain), { flow: name, user: undefined })
  for (const reader of [flows, table().flows]) t.deepEqual(reader.read(alice), { flow: name, user: 'sip:alice@localhost' })
  t.is(flows.read(bob)?.user, 'sip:bob@localhost')
  t.is(flows.token(flow, 'sip:alice@localhost'), alice)
  const others = flows.token(transports[0]!.connect({ host: '10.0.0.8', port: 5099 }), 'sip:alice@localhost')
  t.not(others.split('.')[1], alice.split('.')[1], 'the same user looks another way on each flow')
  const [body, , seal] = alice.split('.') as [string, string, string]
  t.is(flows.read(`${body}.${bob.split('.')[1]}.${seal}`), undefined)
})

test('a connection is found as long as it is open', (t) => {
  const { flows } = table()
  const flow = connection('tcp-1')
  const token = flows.token(flow)
  t.is(flows.find(token), undefined, 'not known yet')
  flows.note(flow)
  t.is(flows.find(token), flow)
  t.is(flows.connectionCount, 1)
  flow.open = false
  t.is(flows.find(token), undefined)
  let closings = 0
  flows.onClosed(() => closings++)
  flows.closed(flow)
  flows.closed(flow)
  t.deepEqual([closings, flows.connectionCount], [1, 0])
})

test('a token is the same with its characters escaped, as some write them back (RFC 3261 §19.1.4)', (t) => {
  const { flows } = table()
  const flow = connection('tcp-1')
  const token = flows.token(flow)
  flows.note(flow)
  const escaped = token.replace(/[A-Za-z0-9]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)
  t.not(escaped, token)
  t.is(table().flows.isSealed(escaped), true)
  t.is(flows.find(escaped), flow)
  t.is(flows.find(`${escaped}%5a`), undefined)
})

test('tokens cannot be made up', (t) => {
  const { flows, transports } = table()
  const token = flows.token(transports[0]!.connect({ host: '10.0.0.9', port: 5099 }))
  const [body, seal] = token.split('.') as [string, string]
  const evil = Buffer.from('MEM|10.6.6.6|5060|5060').toString('base64url')
  for (const forged of [
    '',
    '.',
    body,
    `${body}.`,
    `${evil}.${seal}`,
    `${body}.${seal.slice(0, -1)}`,
    `${body}x.${seal}`,
    `.${seal}`,
    `a.${token}`,
  ])
    t.is(flows.find(forged), undefined, forged)
  t.is(table(['10.0.0.1'], 'another key').flows.find(token), undefined)
})

async function proxied() {
  const lab = new Lab()
  const helper = new Agent('helper')
  await lab.serve(
    ['localhost'],
    [createProxy('proxy', { authenticate: 'none', registration: 'optional' }), createHss('hss', { open: true }), helper],
  )
  const wire = await Wire.at(lab, '10.0.5.1')
  const other = await Wire.at(lab, '10.6.6.6')
  const token = (flow: Flow): string => /\.([^@]+)@/.exec(helper.host.flows.routeTo('helper', flow))![1]!
  const bye = async (route: string, uri = 'sip:bob@10.6.6.6'): Promise<readonly number[]> => {
    wire.clear()
    wire.send(
      requestText('BYE', uri, {
        via: '10.0.5.1',
        branch: `z9hG4bK-${lab.clock.now()}`,
        toTag: 'bob',
        lines: [`Route: <sip:proxy.${route}@10.0.0.1:5060;lr>`],
      }),
    )
    await lab.clock.advance(100)
    return wire.statuses
  }
  return { lab, helper, other, token, bye }
}

test('a request in a dialog goes by the flow of its Route, whatever its Request-URI', async (t) => {
  const { helper, other, token, bye } = await proxied()
  const flow = helper.host.flows.to('MEM', { host: '10.6.6.6', port: 5060 })!
  await bye(token(flow), 'sip:bob@192.0.2.77')
  t.is(other.requests.length, 1)
  t.is(other.requests[0]!.uriText, 'sip:bob@192.0.2.77')
  t.false(other.requests[0]!.has('Route'))
})

test('the flow is gone: 430', async (t) => {
  const { other, token, bye } = await proxied()
  t.deepEqual(await bye(token(connection('tcp-gone'))), [430])
  t.is(other.requests.length, 0)
})

test('a Route with a made-up token leads nowhere', async (t) => {
  const { other, bye } = await proxied()
  for (const forged of ['x', `${Buffer.from('MEM|10.6.6.6|5060|5060').toString('base64url')}.aaaaaaaaaaaa`]) {
    const [status] = await bye(forged)
    t.true(status !== undefined && status >= 400, `${forged}: ${status}`)
  }
  t.is(other.requests.length, 0)
})

test('what stands where a WebSocket peer is gone is no connection', (t) => {
  const table = new FlowTable([], [])
  t.false(table.note(new ClosedFlow('WS', { host: '127.0.0.1', port: 1 }, { host: '127.0.0.1', port: 2 })))
  t.is(table.connectionCount, 0)
})
