/** The machine's own resolver against a name server of ours, on loopback. */
import { type AddressInfo, createServer } from 'node:net'
import test from 'ava' // serial: what computes beside it would let its real timeouts pass
import {
  compilePlan,
  createNode,
  memoryStore,
  RealClock,
  randomIds,
  SipRequest,
  silent,
  systemResolver,
} from '../../../signalling/index.ts'
import { buildResponse } from '../../../signalling/messages/build.ts'
import { scan } from '../../../signalling/tools.ts'
import { Agent } from '../../support/lab.ts'
import { a, naptr, openNameServer, srv } from '../../support/name-server.ts'
import { metric } from '../../support/wire.ts'

test.serial('NAPTR, SRV and addresses, what is not there, and what cannot be told', async (t) => {
  const server = await openNameServer((question) => {
    if (question === 'NAPTR far.example') return [naptr(10, 20, 's', 'SIP+D2U', '_sip._udp.far.example')]
    if (question === 'SRV _sip._udp.far.example') return [srv(1, 2, 5070, 'a.far.example'), srv(2, 0, 5080, 'b.far.example')]
    if (question === 'A a.far.example') return [a('10.0.9.1'), a('10.0.9.2')]
    return question.endsWith('broken.example') ? 'failure' : 'missing'
  })
  t.teardown(() => server.close())
  const resolver = systemResolver([server.address])
  t.like((await resolver.naptr('far.example'))[0], {
    order: 10,
    preference: 20,
    flags: 's',
    service: 'SIP+D2U',
    replacement: '_sip._udp.far.example',
  })
  const servers = await resolver.srv('_sip._udp.far.example')
  t.deepEqual(servers.map(({ priority, weight, port, name }) => [priority, weight, port, name]).sort(), [
    [1, 2, 5070, 'a.far.example'],
    [2, 0, 5080, 'b.far.example'],
  ])
  const addresses = await resolver.addresses('a.far.example', 4)
  t.deepEqual(addresses.map(({ address }) => address).sort(), ['10.0.9.1', '10.0.9.2'])
  t.is(addresses[0]!.ttl, 60)
  t.deepEqual(await resolver.addresses('a.far.example', 6), [])
  t.deepEqual(await resolver.srv('none.example'), [])
  await t.throwsAsync(resolver.addresses('broken.example', 4))
})

test.serial('names that no server can be asked for are faults of the question, not of the process', async (t) => {
  const server = await openNameServer(() => 'noise')
  t.teardown(() => server.close())
  const resolver = systemResolver([server.address])
  for (const name of ['a..b', `${'x'.repeat(64)}.example`, `${'x.'.repeat(200)}example`, '\0', ''])
    await t.notThrowsAsync(
      resolver.srv(name).catch(() => []),
      JSON.stringify(name),
    )
})

test.serial('a request to a name goes past a server where nobody listens to one on another address', async (t) => {
  const taken = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      const request = scan(bytes)
      if (request instanceof SipRequest) socket.write(buildResponse(request, 200, { toTag: 'far' }))
    })
  })
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.3', resolve))
  t.teardown(() => void taken.close())
  const { port } = taken.address() as AddressInfo
  const server = await openNameServer((question) => {
    if (question === 'SRV _sip._tcp.far.example') return [srv(1, 0, port, 'dead.example'), srv(2, 0, port, 'alive.example')]
    if (question === 'A dead.example') return [a('127.0.0.2')]
    return question === 'A alive.example' ? [a('127.0.0.3')] : 'missing'
  })
  t.teardown(() => server.close())
  const clock = new RealClock((fault) => t.fail(String(fault)))
  const agent = new Agent('agent')
  const { plan } = compilePlan({ domains: ['localhost'], elements: new Map([['agent', agent.claims]]), ownAddresses: [] })
  const node = createNode({
    name: 'names',
    plan: plan!,
    elements: [agent],
    domains: ['localhost'],
    trusted: [],
    store: memoryStore(clock),
    clock,
    ids: randomIds(),
    log: silent,
    resolver: systemResolver([server.address]),
    listen: [{ transport: 'TCP', host: '127.0.0.1', port: 0 }],
  })
  await node.start()
  t.teardown(() => node.stop(0))
  const first = await agent.host.send({ method: 'MESSAGE', to: 'sip:bob@far.example' })
  t.is(first.status, 200)
  t.is(metric(node, 'targets_failed'), 1, 'the dead one is remembered')
  const asked = server.questions.length
  t.is((await agent.host.send({ method: 'MESSAGE', to: 'sip:bob@far.example' })).status, 200)
  t.is(server.questions.length, asked, 'the answers are remembered')
})
