/** The life of a device's codes (SPEC §2.1, §3.1): given, followed by the next with an overlap, withdrawn. */
import type { Host, StoreWrite } from '../../../signalling/index.ts'
import type { Charges } from '../../shared/clients/charges.ts'
import { Deadlines } from '../../shared/state/deadlines.ts'
import { discoverable } from '../../shared/values/permissions.ts'
import type { BroadcastCode, BroadcastCodes } from './broadcast-codes.ts'
import type { Device, Devices } from './devices.ts'
import type { Ledger } from './ledger.ts'
import type { Notifying } from './notifying.ts'
import type { Relations } from './relations.ts'

interface RotationOptions {
  readonly host: Host
  readonly codes: BroadcastCodes
  readonly devices: Devices
  readonly ledger: Ledger
  readonly relations: Relations
  readonly notifying: Notifying
  /** The charges for codes that are given; none: nothing is charged. */
  readonly charges: Charges | undefined
}

interface Prepared {
  readonly code: BroadcastCode
  readonly writes: readonly StoreWrite[]
}

const retryAfter = 5000 // milliseconds, where the store failed

export class CodeRotation {
  private readonly host: Host
  private readonly codes: BroadcastCodes
  private readonly devices: Devices
  private readonly ledger: Ledger
  private readonly relations: Relations
  private readonly notifying: Notifying
  private readonly charges: Charges | undefined
  private readonly deadlines: Deadlines<BroadcastCode>
  /** From the start until subscriptions of an earlier process have had their time to come back. */
  private takingUp = true
  private stopped = false

  constructor({ host, codes, devices, ledger, relations, notifying, charges }: RotationOptions) {
    this.host = host
    this.codes = codes
    this.devices = devices
    this.ledger = ledger
    this.relations = relations
    this.notifying = notifying
    this.charges = charges
    this.deadlines = new Deadlines(
      host.clock,
      (code) => this.due(code),
      (due) => this.rotate(due),
    )
  }

  /** A code for a device that has none: durable, and then in force. Nothing has changed where it rejects. */
  async allocateDurably(device: string): Promise<void> {
    const { code, writes } = this.prepare(device)
    await this.ledger.write(writes)
    this.give(code)
  }

  /** A code that is not in force yet, with the writes that go together: its own and its charge (SPEC §6.2). */
  prepare(device: string): Prepared {
    const code = this.codes.issue(device, this.host.clock.date())
    const write = this.ledger.putCode(code)
    if (this.charges === undefined) return { code, writes: [write] }
    return { code, writes: [write, this.charges.put({ event: 'allocation', service: 'proximity', device })] }
  }

  /** It is durable: it is in force, unless its device has been given another meanwhile. */
  give(code: BroadcastCode): void {
    const device = this.devices.obtain(code.device)
    if (device.code !== undefined) void this.ledger.writeSoon([this.ledger.deleteCode(code)])
    else this.assignWithDeadline(device, code)
  }
  private assignWithDeadline(device: Device, code: BroadcastCode): void {
    device.code = code
    this.codes.put(code)
    this.deadlines.add(code)
    this.host.count('codes_issued')
  }

  /** One read back from the store. */
  restore(code: BroadcastCode): void {
    const device = this.devices.obtain(code.device)
    const newer = device.code === undefined || device.code.issued <= code.issued
    this.codes.put(code)
    device.fading = newer ? device.code : code
    if (newer) device.code = code
    this.deadlines.add(code)
  }

  /** Takes back a device's codes and every relation that rests on them (SPEC §3.1). */
  withdraw(device: Device): StoreWrite[] {
    const writes: StoreWrite[] = []
    for (const code of [device.code, device.fading]) {
      if (code === undefined) continue
      this.codes.withdraw(code)
      writes.push(this.ledger.deleteCode(code))
    }
    device.code = undefined
    device.fading = undefined
    this.relations.dropHearersOf(device.key)
    this.notifying.tellOwners(device.key)
    return writes
  }

  /** From now on a device without subscription is one that did not come back. */
  takenUp(): void {
    this.takingUp = false
  }

  stop(): void {
    this.stopped = true
    this.deadlines.stop()
  }

  private due(code: BroadcastCode): number | undefined {
    const device = this.devices.find(code.device)
    if (device?.code === code) return this.codes.rotateAt(code)
    return device?.fading === code ? code.validUntil : undefined
  }

  /** Rotation with overlap, and the end of the overlap (SPEC §2.1, §3.1). */
  private rotate(due: readonly BroadcastCode[]): void {
    const writes: StoreWrite[] = []
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
        this.codes.withdraw(code)
      } else if (this.takingUp && device.subscriptions.length === 0) {
        // Its subscription is not taken up again yet: that gives it the next code, and keeps its relations.
        device.code = undefined
        device.fading = undefined
        this.codes.withdraw(code)
      } else writes.push(...this.withdraw(device))
    }
    void this.ledger.writeSoon(writes)
    for (const key of changed) this.notifying.tellOwners(key)
    this.replace(current)
  }
  private isCurrent(code: BroadcastCode): boolean {
    const device = this.devices.find(code.device)
    return device?.code === code && (device.roles & discoverable) !== 0
  }

  /** Each gets its successor, once that is durable. */
  private replace(current: readonly BroadcastCode[]): void {
    if (current.length === 0 || this.stopped) return
    const next = current.map(({ device }) => this.prepare(device))
    this.ledger.write(next.flatMap(({ writes }) => writes)).then(
      () => {
        for (const [i, code] of current.entries()) this.succeed(code, next[i]!.code)
      },
      (fault: unknown) => {
        this.host.log.error({ fault: String(fault), codes: current.length }, 'the store failed; codes are replaced later')
        this.host.clock.after(retryAfter, () => this.replace(current.filter((code) => this.isCurrent(code))))
      },
    )
  }
  private succeed(code: BroadcastCode, next: BroadcastCode): void {
    const device = this.devices.find(code.device)
    if (device === undefined || !this.isCurrent(code)) {
      void this.ledger.writeSoon([this.ledger.deleteCode(next)])
      return
    }
    if (device.fading !== undefined) this.codes.withdraw(device.fading)
    device.fading = code.validUntil > this.host.clock.date() ? code : undefined
    if (device.fading === undefined) this.codes.withdraw(code)
    else this.deadlines.add(code)
    this.assignWithDeadline(device, next)
    this.notifying.tellDevice(device.key, discoverable)
    this.notifying.tellOwners(device.key)
  }
}
