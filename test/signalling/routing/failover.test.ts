/** Requests to host names: through a node, from target to target (RFC 3263 §4.3), and what the sender is told. */
import test, { type ExecutionContext } from 'ava'
import type { Node } from '../../../signalling/index.ts'
import { H } from '../../../signalling/messages/names.ts'
import { Agent, Lab } from '../../support/lab.ts'
import { Names } from '../../support/names.ts'
import { metric, type RequestParts, requestText, Wire } from '../../support/wire.ts'

interface Scene {
  readonly lab: Lab
  readonly node: Node
  readonly names: Names
  readonly peer: Wire
  /** At 10.0.9.1 and 10.0.9.2, in the order in which they are tried. */
  readonly servers: readonly [Wire, Wire]
  send(method: string, parts?: RequestParts): void
}

async function scene(t: ExecutionContext, lines?: readonly string[]): Promise<Scene> {
  const lab = new Lab()
  const names = new Names(
    lines ?? [
      '_sip._udp.far.example SRV 1 0 5060 a.far.example',
      '_sip._udp.far.example SRV 2 0 5060 b.far.example',
      'a.far.example A 10.0.9.1',
      'b.far.example A 10.0.9.2',
    ],
  )
  lab.resolver = names
  const agent = new Agent('agent')
  agent.answer = (exchange) => exchange.forward({ uri: 'sip:bob@far.example' })
  const node = await lab.serve(['localhost'], [agent])
  t.teardown(() => lab.stop())
  const peer = await Wire.at(lab, '10.0.9.9')
  const servers = [await Wire.at(lab, '10.0.9.1'), await Wire.at(lab, '10.0.9.2')] as const
  const send = (method: string, parts: RequestParts = {}): void =>
    peer.send(requestText(method, 'sip:agent@localhost', { via: '10.0.9.9', ...parts }))
  return { lab, node, names, peer, servers, send }
}

test('a name is looked up, and the request goes to the first of its servers', async (t) => {
  const { lab, peer, servers, send } = await scene(t)
  servers[0].onRequest = (request) => servers[0].answer(request, 200)
  send('MESSAGE')
  await lab.clock.advance(100)
  t.deepEqual(peer.statuses, [200])
  t.is(servers[1].requests.length, 0)
})

test('a server that is busy is passed over, now and as long as it asked for', async (t) => {
  const { lab, node, peer, servers, send } = await scene(t)
  servers[0].onRequest = (request) => servers[0].answer(request, 503, { headers: [['Retry-After', '30']] })
  servers[1].onRequest = (request) => servers[1].answer(request, 200)
  send('MESSAGE')
  await lab.clock.advance(100)
  t.deepEqual(peer.statuses, [200])
  t.not(servers[0].requests[0]!.via!.branch, servers[1].requests[0]!.via!.branch, 'a new transaction')
  t.is(metric(node, 'targets_failed'), 1)
  send('MESSAGE', { branch: 'z9hG4bK-2', cseq: 2 })
  await lab.clock.advance(100)
  t.deepEqual([servers[0].requests.length, servers[1].requests.length], [1, 2])
  servers[0].onRequest = (request) => servers[0].answer(request, 200)
  await lab.clock.advance(30_000)
  send('MESSAGE', { branch: 'z9hG4bK-3', cseq: 3 })
  await lab.clock.advance(100)
  t.deepEqual([servers[0].requests.length, servers[1].requests.length], [2, 2])
  t.is(metric(node, 'targets_failed'), 0, 'who answers is not remembered as failed')
})

test('all of them busy: 503 of others says nothing of us', async (t) => {
  const { lab, peer, servers, send } = await scene(t)
  for (const server of servers) server.onRequest = (request) => server.answer(request, 503)
  send('MESSAGE')
  await lab.clock.advance(100)
  t.deepEqual(peer.statuses, [500])
})

test('an INVITE that a dead server never answers goes to the next one, and later ones at once', async (t) => {
  const { lab, peer, servers, send } = await scene(t)
  servers[1].onRequest = (request) => {
    if (request.method === 'INVITE') servers[1].answer(request, 486)
  }
  send('INVITE')
  await lab.clock.advance(33_000)
  t.deepEqual(peer.statuses.slice(0, 2), [100, 486])
  servers[0].clear()
  send('INVITE', { branch: 'z9hG4bK-2', cseq: 2 })
  await lab.clock.advance(100)
  t.is(servers[0].arrivals.length, 0)
})

test('a MESSAGE that a dead server never answers: nobody waits any more, but the next one goes elsewhere', async (t) => {
  const { lab, peer, servers, send } = await scene(t)
  servers[1].onRequest = (request) => servers[1].answer(request, 200)
  send('MESSAGE')
  await lab.clock.advance(33_000)
  t.deepEqual(peer.statuses, [])
  send('MESSAGE', { branch: 'z9hG4bK-2', cseq: 2 })
  await lab.clock.advance(100)
  t.deepEqual(peer.statuses, [200])
})

test('no such name: 480 and a Warning that names it', async (t) => {
  const { lab, peer, send } = await scene(t, [])
  send('MESSAGE')
  await lab.clock.advance(100)
  t.deepEqual(peer.statuses, [480])
  t.regex(peer.responses[0]!.text(H.Warning) ?? '', /far\.example/)
})

test('a name service that is silent: 503 and a Warning after four seconds, and nothing is left', async (t) => {
  const { lab, node, names, peer, send } = await scene(t)
  names.silent.add('far.example')
  send('INVITE')
  await lab.clock.advance(4_100)
  t.deepEqual(peer.statuses, [100, 503])
  t.regex(peer.responses[1]!.text(H.Warning) ?? '', /no answer in time about far\.example/)
  await lab.clock.advance(400_000)
  t.is(metric(node, 'server_transactions') + metric(node, 'client_transactions'), 0)
})

test('cancelled while its name is looked up: 487, and nothing is sent', async (t) => {
  const { lab, names, peer, servers, send } = await scene(t)
  names.silent.add('far.example')
  send('INVITE')
  await lab.clock.advance(1_000)
  send('CANCEL', { branch: 'z9hG4bK-INVITE-1' })
  await lab.clock.advance(5_000)
  t.true(peer.statuses.includes(487), `${peer.statuses}`)
  t.is(servers[0].arrivals.length, 0)
})
