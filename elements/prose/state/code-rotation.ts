/** The life of a device's codes (SPEC §2.1, §3.1): given, followed by the next with an overlap, withdrawn. */
import type { Host, StoreWrite, Timer } from '../../../signalling/index.ts'
import type { Charges } from '../../shared/clients/charges.ts'
import { discoverable } from '../../shared/permissions/device-permissions.ts'
import { Deadlines } from '../../shared/state/deadlines.ts'
import { Kept } from '../../shared/state/kept.ts'
import { enforceTogether, putTogether } from '../../shared/state/kept-change.ts'
import type { BroadcastCode, BroadcastCodes } from './broadcast-codes.ts'
import type { Device, Devices } from './devices.ts'
import type { Notifying } from './notifying.ts'
import type { Relations } from './relations.ts'

interface RotationOptions {
  readonly host: Host
  readonly codes: BroadcastCodes
  readonly devices: Devices
  readonly relations: Relations
  readonly notifying: Notifying
  /** The charges for codes that are given; none: nothing is charged. */
  readonly charges: Charges | undefined
}

/** A code for the engine to write. */
interface PreparedCode {
  readonly writes: readonly StoreWrite[]
  /** It is durable. */
  readonly give: () => void
}

const retryAfter = 5000 // milliseconds, where the store failed

export class CodeRotation {
  private readonly host: Host
  private readonly codes: BroadcastCodes
  private readonly devices: Devices
  private readonly relations: Relations
  private readonly notifying: Notifying
  private readonly charges: Charges | undefined
  private readonly kept: Kept<BroadcastCode>
  private readonly deadlines: Deadlines<BroadcastCode>
  private readonly retries = new Set<Timer>()
  /** From the start until subscriptions of an earlier process have had their time to come back. */
  private takingUp = true
  private stopped = false

  constructor({ host, codes, devices, relations, notifying, charges }: RotationOptions) {
    this.host = host
    this.codes = codes
    this.devices = devices
    this.relations = relations
    this.notifying = notifying
    this.charges = charges
    this.kept = new Kept<BroadcastCode>(host, {
      prefix: `prose/${host.name}/code/`,
      noun: 'a code',
      toStored: ({ text, device, issued, validUntil }) => ({ text, device, issued, validUntil }),
      expires: ({ validUntil }) => validUntil,
      table: codes,
    })
    this.deadlines = new Deadlines(
      host.clock,
      (code) => this.due(code),
      (due) => this.rotate(due),
    )
  }

  async load(): Promise<void> {
    await this.kept.load()
    for (const code of this.kept.values()) this.restore(code)
  }

  /** A code for a device that has none: durable, and then in force. Nothing has changed where it rejects. */
  async allocateDurably(device: string): Promise<void> {
    const code = this.codes.issue(device, this.host.clock.date())
    await putTogether(this.host.store, [this.kept.putting(code.text, code)], this.charge(device))
    this.give(code)
  }

  /** A code that is not in force yet, with the writes that go together: its own and its charge (SPEC §6.2). */
  prepare(device: string): PreparedCode {
    const code = this.codes.issue(device, this.host.clock.date())
    const change = this.kept.changing(code.text, () => code)!
    const give = (): void => {
      change.apply()
      this.give(code)
    }
    return { writes: [...change.writes, ...this.charge(device)], give }
  }
  private charge(device: string): StoreWrite[] {
    return this.charges === undefined ? [] : [this.charges.put({ event: 'allocation', service: 'proximity', device })]
  }

  /** It is in force: the device's, unless that has been given another meanwhile. */
  private give(code: BroadcastCode): void {
    const device = this.devices.obtain(code.device)
    if (device.code !== undefined) void this.kept.expel(code.text)
    else this.assignWithDeadline(device, code)
  }
  private assignWithDeadline(device: Device, code: BroadcastCode): void {
    device.code = code
    this.deadlines.add(code)
    this.host.count('codes_issued')
  }

  /** One read back from the store. */
  private restore(code: BroadcastCode): void {
    const device = this.devices.obtain(code.device)
    const newer = device.code === undefined || device.code.issued <= code.issued
    device.fading = newer ? device.code : code
    if (newer) device.code = code
    this.deadlines.add(code)
  }

  /** Takes back a device's codes and every relation that rests on them (SPEC §3.1). Durable when it resolves. */
  withdraw(device: Device): Promise<boolean> {
    const codes = [device.code, device.fading].filter((code) => code !== undefined)
    const written = enforceTogether(
      this.host,
      codes.map(({ text }) => this.kept.removing(text)),
    )
    device.code = undefined
    device.fading = undefined
    this.relations.dropHearersOf(device.key)
    this.notifying.tellOwners(device.key)
    return written
  }

  /** From now on a device without subscription is one that did not come back. */
  takenUp(): void {
    this.takingUp = false
  }

  stop(): Promise<void> {
    this.stopped = true
    this.deadlines.stop()
    for (const timer of this.retries) timer.cancel()
    return this.kept.stop()
  }

  private due(code: BroadcastCode): number | undefined {
    const device = this.devices.find(code.device)
    if (device?.code === code) return this.codes.rotateAt(code)
    return device?.fading === code ? code.validUntil : undefined
  }

  /** Rotation with overlap, and the end of the overlap (SPEC §2.1, §3.1). */
  private rotate(due: readonly BroadcastCode[]): void {
    const current: BroadcastCode[] = []
    const changed = new Set<string>()
    for (const code of due) {
      const device = this.devices.find(code.device)
      if (device === undefined) continue
      if (this.isCurrent(code)) {
        current.push(code)
        continue
      }
      changed.add(device.key)
      if (device.code !== code) {
        if (device.fading === code) device.fading = undefined
        this.lapse(code)
      } else if (this.takingUp && device.subscriptions.length === 0) {
        // Its subscription is not taken up again yet: that gives it the next code, and keeps its relations.
        device.code = undefined
        device.fading = undefined
        this.lapse(code)
      } else void this.withdraw(device)
    }
    for (const key of changed) this.notifying.tellOwners(key)
    this.replace(current)
  }
  /** It counts no more: it has been followed by another, or its time is over. */
  private lapse({ text }: BroadcastCode): void {
    this.kept.lapse(text, undefined)
  }
  private isCurrent(code: BroadcastCode): boolean {
    const device = this.devices.find(code.device)
    return device?.code === code && (device.roles & discoverable) !== 0
  }

  /** Each gets its successor, once that is durable. */
  private replace(current: readonly BroadcastCode[]): void {
    if (current.length === 0 || this.stopped) return
    const now = this.host.clock.date()
    const next = current.map(({ device }) => this.codes.issue(device, now))
    const charges = next.flatMap(({ device }) => this.charge(device))
    const changes = next.map((code) => this.kept.putting(code.text, code))
    putTogether(this.host.store, changes, charges).then(
      () => {
        for (const [i, code] of current.entries()) this.succeed(code, next[i]!)
      },
      (fault: unknown) => {
        if (this.stopped) return
        this.host.log.error({ fault: String(fault), codes: current.length }, 'the store failed; codes are replaced later')
        const timer = this.host.clock.after(retryAfter, () => {
          this.retries.delete(timer)
          this.replace(current.filter((code) => this.isCurrent(code)))
        })
        this.retries.add(timer)
      },
    )
  }
  private succeed(code: BroadcastCode, next: BroadcastCode): void {
    const device = this.devices.find(code.device)
    if (device === undefined || !this.isCurrent(code)) {
      void this.kept.expel(next.text)
      return
    }
    if (device.fading !== undefined) this.lapse(device.fading)
    device.fading = code.validUntil > this.host.clock.date() ? code : undefined
    if (device.fading === undefined) this.lapse(code)
    else this.deadlines.add(code)
    this.assignWithDeadline(device, next)
    this.notifying.tellDevice(device.key, discoverable)
    this.notifying.tellOwners(device.key)
  }
}
