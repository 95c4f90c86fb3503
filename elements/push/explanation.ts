/** Explanation of what became of messages for a user (`proxima push why`): his identifiers, devices and the decisions about them. */
import { type Host, parseUri } from '../../signalling/index.ts'
import type { SubscriberRecord } from '../schemas/index.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import {
  type FlagWidths,
  flagBits,
  flagsOf,
  isPushInForce,
  type PushFlags,
  pushIdentifier,
  pushKey,
} from '../shared/identifiers/push.ts'
import type { BoundDevices } from './bound-devices.ts'
import type { Decisions, PushDecision } from './decisions.ts'
import type { DeviceQueues } from './device-queues.ts'
import type { Wakes } from './waking/wakes.ts'

interface ExplainedDevice {
  readonly device: string
  readonly state: 'bound' | 'asleep' | 'away'
  /** Milliseconds since the epoch. */
  readonly expires: number
  /** The operator that it visits. */
  readonly visited?: string
  /** `pn-provider`; nothing more of what wakes it. */
  readonly provider?: string
}

/** All that a server knows. Times in milliseconds since the epoch. */
export interface PushExplanation {
  readonly server: string
  /** Flag bits of the server. */
  readonly flags: string
  /** Undefined: no subscriber has that name. */
  readonly user?: string
  readonly identifiers: readonly {
    readonly id: string
    readonly flags: string
    readonly inForce: boolean
    readonly here: boolean
  }[]
  readonly devices: readonly ExplainedDevice[]
  readonly waiting: number
  readonly decisions: readonly PushDecision[]
}

interface ExplanationParts {
  readonly host: Host
  readonly decisions: Decisions
  readonly devices: BoundDevices
  readonly queues: DeviceQueues
  readonly subscribers: Subscribers
  readonly wakes: Wakes
  readonly own: PushFlags
  readonly widths: FlagWidths
}

export class Explanation {
  private readonly parts: ExplanationParts

  constructor(parts: ExplanationParts) {
    this.parts = parts
  }

  /** The subscriber of a name, Push identifier, Push string or URI; undefined: there is none, or the HSS does not answer. */
  async recordOf(name: string): Promise<SubscriberRecord | undefined> {
    const { host, subscribers } = this.parts
    const { domains } = host
    try {
      const uri = /^(?:sips?|tel):/.test(name) ? parseUri(name) : parseUri(name.includes('@') ? `sip:${name}` : '')
      if (uri !== undefined) return await subscribers.lookup(uri)
      const byPush = await subscribers.lookup(pushKey(pushIdentifier(name) ?? encodeURIComponent(name), domains))
      const key = byPush === undefined ? subscriberKey(name, domains) : undefined
      return byPush ?? (key === undefined ? undefined : await subscribers.of(key))
    } catch {
      return undefined // decisions are told without it
    }
  }

  /** Undefined: nothing is known of it. */
  async of(name: string): Promise<PushExplanation | undefined> {
    const { decisions, host, own, queues, widths } = this.parts
    const record = await this.recordOf(name)
    const user = parseUri(/^(?:sips?|tel):/.test(name) ? name : `sip:${name}`)?.user ?? ''
    const called = [name, pushIdentifier(name) ?? name, user === '' ? name : (pushIdentifier(user) ?? user)]
    const ids = (record?.push ?? []).flatMap(({ id, string }) => [id, ...(string === undefined ? [] : [string])])
    const about = decisions.about(record === undefined ? called : [record.id, ...ids, ...called])
    if (record === undefined && about.length === 0) return undefined
    const subscriber = record?.id ?? ''
    return {
      server: host.name,
      flags: flagBits(own, widths),
      ...(record === undefined ? {} : { user: record.id }),
      identifiers: (record?.push ?? []).map((one) => {
        const flags = flagBits(flagsOf(one.id, widths), widths)
        return { id: one.id, flags, inForce: isPushInForce(one, host.clock.date()), here: flags === flagBits(own, widths) }
      }),
      devices: this.devicesOf(subscriber),
      waiting: queues.waitingFor(subscriber).length,
      decisions: about,
    }
  }
  private devicesOf(subscriber: string): readonly ExplainedDevice[] {
    const { devices, wakes } = this.parts
    return devices.of(subscriber).map((binding) => {
      const { device, expires, visited, waking } = binding
      const state = !devices.isBound(binding) ? 'away' : wakes.isAsleep(binding) ? 'asleep' : 'bound'
      const provider = waking === undefined ? {} : { provider: waking.provider }
      return { device, state, expires, ...(visited === undefined ? {} : { visited }), ...provider }
    })
  }
}
