/** Relay and transit at the border: what leaves goes to the agreed operator alone, and nobody passes through (SPEC §2.2, §2.5). */
import test from 'ava'
import { H } from '../../../signalling/index.ts'
import { requestText, Wire } from '../../support/wire.ts'
import { asPeer, OperatorsScene } from './operators-scene.ts'

const south = { host: '10.0.0.2', port: 5060 }
const lookedUp = { name: 'west.example', domains: ['west.example'], addresses: [] }

test('a URI at a peer’s domain leads to no other place: maddr, port and transport are refused', async (t) => {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  const elsewhere = '10.66.0.1'
  const resolver = {
    naptr: async () => [],
    srv: async () => [],
    addresses: async (_: string, family: 4 | 6) => (family === 4 ? [{ address: elsewhere, ttl: 60 }] : []),
  }
  await scene.operator('south', [asPeer('north'), lookedUp], [], { resolver })
  const bob = await scene.phone('bob', 'south')
  const wires = [await Wire.at(scene, elsewhere, 5060, south), await Wire.at(scene, elsewhere, 7777, south)]
  const ask = async (uri: string, i: number): Promise<number> => {
    bob.send(
      requestText('MESSAGE', uri, { from: 'sip:bob@south.example', via: bob.here.host, branch: `z9hG4bK${i}`, callId: `${i}` }),
    )
    await scene.clock.advance(6000)
    return bob.statuses.at(-1)!
  }
  const refused = [
    'sip:w@west.example;maddr=10.66.0.1',
    'sip:w@west.example;maddr=10.66.0.1;transport=udp',
    'sip:w@west.example:7777;maddr=10.66.0.1',
    'sip:w@west.example:7777',
    'sip:w@west.example;transport=udp',
    'sip:w@west.example;transport=tcp',
    'sip:w@WEST.example;MADDR=10.66.0.1',
    'sip:w@north.example;maddr=10.66.0.1',
  ]
  for (const [i, uri] of refused.entries()) t.is(await ask(uri, i), 403, uri)
  // looked up, it is met by TLS alone: this network has none, and no datagram leaves instead
  t.not(await ask('sip:w@west.example', 20), 200)
  t.not(await ask('sip:w@west.example;transport=tls', 21), 200)
  t.deepEqual(
    wires.flatMap(({ requests }) => requests.map(({ uriText }) => uriText)),
    [],
  )
})

test('a peer that replays the Route of a dialog with another peer does not pass through', async (t) => {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  await scene.operator('south', [asPeer('north'), asPeer('west')])
  const bob = await scene.phone('bob', 'south')
  const [north, west] = [await Wire.at(scene, '10.0.0.1', 5060, south), await Wire.at(scene, '10.0.0.3', 5060, south)]
  const contact = `Contact: <sip:bob@${bob.here.host}:5060>`
  const call = { from: 'sip:bob@south.example', via: bob.here.host, callId: 'call', branch: 'z9hG4bKcall', lines: [contact] }
  bob.send(requestText('INVITE', 'sip:w@west.example', call))
  await scene.clock.advance(200)
  west.answer(west.requests[0]!, 200, { toTag: 'w', headers: [['Contact', '<sip:w@10.0.0.3>']], recordRoute: true })
  await scene.clock.advance(200)
  const routes = bob.responses.at(-1)!.list(H['Record-Route']).toReversed()
  const lines = routes.map((route) => `Route: ${route}`)
  const send = async (wire: Wire, method: string, uri: string, i: string, more: readonly string[]): Promise<void> => {
    for (const each of [bob, north, west]) each.clear()
    const parties = { from: wire === north ? 'sip:alice@north.example' : call.from, to: 'sip:w@west.example', toTag: 'w' }
    const parts = { ...parties, via: wire.here.host, callId: `t${i}`, branch: `z9hG4bK${i}`, lines: [...lines, ...more] }
    wire.send(requestText(method, uri, parts))
    await scene.clock.advance(1000)
  }
  const methods = ['MESSAGE', 'INFO', 'SUBSCRIBE', 'NOTIFY', 'INVITE', 'ACK']
  for (const [i, method] of methods.entries())
    for (const uri of ['sip:w@10.0.0.3', 'sip:w@west.example']) {
      await send(north, method, uri, `n${i}${uri.length}`, ['P-Asserted-Identity: <sip:alice@north.example>'])
      t.deepEqual(west.requests, [], `${method} ${uri}`)
      t.is(north.statuses.at(-1), method === 'ACK' ? undefined : 403, `${method} ${uri}`)
    }
  await send(bob, 'INFO', 'sip:w@10.0.0.3', 'own', [])
  t.deepEqual(
    west.requests.map(({ method }) => method),
    ['INFO', 'INFO'],
    'the dialog itself goes on; it is repeated, since nobody answers',
  )
})
