/** The host of each element: the node as that element may touch it. Other elements are reached by their addresses alone. */
import type { Subscriptions } from '../dialogs/subscriptions.ts'
import type { Element, Host } from '../element.ts'
import type { Outbound } from '../routing/outbound.ts'
import type { Peers } from '../routing/peers.ts'
import type { Stats } from '../stats.ts'
import type { FlowTable } from '../transports/flows.ts'
import type { NodeOptions } from './options.ts'
import { sendRequest } from './outgoing.ts'

interface HostParts {
  readonly options: Pick<NodeOptions, 'clock' | 'store' | 'log' | 'ids' | 'domains'>
  readonly outbound: Outbound
  readonly flows: FlowTable
  readonly stats: Stats
  readonly subscriptions: Subscriptions
  readonly peers: Peers
}

export function hostFor({ name }: Element, { options, outbound, flows, stats, subscriptions, peers }: HostParts): Host {
  const { clock, store, log, ids, domains } = options
  const uri = `sip:${name}@${domains[0] ?? flows.address}`
  return {
    name,
    uri,
    get contact() {
      return flows.contact(name)
    },
    domains,
    clock,
    store,
    ids,
    log: log.child({ element: name }),
    count: (counter, by = 1) => stats.count(`${name}_${counter}`, by),
    gauge: (gauge, read) => stats.gauge(`${name}_${gauge}`, read),
    send: (request) => sendRequest(outbound, ids, name, uri, request),
    subscribe: (options, listener) =>
      subscriptions.subscribers.subscribe(name, { from: uri, asserted: uri, ...options }, listener),
    subscriptionsOf: (subscriber) => subscriptions.notifiers.vouched.of(name, subscriber),
    subscribers: () => subscriptions.notifiers.vouched.subscribers(name),
    flows,
    peers,
  }
}
