/** A node for one user agent on our own engine: no domain, no state on disk, and every request is the agent's. */
import { compilePlan, createNode, type Element, memoryStore, type Node, type NodeOptions } from '../../signalling/index.ts'

type AgentNodeOptions = Pick<NodeOptions, 'listen' | 'clock' | 'ids' | 'log' | 'tap' | 'network'>

/** The node is not started. `element` claims its requests; the first address of `listen` stands for the node. */
export function agentNode(element: Element, options: AgentNodeOptions): Node {
  const { name, claims } = element
  const { plan } = compilePlan({
    rules: [{ name: 'all that comes', line: 0, from: 'outside', to: name }], // by whatever address of this machine
    domains: [],
    elements: new Map([[name, claims]]),
    ownAddresses: [],
  })
  return createNode({
    ...options,
    name,
    plan: plan!,
    elements: [element],
    domains: [],
    trusted: [],
    store: memoryStore(options.clock),
  })
}
