/** The host of each element: the node as that element may touch it. Other elements are reached by their addresses alone. */

import { elementOfInstance } from '../cluster/partitions.ts'
import type { Sessions } from '../dialogs/sessions.ts'
import type { Subscriptions } from '../dialogs/subscriptions.ts'
import type { Element, Host, Subscription } from '../element.ts'
import { madeUp } from '../messages/made-up.ts'
import { parseUri } from '../messages/uri.ts'
import type { OutboundHttp } from '../outbound-http.ts'
import type { Outbound } from '../routing/outbound.ts'
import type { Peers } from '../routing/peers.ts'
import type { OutgoingCall } from '../session.ts'
import type { Stats } from '../stats.ts'
import type { FencedStore, Store } from '../storage/store.ts'
import type { FlowTable } from '../transports/flows.ts'
import { ElementClock } from './element-clock.ts'
import type { NodeOptions } from './options.ts'
import { sendRequest } from './outgoing.ts'

export interface HostParts {
  readonly options: Pick<NodeOptions, 'clock' | 'store' | 'log' | 'ids' | 'domains' | 'http'>
  readonly outbound: Outbound
  readonly flows: FlowTable
  readonly stats: Stats
  readonly subscriptions: Subscriptions
  readonly sessions: Sessions
  readonly peers: Peers
  readonly fence: (store: Store) => FencedStore
}

/** The time in which an element runs at this node. Once it is over, nothing that the element does has an effect. */
export interface Tenure {
  readonly host: Host
  /** Requests of its own that are under way. */
  readonly underWay: number
  end(): void
}

export function tenureOf({ name }: Element, parts: HostParts): Tenure {
  const { options, outbound, flows, stats, subscriptions, sessions, peers, fence } = parts
  const { log, ids, domains } = options
  const clock = new ElementClock(options.clock)
  const element = elementOfInstance(name)
  const uri = `sip:${element}@${domains[0] ?? flows.address}`
  const metrics = name.replace('.', '_')
  const endings: (() => void)[] = []
  let isOver = false
  let underWay = 0
  const fenced = fence(options.store)
  const host: Host = {
    name,
    uri,
    get contact() {
      return flows.contact(name)
    },
    owns: (user) => {
      const parsed = parseUri(user)
      return parsed === undefined || outbound.plan.instanceOf(element, parsed) === name
    },
    domains,
    clock,
    store: fenced.store,
    ids,
    log: log.child({ element: name }),
    count: (counter, by = 1) => stats.count(`${metrics}_${counter}`, by),
    gauge: (gauge, read) => endings.push(stats.gauge(`${metrics}_${gauge}`, read)),
    send: async (request) => {
      if (isOver) return madeUp(request, [], 503)
      underWay++
      try {
        return await sendRequest(outbound, ids, name, uri, request)
      } finally {
        underWay--
      }
    },
    subscribe: (options, listener) =>
      isOver ? ended : subscriptions.subscribers.subscribe(name, { from: uri, asserted: uri, ...options }, listener),
    invite: (request, listener) => (isOver ? nobodyCalls : sessions.invite(name, uri, request, listener)),
    subscriptionsOf: (subscriber) => subscriptions.notifiers.vouched.of(name, subscriber),
    subscribers: () => subscriptions.notifiers.vouched.subscribers(name),
    flows,
    peers,
    http: options.http ?? noHttp,
  }
  return {
    host,
    get underWay() {
      return underWay
    },
    end() {
      isOver = true
      clock.stop()
      fenced.close()
      for (const end of endings) end()
    },
  }
}

const ended: Subscription = { live: false, refresh: () => undefined, unsubscribe: () => undefined }

const nobodyCalls: OutgoingCall = { cancel: () => undefined }

const noHttp: OutboundHttp = {
  send: () => Promise.resolve({ fault: 'unreachable', text: 'this node calls nobody by HTTP' }),
}
