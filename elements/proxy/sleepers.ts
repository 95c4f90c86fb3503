/** Devices that sleep (SPEC §5.8): a request for one has it woken by its Push server, and waits until it has registered. */
import type { ForwardTarget, HeldFork, Host, Timer } from '../../signalling/index.ts'
import { writeBody } from '../schemas/index.ts'
import { PendingMessages } from '../shared/clients/pending-messages.ts'
import type { Subscribers } from '../shared/clients/subscribers.ts'
import type { ContactBinding } from '../shared/state/contact-binding.ts'
import { wakeableDevice } from '../shared/values/push-notification.ts'
import type { Bindings } from './bindings.ts'
import { pushServersFor } from './notifiable.ts'
import type { ProxyRules } from './settings.ts'

/** A request that waits for devices of one user. */
interface WaitingRequest {
  readonly fork: HeldFork
  /** The way to a device that has registered; undefined: there is none. */
  readonly targetOf: (binding: ContactBinding) => ForwardTarget | undefined
  /** Bindings of the devices that have not come yet, by their names. */
  readonly missing: Map<string, ContactBinding>
  readonly timer: Timer
}

const patience = 20_000 // milliseconds that a request waits
const awake = 30_000 // after its REGISTER a device behind a datagram is taken to be awake
const mostWaiting = 10_000

export class Sleepers {
  private readonly host: Host
  private readonly rules: ProxyRules
  private readonly bindings: Bindings
  private readonly subscribers: Subscribers
  private readonly messages: PendingMessages
  /** By address of record. */
  private readonly waiting = new Map<string, Set<WaitingRequest>>()
  private count = 0

  constructor(host: Host, rules: ProxyRules, bindings: Bindings, subscribers: Subscribers) {
    this.host = host
    this.rules = rules
    this.bindings = bindings
    this.subscribers = subscribers
    this.messages = new PendingMessages(host)
    host.gauge('requests_for_sleepers', () => this.count)
  }

  /** The bindings, one a device, of those that may sleep: no flow of theirs is known to be alive. */
  among(bindings: readonly ContactBinding[]): readonly ContactBinding[] {
    if (bindings.every(({ notification }) => notification?.name === undefined)) return none
    const devices = new Map<string, ContactBinding>()
    for (const binding of bindings) {
      const name = nameOf(binding)
      if (name !== undefined) devices.set(name, binding)
    }
    return [...devices.values()].filter(
      (one) => !bindings.some((binding) => nameOf(binding) === nameOf(one) && this.isAwake(binding)),
    )
  }
  private isAwake(binding: ContactBinding): boolean {
    if (this.isCutOff(binding)) return false
    const isConnected = binding.path === undefined && this.bindings.flowOf(binding)?.reliable === true
    return isConnected || (binding.notification?.since ?? 0) + awake > this.host.clock.date()
  }
  /** Whether its connection is gone: nothing reaches it before it registers. */
  private isCutOff(binding: ContactBinding): boolean {
    return binding.path === undefined && this.bindings.flowOf(binding) === undefined
  }

  /** Has devices woken, and adds each to the fork once it has registered at another place. */
  wait(
    aor: string,
    devices: readonly ContactBinding[],
    fork: HeldFork,
    targetOf: (binding: ContactBinding) => ForwardTarget | undefined,
  ): void {
    if (this.count >= mostWaiting) return fork.release()
    if (!devices.some((binding) => this.isCutOff(binding))) fork.release()
    const missing = new Map(devices.map((binding) => [nameOf(binding)!, binding]))
    const timer = this.host.clock.after(patience, () => this.end(aor, request))
    const request: WaitingRequest = { fork, targetOf, missing, timer }
    const own = this.waiting.get(aor) ?? new Set()
    this.waiting.set(aor, own.add(request))
    this.count++
    this.host.count('requests_waking', 1)
    for (const binding of devices) void this.wake(aor, binding, request)
  }
  /** Asks the user's Push servers, while it waits: a device that none can wake is not waited for. */
  private async wake(aor: string, binding: ContactBinding, request: WaitingRequest): Promise<void> {
    const device = nameOf(binding)!
    const [domain] = this.host.domains
    const isWanted = (): boolean => request.missing.has(device) && this.waiting.get(aor)?.has(request) === true
    const answers = await Promise.all(
      (await this.serversOf(aor)).map(({ element }) => {
        const to = `sip:${element}@${domain}`
        const body = writeBody('push-wake', { user: aor, device })
        return this.messages.send({ to, asserted: this.host.uri, body }, isWanted)
      }),
    )
    if (answers.some((answer) => answer !== undefined && answer.status < 300)) return
    request.missing.delete(device)
    this.endIfAllThere(aor, request)
  }
  /** None where the HSS does not say whose he is. */
  private async serversOf(aor: string): Promise<ProxyRules['push']> {
    try {
      return pushServersFor(this.rules.push, await this.subscribers.of(aor))
    } catch (fault) {
      this.host.log.warn({ fault: String(fault) }, 'a device is not woken: no answer from the HSS')
      return []
    }
  }

  /** A device has registered, durably. */
  registered(aor: string, binding: ContactBinding): void {
    const name = nameOf(binding)
    for (const request of this.waiting.get(aor) ?? []) {
      const former = name === undefined ? undefined : request.missing.get(name)
      if (former === undefined) continue
      request.missing.delete(name!)
      const isElsewhere = this.isCutOff(former) || former.flow !== binding.flow || former.contact !== binding.contact
      const target = isElsewhere ? request.targetOf(binding) : undefined // else what was sent there is repeated
      if (target !== undefined) request.fork.add(target)
      this.endIfAllThere(aor, request)
    }
  }
  private endIfAllThere(aor: string, request: WaitingRequest): void {
    if (request.missing.size === 0) this.end(aor, request)
  }
  private end(aor: string, request: WaitingRequest): void {
    request.timer.cancel()
    const own = this.waiting.get(aor)
    if (own?.delete(request) !== true) return
    if (own.size === 0) this.waiting.delete(aor)
    this.count--
    request.fork.release()
  }
}

const none: readonly ContactBinding[] = []

/** Name of a device that can be woken; undefined: it cannot. */
function nameOf({ instance, notification }: ContactBinding): string | undefined {
  return notification?.name === undefined ? undefined : wakeableDevice(instance, notification.name)
}
