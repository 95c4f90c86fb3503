/** A node with one agent on real sockets, in virtual time, for those who try its connections. */
import type { ExecutionContext } from 'ava'
import {
  type ConnectionSettings,
  compilePlan,
  createNode,
  memoryStore,
  type Node,
  type NodeOptions,
  silent,
} from '../../signalling/index.ts'
import { ManualClock, seededIds } from '../../signalling/testing.ts'
import { Agent } from './lab.ts'

export interface Scene {
  readonly node: Node
  readonly agent: Agent
  readonly clock: ManualClock
  port(transport: string): number
}

/** Over TCP and WebSocket, unless `more` says otherwise; stopped when the test is over. */
export async function scene(
  t: ExecutionContext,
  connections: ConnectionSettings = {},
  more: Partial<NodeOptions> = {},
): Promise<Scene> {
  const clock = new ManualClock()
  const agent = new Agent('agent')
  const { plan } = compilePlan({ domains: ['localhost'], elements: new Map([['agent', agent.claims]]), ownAddresses: [] })
  const node = createNode({
    name: 'connections',
    plan: plan!,
    elements: [agent],
    domains: ['localhost'],
    trusted: [],
    store: memoryStore(clock),
    clock,
    ids: seededIds(1),
    log: silent,
    connections,
    listen: [
      { transport: 'TCP', host: '127.0.0.1', port: 0 },
      { transport: 'WS', host: '127.0.0.1', port: 0 },
    ],
    ...more,
  })
  await node.start()
  t.teardown(() => node.stop(0))
  return { node, agent, clock, port: (name) => node.listening.find(({ transport }) => transport === name)?.port ?? 0 }
}
