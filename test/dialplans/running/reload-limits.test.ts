/** Limits of connections and the name service of a node that runs are others (issue 3): who comes from now on meets these. */
import { createConnection, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { WebSocket } from 'ws'
import {
  type ConnectionSettings,
  compilePlan,
  createNode,
  memoryStore,
  type Node,
  type RenewableOptions,
  silent,
} from '../../../signalling/index.ts'
import { ManualClock, memoryTap, seededIds } from '../../../signalling/testing.ts'
import { Agent, Lab } from '../../support/lab.ts'
import { Names } from '../../support/names.ts'
import { metric, requestText, Wire } from '../../support/wire.ts'

async function scene(t: ExecutionContext, connections: ConnectionSettings) {
  const agent = new Agent('agent')
  const { plan } = compilePlan({
    domains: ['localhost'],
    elements: new Map([['agent', agent.claims]]),
    ownAddresses: [],
  })
  const clock = new ManualClock()
  const node = createNode({
    ...{ name: 'node', plan: plan!, domains: ['localhost'], elements: [agent], store: memoryStore(clock), clock },
    ...{ ids: seededIds(1), log: silent, trusted: [], connections },
    listen: (['TCP', 'WS'] as const).map((transport) => ({ transport, host: '127.0.0.1', port: 0 })),
  })
  await node.start()
  t.teardown(() => node.stop(0))
  const port = (transport: string): number => node.listening.find((each) => each.transport === transport)!.port
  const renew = (more: Omit<RenewableOptions, 'plan'>): void => node.reload({ plan: plan!, ...more })
  return { node, clock, port, renew }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>((resolve) => setImmediate(resolve))
}

function connected(t: ExecutionContext, port: number): Socket & { ended?: boolean } {
  const socket: Socket & { ended?: boolean } = createConnection({ port, host: '127.0.0.1' })
  for (const end of ['error', 'end', 'close']) socket.on(end, () => (socket.ended = true))
  socket.resume()
  t.teardown(() => socket.destroy())
  return socket
}

const guests = (node: Node): number => metric(node, 'connections_of_peers')

test('fewer connections, then more: who is here stays', async (t) => {
  const { node, port, renew } = await scene(t, { perSource: 3 })
  const here = [connected(t, port('TCP')), connected(t, port('TCP'))]
  await until(() => guests(node) === 2)
  renew({ connections: { perSource: 1 } })
  const late = connected(t, port('TCP'))
  await until(() => late.ended === true)
  t.is(guests(node), 2)
  renew({ connections: { perSource: 3 } })
  connected(t, port('TCP'))
  await until(() => guests(node) === 3)
  t.false(here.some(({ ended }) => ended))
})

test('silence is borne for another time', async (t) => {
  const { node, clock, port, renew } = await scene(t, { idle: 1000, head: 2000 })
  const quiet = connected(t, port('TCP'))
  await until(() => guests(node) === 1)
  await clock.advance(20_000)
  t.not(quiet.ended, true)
  renew({ connections: { idle: 10, head: 2000 } })
  await clock.advance(2000)
  await until(() => quiet.ended === true)
  t.is(metric(node, 'connections_idle_total'), 1)
})

test('WebSocket messages are compressed from now on, or no longer', async (t) => {
  const { port, renew } = await scene(t, {})
  const extensions = async (): Promise<string> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port('WS')}`, 'sip')
    await new Promise((resolve) => socket.once('open', resolve))
    socket.terminate()
    return socket.extensions
  }
  t.is(await extensions(), '')
  renew({ connections: { compress: true } })
  t.regex(await extensions(), /permessage-deflate/)
  renew({})
  t.is(await extensions(), '')
})

test('messages are copied elsewhere, or nowhere, from now on', async (t) => {
  const lab = new Lab()
  const agent = new Agent('agent')
  agent.answer = (exchange) => void exchange.forward({ uri: 'sip:other@localhost' })
  const other = new Agent('other')
  const node = await lab.serve(['localhost'], [agent, other])
  t.teardown(() => lab.stop())
  const peer = await Wire.at(lab, '10.0.9.9')
  const taps = [memoryTap(100), memoryTap(100)] as const
  let count = 0
  const seen = async (): Promise<readonly (readonly string[])[]> => {
    const names = { via: '10.0.9.9', branch: `z9hG4bK-${++count}`, callId: `call-${count}` }
    for (const tap of taps) tap.clear()
    peer.send(requestText('MESSAGE', 'sip:agent@localhost', names))
    await lab.clock.advance(100)
    return taps.map(({ messages }) => messages.map(({ direction }) => direction))
  }
  const all = ['in', 'local', 'local', 'out']
  t.deepEqual(await seen(), [[], []])
  node.watchBy(taps[0])
  t.deepEqual(await seen(), [all, []])
  node.watchBy(taps[1])
  t.deepEqual(await seen(), [[], all])
  node.watchBy(undefined)
  t.deepEqual(await seen(), [[], []])
})

test('names are looked up by other servers, and what the former ones said is forgotten', async (t) => {
  const lab = new Lab()
  lab.resolver = new Names(['far.example A 10.0.9.1 86400'])
  const agent = new Agent('agent')
  agent.answer = (exchange) => exchange.forward({ uri: 'sip:bob@far.example' })
  const node = await lab.serve(['localhost'], [agent])
  t.teardown(() => lab.stop())
  const peer = await Wire.at(lab, '10.0.9.9')
  const servers = [await Wire.at(lab, '10.0.9.1'), await Wire.at(lab, '10.0.9.2')] as const
  for (const server of servers) server.onRequest = (request) => server.answer(request, 200)
  let count = 0
  const send = async (): Promise<void> => {
    const names = { via: '10.0.9.9', branch: `z9hG4bK-${++count}`, callId: `call-${count}` }
    peer.send(requestText('MESSAGE', 'sip:agent@localhost', names))
    await lab.clock.advance(100)
  }
  const { plan } = compilePlan({ domains: ['localhost'], elements: new Map([['agent', agent.claims]]), ownAddresses: [] })
  await send()
  node.reload({ plan: plan! })
  await send()
  t.deepEqual([servers[0].requests.length, servers[1].requests.length], [2, 0])
  node.reload({ plan: plan!, resolver: new Names(['far.example A 10.0.9.2 86400']) })
  await send()
  t.deepEqual([servers[0].requests.length, servers[1].requests.length], [2, 1])
})
