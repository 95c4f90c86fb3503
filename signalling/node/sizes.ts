/** Sizes of a node's tables, each shown as a metric. */
import type { Sessions } from '../dialogs/sessions.ts'
import type { Subscriptions } from '../dialogs/subscriptions.ts'
import type { Stats } from '../stats.ts'
import type { TransactionTable } from '../transactions/table.ts'
import type { Backoff } from '../transports/backoff.ts'
import type { ConnectionLimits } from '../transports/connection-limits.ts'
import type { NameCache } from '../transports/dns.ts'
import type { FlowTable } from '../transports/flows.ts'

interface SizedTables {
  readonly table: TransactionTable
  readonly subscriptions: Subscriptions
  readonly sessions: Sessions
  readonly names: NameCache | undefined
  readonly backoff: Backoff
  readonly flows: FlowTable
  readonly connectionLimits: ConnectionLimits
}

export function showSizes(stats: Stats, tables: SizedTables): void {
  const { table, subscriptions, sessions, names, backoff, flows, connectionLimits } = tables
  const { notifiers, subscribers } = subscriptions
  stats.gauge('server_transactions', () => table.serverCount)
  stats.gauge('client_transactions', () => table.clientCount)
  stats.gauge('client_transactions_unanswered', () => table.clientUnanswered)
  stats.gauge('subscriptions_held', () => notifiers.size)
  stats.gauge('notifies_held_back', () => notifiers.pace.held)
  stats.gauge('subscriptions_made', () => subscribers.size)
  stats.gauge('sessions', () => sessions.size)
  stats.gauge('names_remembered', () => names?.size ?? 0)
  stats.gauge('targets_failed', () => backoff.size)
  stats.gauge('connections', () => flows.connectionCount)
  stats.gauge('connections_of_peers', () => connectionLimits.size)
}
