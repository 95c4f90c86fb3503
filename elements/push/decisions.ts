/** Decisions of a Push server about messages and wakes, each with the rule that made it: the newest of each user, for `push why`. */
import type { Exchange, Host } from '../../signalling/index.ts'
import { decoded } from '../shared/identifiers/percent.ts'
import { pushIdentifier } from '../shared/identifiers/push.ts'
import type { PushMessage } from './push-message.ts'

/** Rules of the answer to a message that is offered to devices, or to the next server where that is waited for. */
export const acceptanceRules = [
  'taken',
  'stored',
  'repeat',
  'device',
  'offline',
  'store-full',
  'store-share',
  'server-full',
  'policy',
  'pcrf',
] as const

/** Rules of wakes, and of those that did not happen. */
export const wakeRules = [
  'sent',
  'gone',
  'refused',
  'failed',
  'throttled',
  'interval',
  'back-off',
  'under-way',
  'expired',
  'non-urgent',
  'provider-pause',
  'no-prid',
] as const

/** All other rules: of refusals, of what is handed over, of calls, and of the ends of what waits. */
export const otherRules = [
  'source',
  'source-expired',
  'peer',
  'blocked',
  'roaming',
  'receipt',
  'receipt-malformed',
  'receipt-rate',
  'application',
  'application-revoked',
  'anonymous',
  'media-type',
  'content-encoding',
  'size',
  'rate',
  'unknown',
  'no-identifier',
  'host',
  'flag-bits',
  'no-table',
  'directory',
  'hss',
  'ambiguous',
  'guesses',
  'loop',
  'hops',
  'handed-over',
  'next-server',
  'call',
  'fault',
  'delivered',
  'set-aside',
  'expired',
  'replaced',
  'withdrawn',
] as const

export type AcceptanceRule = (typeof acceptanceRules)[number]
export type WakeRule = (typeof wakeRules)[number]
export type DecisionRule = AcceptanceRule | `next-server-${AcceptanceRule}` | `wake-${WakeRule}` | (typeof otherRules)[number]

export interface PushDecision {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly rule: DecisionRule
  /** For people. */
  readonly text: string
  /** Answer to the sender, where it was one. */
  readonly status?: number
  /** User that it is about: canonical address, or the user part of a destination that is nobody's. */
  readonly user: string
  readonly identifier?: string
  readonly source?: string
  readonly application?: string
  readonly callId?: string
}

/** An answer that refuses, with the rule that gives it. */
interface RuledRefusal {
  readonly status: number
  readonly rule: DecisionRule
  readonly warning: string
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

const perUser = 100
const users = 5000
const longest = 256 // characters of what a sender has written

/** A copy: a part of a text would keep all of it in memory. */
function short(text: string): string {
  return text.length <= longest ? text : Buffer.from(text.slice(0, longest)).toString()
}

function shortened(decision: Omit<PushDecision, 'at'>): Omit<PushDecision, 'at'> {
  const { application, callId, identifier, source, text, user } = decision
  return {
    ...decision,
    text: short(text),
    user: short(user),
    ...(application === undefined ? {} : { application: short(application) }),
    ...(callId === undefined ? {} : { callId: short(callId) }),
    ...(identifier === undefined ? {} : { identifier: short(identifier) }),
    ...(source === undefined ? {} : { source: short(source) }),
  }
}

export class Decisions {
  private readonly host: Pick<Host, 'clock'>
  /** The user about whom something was decided last stands last. */
  private readonly byUser = new Map<string, PushDecision[]>()

  constructor(host: Pick<Host, 'clock' | 'gauge'>) {
    this.host = host
    host.gauge('decisions', () => [...this.byUser.values()].reduce((sum, { length }) => sum + length, 0))
  }
  note(decision: Omit<PushDecision, 'at'>): void {
    const user = short(decision.user)
    const own = this.byUser.get(user) ?? []
    own.push({ at: this.host.clock.date(), ...shortened(decision) })
    if (own.length > perUser) own.shift()
    this.byUser.delete(user)
    this.byUser.set(user, own)
    if (this.byUser.size > users) this.byUser.delete(this.byUser.keys().next().value!)
  }
  /** Refuses a request by a rule. */
  refuse(exchange: Exchange, source: string, { headers = [], rule, status, warning }: RuledRefusal): void {
    this.note({ ...subjectOf(exchange, source), rule, status, text: warning })
    exchange.reply(status, { headers, warning })
  }
  /** About a user, or about what has that identifier or Call-ID, oldest first. @param names of one user */
  about(names: readonly string[]): readonly PushDecision[] {
    const own = [...new Set(names.map(short))].flatMap((name) => this.byUser.get(name) ?? [])
    if (own.length > 0) return own.toSorted((a, b) => a.at - b.at)
    const all = [...this.byUser.values()].flat()
    const wanted = names.map(short)
    return all.filter(({ callId, identifier }) => wanted.some((name) => name === identifier || name === callId))
  }
}

/** The subject of a message that is accepted. */
export function storedSubject({
  application,
  callId,
  identifier,
  source,
  subscriber,
}: PushMessage): Omit<PushDecision, 'at' | 'rule' | 'text'> {
  return { user: subscriber, identifier, application, callId, source }
}

/** The subject of a request whose destination is not found yet: the user part of its Request-URI stands for that. */
export function subjectOf({ request }: Exchange, source: string): Pick<PushDecision, 'user' | 'source' | 'callId'> {
  const { user } = request.uri
  return { user: pushIdentifier(user) ?? decoded(user), source, callId: request.callId }
}
