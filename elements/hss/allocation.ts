/** Push identifiers that the HSS gives subscribers where a Push server asks it to (SPEC §6.1). */
import type { Exchange, Host } from '../../signalling/index.ts'
import {
  type PushAllocation,
  type PushAllocationRequest,
  type PushIdentifierRecord,
  readBody,
  type SubscriberRecord,
  writeBody,
} from '../schemas/index.ts'
import { Conversations } from '../shared/clients/conversations.ts'
import { hasFlags, isPushInForce, newPushIdentifier } from '../shared/identifiers/push.ts'
import type { ProvisioningOutcome, WantedChange } from './provisioning.ts'

interface PushAllocationsParts {
  readonly host: Host
  /** By identifier or alias, as it is or is about to be. */
  readonly find: (device: string) => SubscriberRecord | undefined
  /** Runs it behind all earlier changes; resolves when what it has made is durable. */
  readonly inTurn: <Result>(change: () => Result) => Promise<Result>
  /** Of a running turn. */
  readonly make: (wanted: WantedChange) => ProvisioningOutcome
}

const identifiersAtMost = 16 // of one subscriber

export class PushAllocations {
  private readonly parts: PushAllocationsParts
  private readonly conversations: Conversations

  constructor(parts: PushAllocationsParts) {
    this.parts = parts
    this.conversations = new Conversations(parts.host)
  }
  /** Takes a MESSAGE of a Push server; the answer is a MESSAGE back. */
  async handle(exchange: Exchange, asker: string): Promise<void> {
    const body = readBody(exchange.request, 'push-allocation-request')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    exchange.reply(202)
    const { host, inTurn } = this.parts
    const answer = await inTurn(() => this.allocate(body.value)).catch((fault: unknown): PushAllocation => {
      host.log.error({ fault: String(fault) }, 'a Push identifier could not be stored')
      return { device: body.value.device, cause: 'unavailable' }
    })
    this.conversations.answer(exchange, asker, writeBody('push-allocation', answer))
  }
  /** Identifiers whose time is over make room for it. */
  private allocate({ device, flags, id: chosen, validUntil }: PushAllocationRequest): PushAllocation {
    const { find, host, make } = this.parts
    const record = find(device)
    if (record === undefined) return { device, cause: 'unknown' }
    const all = record.push ?? []
    if (record.permissions.push !== true && all.length === 0) return { device, cause: 'not-permitted' }
    const left = all.filter((one) => isPushInForce({ validUntil: one.validUntil }, host.clock.date()))
    if (left.length >= identifiersAtMost) return { device, cause: 'too-many' }
    const id = chosen ?? newPushIdentifier(flags, () => host.ids.hex(8))
    if (!hasFlags(id, flags)) return { device, cause: 'taken' }
    const until = validUntil === undefined ? {} : { validUntil }
    const given: PushIdentifierRecord = { id, state: 'active', ...until }
    const { fault } = make({ do: 'patch', id: record.id, patch: { push: [...left, given] } })
    if (fault === undefined) return { device, id, ...until }
    return { device, cause: fault.kind === 'taken' ? 'taken' : 'unavailable' }
  }
}
