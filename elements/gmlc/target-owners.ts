/** Owners of what the GMLC keeps about a target: the target itself, and elements that speak for their users (SPEC §8.4). */
import type { Exchange, Host } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { askerOf, elementAsking } from '../shared/clients/asker.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'

interface TargetOwnerParts {
  readonly host: Host
  readonly subscribers: Subscribers
  /** Names of elements that speak for their users. */
  readonly speakers: readonly string[]
}

export class TargetOwners {
  private readonly parts: TargetOwnerParts

  constructor(parts: TargetOwnerParts) {
    this.parts = parts
  }
  /**
   * The subscriber whom an exchange is about; undefined: nobody, or somebody else than its asker.
   * @param named left out: the asker
   */
  async ownerFor(exchange: Exchange, named: string | undefined): Promise<SubscriberRecord | undefined> {
    const { host, speakers, subscribers } = this.parts
    const asker = askerOf(exchange, host.domains)
    if (asker === undefined) return undefined
    const speaks = elementAsking(exchange, host.domains, speakers) !== undefined
    const owner = await (named === undefined ? subscribers.of(asker) : subscribers.lookup(named))
    return speaks || owner?.id === (await subscribers.of(asker))?.id ? owner : undefined
  }
}
