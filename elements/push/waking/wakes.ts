/** Wakes of devices that sleep (SPEC §5.8): whether, when and by which provider, each decision with its rule. */
import type { Host, OutboundHttpRequest, Timer } from '../../../signalling/index.ts'
import type { BoundDevices } from '../bound-devices.ts'
import type { Decisions, WakeRule } from '../decisions.ts'
import type { DeviceBinding } from '../device-binding.ts'
import type { WakeProvider } from './provider.ts'
import { ProviderPause } from './provider-pause.ts'
import type { WakeProviders } from './providers.ts'
import { RefreshWakes } from './refresh-wakes.ts'
import { healthOf, type WakeVerdict, wakeVerdictOn } from './verdict.ts'

/** Cause of a wake. */
export interface WakeCause {
  readonly cause: 'message' | 'call' | 'refresh'
  readonly urgency: 'high' | 'normal'
  /** Of the message. */
  readonly callId?: string
  /** Milliseconds since the epoch after which it is in vain; left out: never. */
  readonly until?: number
}

/** The wakes of one device. */
interface DeviceWakes {
  /** Milliseconds since the epoch: of the last wake, and before which none may go for its failures. */
  last: number
  notBefore: number
  notBeforeRule: 'throttled' | 'back-off'
  failures: number
  isUnderWay: boolean
  timer: Timer | undefined
  /** It is to be woken. */
  wanted: WakeCause | undefined
}

interface WakesParts {
  readonly host: Host
  readonly devices: BoundDevices
  readonly providers: WakeProviders
  readonly decisions: Decisions
  /** Addresses that may be called though they are not public. */
  readonly allow: readonly string[]
  readonly wakeExpired: boolean
  /** Whether what a device was to be woken for waits still. */
  readonly isNeeded: (binding: DeviceBinding) => boolean
  /** Told where a device cannot be woken any more. */
  readonly unwakeable: (binding: DeviceBinding) => void
}

const interval = 10_000 // milliseconds between two wakes of a device
const firstPause = 10_000 // after a failure, doubled for each
const longestPause = 600_000
const longestLife = 2_419_200 // seconds for which a push service keeps a wake (RFC 8030 has no bound; services have four weeks)

export class Wakes {
  private readonly parts: WakesParts
  private readonly byDevice = new Map<string, DeviceWakes>()
  /** Devices that did not answer, and have not registered since. */
  private readonly sleeping = new Set<string>()
  private readonly pause: ProviderPause
  private readonly refreshes: RefreshWakes
  private isStopped = false

  constructor(parts: WakesParts) {
    this.parts = parts
    const { clock } = parts.host
    this.pause = new ProviderPause(clock)
    this.refreshes = new RefreshWakes(clock, (name) => this.refresh(name))
    parts.host.gauge('devices_asleep', () => this.sleeping.size)
    parts.host.gauge('wakes_planned', () => this.refreshes.size)
  }
  /** Devices of an earlier process. What waits for them wakes them, but not at once: the process may have done it. */
  start(): void {
    const { devices, host, wakeExpired } = this.parts
    if (wakeExpired) host.log.warn({}, 'wakeExpired is on: expired bindings are woken, a deviation from RFC 8599 §5.5')
    const now = host.clock.date()
    for (const binding of devices.all()) {
      if (binding.waking === undefined) continue
      const name = nameOf(binding)
      if (devices.isBound(binding)) this.refreshes.plan(name, binding)
      if (this.parts.isNeeded(binding)) this.wakesOf(name).last = now
    }
  }
  stop(): void {
    this.isStopped = true
    this.refreshes.stop()
    for (const { timer } of this.byDevice.values()) timer?.cancel()
  }

  /** Whether somebody can wake it, asleep or not. */
  canWake({ waking }: DeviceBinding): boolean {
    return waking !== undefined && waking.refused === undefined && this.parts.providers.get(waking.provider) !== undefined
  }
  isAsleep(binding: DeviceBinding): boolean {
    return this.sleeping.has(nameOf(binding)) && this.canWake(binding)
  }
  fellAsleep(binding: DeviceBinding): void {
    this.sleeping.add(nameOf(binding))
  }
  /** It has answered. */
  answered(binding: DeviceBinding): void {
    this.sleeping.delete(nameOf(binding))
  }
  /** It has registered, or is gone: `binding` is in force. Nothing that was to wake it is due any more. */
  registered(binding: DeviceBinding): void {
    const name = nameOf(binding)
    this.sleeping.delete(name)
    this.refreshes.plan(name, binding)
    const own = this.byDevice.get(name)
    if (own === undefined) return
    own.timer?.cancel()
    own.timer = undefined
    own.wanted = undefined
    own.notBefore = 0
    own.failures = 0
    if (!own.isUnderWay && own.last + interval <= this.parts.host.clock.date()) this.byDevice.delete(name)
  }
  /** Its queue is kept no more. */
  forget(binding: DeviceBinding): void {
    const name = nameOf(binding)
    this.byDevice.get(name)?.timer?.cancel()
    this.byDevice.delete(name)
    this.sleeping.delete(name)
    this.refreshes.forget(name)
  }

  /** Wakes it now or as soon as it may be woken. False: it cannot be. */
  wake(binding: DeviceBinding, cause: WakeCause): boolean {
    const { devices, wakeExpired } = this.parts
    if (this.isStopped) return false
    if (binding.waking === undefined) {
      this.tell(binding, cause, 'no-prid', 'its registration has no pn-prid, or its provider forgot that')
      return false
    }
    if (!devices.isBound(binding) && !wakeExpired) {
      this.tell(binding, cause, 'expired', 'its registration has expired (RFC 8599 §5.5)')
      return false
    }
    const provider = this.parts.providers.get(binding.waking.provider)
    if (provider === undefined || binding.waking.refused !== undefined) {
      const why = provider === undefined ? 'this server has no such provider' : `the provider said ${binding.waking.refused}`
      this.tell(binding, cause, 'refused', `${why}: it is left alone until the device registers anew`)
      return false
    }
    const name = nameOf(binding)
    const own = this.wakesOf(name)
    const isHigh = cause.urgency === 'high' || own.wanted?.urgency === 'high'
    const lasting = own.wanted !== undefined && own.wanted.until === undefined ? own.wanted : cause
    own.wanted = { ...lasting, urgency: isHigh ? 'high' : 'normal' }
    if (own.isUnderWay) this.tell(binding, cause, 'under-way', 'a wake is on its way')
    else this.attempt(binding, provider, own)
    return true
  }
  private attempt(binding: DeviceBinding, provider: WakeProvider, own: DeviceWakes): void {
    const cause = own.wanted!
    const now = this.parts.host.clock.date()
    const waits: readonly (readonly [until: number, rule: WakeRule, why: string])[] = [
      [own.last + interval, 'interval', 'one wake in 10 s'],
      [own.notBefore, own.notBeforeRule, own.notBeforeRule === 'throttled' ? 'as the provider asks' : 'after a failure'],
    ]
    const [until, rule, why] = waits.reduce((a, b) => (b[0] > a[0] ? b : a))
    if (until > now) return this.postpone(binding, own, until, rule, why)
    const request = this.requestBy(provider, binding, cause)
    if (request === undefined)
      return this.settle(binding, cause, own, { rule: 'refused', why: 'the PRID is none of this provider' })
    const service = `${provider.name} ${new URL(request.url).origin}` // of Web Push each fails by itself
    const left = this.pause.waitFor(service)
    if (left > 0)
      return this.postpone(binding, own, now + left, 'provider-pause', 'five failures in a row: its provider is left alone')
    own.last = now
    own.isUnderWay = true
    void this.send(request, service).then((verdict) => {
      own.isUnderWay = false
      if (!this.isStopped) this.settle(binding, cause, own, verdict)
    })
  }
  private postpone(binding: DeviceBinding, own: DeviceWakes, until: number, rule: WakeRule, why: string): void {
    const { clock } = this.parts.host
    this.tell(binding, own.wanted!, rule, `${why}: not before ${new Date(until).toISOString()}`)
    own.timer?.cancel()
    own.timer = clock.after(until - clock.date(), () => this.again(nameOf(binding), own))
  }
  /** Undefined where its provider cannot make one of that PRID, for whatever reason. */
  private requestBy(
    provider: WakeProvider,
    { expires, waking }: DeviceBinding,
    { urgency }: WakeCause,
  ): OutboundHttpRequest | undefined {
    const { clock, ids } = this.parts.host
    const now = clock.date()
    const ttl = Math.min(Math.max(Math.floor((expires - now) / 1000), 60), longestLife)
    try {
      const request = provider.requestFor(waking!, { ttl, urgency, id: ids.token(22), now })
      return request !== undefined && URL.canParse(request.url) ? request : undefined
    } catch {
      return undefined
    }
  }
  private async send(request: OutboundHttpRequest, service: string): Promise<WakeVerdict> {
    const { allow, host } = this.parts
    const answer = await host.http.send({ ...request, allow })
    this.pause.ended(service, healthOf(answer))
    return wakeVerdictOn(answer, host.clock.date())
  }
  private settle(binding: DeviceBinding, cause: WakeCause, own: DeviceWakes, verdict: WakeVerdict): void {
    const { clock } = this.parts.host
    this.tell(binding, cause, verdict.rule, `the provider said ${verdict.why}`)
    const isWanted = own.wanted !== undefined
    if (verdict.rule === 'sent') {
      const isNewer = isWanted && own.wanted !== cause && own.wanted!.callId !== cause.callId
      own.failures = 0
      own.notBefore = 0
      if (!isNewer) own.wanted = undefined
      else own.timer = clock.after(Math.max(own.last + interval - clock.date(), 0), () => this.again(nameOf(binding), own))
      return
    }
    if (verdict.rule === 'gone' || verdict.rule === 'refused') {
      own.wanted = undefined
      void this.withdraw(binding, verdict)
      return
    }
    own.failures++
    own.notBeforeRule = verdict.rule === 'throttled' ? 'throttled' : 'back-off'
    const pause = verdict.rule === 'throttled' ? verdict.after : Math.min(firstPause * 2 ** (own.failures - 1), longestPause)
    own.notBefore = clock.date() + pause
    if (!isWanted) return // it has registered meanwhile
    const wait = Math.max(own.notBefore, own.last + interval) - clock.date()
    own.timer = clock.after(wait, () => this.again(nameOf(binding), own))
  }
  /** The PRID is forgotten, or its provider left alone: what waits goes without it. */
  private async withdraw(binding: DeviceBinding, { rule, why }: WakeVerdict): Promise<void> {
    const { devices, unwakeable } = this.parts
    const left = await devices.withdrawWaking(binding, rule === 'gone' ? undefined : why)
    if (left === undefined) return // it has registered anew
    this.refreshes.forget(nameOf(binding))
    this.sleeping.delete(nameOf(binding))
    unwakeable(left)
  }
  /** Its time has come: where it is still to be woken. */
  private again(name: string, own: DeviceWakes): void {
    own.timer = undefined
    const { devices, host, isNeeded, wakeExpired } = this.parts
    const binding = devices.named(name)
    const cause = own.wanted
    if (this.isStopped || cause === undefined || binding?.waking === undefined || own.isUnderWay) return
    const provider = this.parts.providers.get(binding.waking.provider)
    const isOver =
      (!devices.isBound(binding) && !wakeExpired) ||
      isInVain(cause, host.clock.date()) ||
      (cause.cause === 'message' && !isNeeded(binding))
    if (isOver || provider === undefined) own.wanted = undefined
    else this.attempt(binding, provider, own)
  }
  private refresh(name: string): void {
    const binding = this.parts.devices.named(name)
    if (binding !== undefined) this.wake(binding, { cause: 'refresh', urgency: 'normal' })
  }

  private wakesOf(name: string): DeviceWakes {
    let own = this.byDevice.get(name)
    if (own === undefined) {
      const none = { timer: undefined, wanted: undefined, isUnderWay: false, failures: 0 }
      own = { ...none, last: Number.NEGATIVE_INFINITY, notBefore: 0, notBeforeRule: 'back-off' }
      this.byDevice.set(name, own)
    }
    return own
  }
  /** One log line, one counter and one decision, without the PRID. */
  tell(binding: DeviceBinding, { callId, cause, urgency }: WakeCause, rule: WakeRule, text: string): void {
    const { decisions, host } = this.parts
    const { subscriber } = binding
    host.count(`wakes_${rule.replace('-', '_')}`)
    const level = rule === 'no-prid' ? 'debug' : 'info' // most phones have none
    host.log[level]({ subscriber, provider: binding.waking?.provider, cause, urgency, rule }, `wake: ${text}`)
    decisions.note({ user: subscriber, rule: `wake-${rule}`, text, ...(callId === undefined ? {} : { callId }) })
  }
}

function isInVain({ until }: WakeCause, now: number): boolean {
  return until !== undefined && until <= now
}

/** Name of a device among those of all. */
function nameOf({ device, subscriber }: Pick<DeviceBinding, 'device' | 'subscriber'>): string {
  return `${subscriber} ${device}`
}
