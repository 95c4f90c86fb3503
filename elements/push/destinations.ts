/** Destinations of a Push (SPEC §5.1): the subscriber that a URI names, and the identifier that counts. */
import { canonical, type Host, type Uri } from '../../signalling/index.ts'
import type { PushIdentifierRecord, SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { isPushInForce, isPushUri, pushIdentifier } from '../shared/identifiers/push.ts'

/** A destination that was found: the subscriber and the identifier that names him. */
export interface PushDestination {
  readonly record: SubscriberRecord
  readonly identifier: PushIdentifierRecord
}

export class Destinations {
  private readonly host: Host
  private readonly subscribers: Subscribers

  constructor(host: Host, subscribers: Subscribers) {
    this.host = host
    this.subscribers = subscribers
  }
  /** By a Push identifier or Push string; an ordinary address stands for its first identifier in force. */
  async at(uri: Uri): Promise<PushDestination | undefined> {
    const { clock, domains } = this.host
    const record = await this.subscribers.lookup(uri)
    const user = pushIdentifier(uri.user) ?? uri.user
    const isNamed = isPushUri(uri, domains)
    const inForce = record?.push?.filter((one) => isPushInForce(one, clock.date())) ?? []
    const identifier = isNamed ? inForce.find(({ id, string }) => id === user || string === user) : inForce[0]
    return identifier && { record: record!, identifier }
  }
  /** One name of a destination, whichever of its names a URI has. */
  async recipientAt(uri: Uri): Promise<string> {
    const record = isPushUri(uri, this.host.domains) ? await this.subscribers.lookup(uri) : undefined
    return record?.id ?? canonical(uri)
  }
}
