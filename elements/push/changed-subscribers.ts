/** Changes of subscribers: what their devices, and the messages that wait for them, come to by a new record. */
import type { Host } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import { isPushInForce } from '../shared/identifiers/push.ts'
import type { Blocking } from '../shared/permissions/blocking.ts'
import type { BoundDevices } from './bound-devices.ts'
import type { DeviceQueues } from './device-queues.ts'
import type { Wakes } from './waking/wakes.ts'

interface ChangedSubscribersParts {
  readonly host: Host
  readonly blocking: Blocking
  readonly devices: BoundDevices
  readonly queues: DeviceQueues
  readonly wakes: Wakes
}

export class ChangedSubscribers {
  private readonly parts: ChangedSubscribersParts

  constructor(parts: ChangedSubscribersParts) {
    this.parts = parts
  }
  /** A subscriber has other credentials: his devices sign in anew. Or he has lost Push identifiers: what waits under them is over. */
  changed(id: string, record: SubscriberRecord | undefined): void {
    const { devices, host, queues, wakes } = this.parts
    const now = host.clock.date()
    const left = (record?.push ?? []).filter((one) => isPushInForce(one, now)).map((one) => one.id)
    const over = queues.waitingFor(id).filter(({ identifier }) => !left.includes(identifier))
    if (over.length > 0) void queues.endSurely(over, 'copies_expired')
    for (const ended of devices.endOld(id, record?.credentialsId)) wakes.registered(ended)
    if (left.length === 0) devices.expel(id)
    if (record?.watchers?.block !== undefined) void this.endBlocked(record)
  }
  /** Messages of whom he blocks now: their senders are told. */
  private async endBlocked(record: SubscriberRecord): Promise<void> {
    const { blocking, host, queues } = this.parts
    const blocked = new Set<string>()
    const waiting = queues.waitingFor(record.id)
    try {
      for (const source of new Set(waiting.map((message) => message.source)))
        if (await blocking.isBlocked(record, source)) blocked.add(source)
    } catch (fault) {
      host.log.warn({ fault: String(fault) }, 'what blocked senders have sent waits on: the HSS does not answer')
    }
    const over = waiting.filter(({ source }) => blocked.has(source))
    if (over.length > 0) await queues.endSurely(over, 'copies_refused')
  }
}
