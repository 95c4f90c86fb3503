/** Block list of a user (SPEC §5.6, §5.7): whoever is blocked as a watcher of his (§6.1) does not reach him either. */
import { type Host, parseUri } from '../../../signalling/index.ts'
import type { SubscriberRecord } from '../../schemas/index.ts'
import type { Subscribers } from '../clients/subscribers.ts'
import { isNameOf } from '../identifiers/devices.ts'
import { pushNamesOf } from '../identifiers/push.ts'

export class Blocking {
  private readonly host: Host
  private readonly subscribers: Subscribers

  constructor(host: Host, subscribers: Subscribers) {
    this.host = host
    this.subscribers = subscribers
  }
  /** By any name of a user of ours; one of another operator by the identifier that is asserted. */
  async isBlocked({ watchers }: SubscriberRecord, source: string): Promise<boolean> {
    const block = watchers?.block ?? []
    if (block.length === 0 || source === '') return false
    if (block.includes(source)) return true
    const { domains } = this.host
    const uri = parseUri(source)
    const sender = uri === undefined ? undefined : await this.subscribers.lookup(uri)
    if (sender === undefined) return false
    const names = pushNamesOf(sender.push ?? [], domains)
    return block.some((name) => names.includes(name) || isNameOf(name, sender, domains))
  }
}
