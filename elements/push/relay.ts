/** Relay of a Push (SPEC §5.2, `relay: store`): kept durably for the next server while that one is not there, in order. */
import { type Exchange, H, type Host, type Uri } from '../../signalling/index.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import type { Acceptance } from './acceptance.ts'
import { type Decisions, subjectOf } from './decisions.ts'
import type { DeviceBinding } from './device-binding.ts'
import { endOf } from './lifetime.ts'
import { messageOf, type PushSender } from './push-message.ts'
import type { ReceiptCheck } from './receipt-check.ts'
import type { ServerRoutes } from './routes.ts'
import { nextServer, type StoringRules } from './rules.ts'

interface RelayParts {
  readonly host: Host
  readonly rules: StoringRules
  readonly acceptance: Acceptance
  readonly decisions: Decisions
  readonly receiptCheck: ReceiptCheck
}

export class Relay {
  private readonly parts: RelayParts

  constructor(parts: RelayParts) {
    this.parts = parts
  }

  /** To the next server at once. Where it says nothing in time, the message is kept, and the source told 202. */
  async take(exchange: Exchange, uri: Uri, sender: PushSender): Promise<void> {
    const { request } = exchange
    const { acceptance, decisions, host, rules } = this.parts
    const now = host.clock.date()
    const end = endOf(request, now, rules.keep)
    const message = messageOf(request, {
      ...sender,
      id: host.ids.token(22),
      subscriber: deviceKey(uri, host.domains) ?? uri.text,
      target: uri.text,
      identifier: uri.user,
      accepted: now,
      expires: end ?? now,
      relayed: true,
    })
    const asserted = request.texts(H['P-Asserted-Identity']).map((value) => ['P-Asserted-Identity', value] as const)
    const headers = [...message.headers.filter(([name]) => name !== 'P-Asserted-Identity'), ...asserted] // Privacy is of devices
    const answer = await acceptance.accept({ ...message, headers }, nextServer, end !== undefined)
    const fields = answer.retryAfter === undefined ? [] : [['Retry-After', String(answer.retryAfter)] as const]
    const { status, rule, why } = answer
    this.parts.receiptCheck.settled(exchange, status)
    decisions.note({
      ...subjectOf(exchange, sender.source),
      application: sender.application,
      status,
      rule: `next-server-${rule}`,
      text: why,
    })
    exchange.reply(status, { headers: fields, warning: answer.warning })
  }
}

/** The next server as a device of somebody there. */
export function nextServerOf(host: Host, routes: ServerRoutes, uri: string): DeviceBinding {
  const path = routes.wayTo(uri)
  return { subscriber: uri, device: nextServer, contact: uri, path, callId: '', cseq: 0, expires: host.clock.date() + 60_000 }
}
