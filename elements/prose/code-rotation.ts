/** The life of a device's codes (SPEC §2.1, §3.1): given, followed by the next with an overlap, withdrawn. */
import type { Host, Write } from '../../signalling/index.ts'
import type { Charges } from '../services/charges.ts'
import type { BroadcastCode, BroadcastCodes } from './broadcast-codes.ts'
import { Deadlines } from './deadlines.ts'
import type { Device, Devices } from './devices.ts'
import type { Ledger } from './ledger.ts'
import { discoverable } from './permissions.ts'
import type { Relations } from './relations.ts'
import type { Telling } from './telling.ts'

export interface RotationOptions {
  readonly host: Host
  readonly codes: BroadcastCodes
  readonly devices: Devices
  readonly ledger: Ledger
  readonly relations: Relations
  readonly telling: Telling
  /** Where each code given is told; none: nothing is charged. */
  readonly charges: Charges | undefined
}

export class CodeRotation {
  private readonly host: Host
  private readonly codes: BroadcastCodes
  private readonly devices: Devices
  private readonly ledger: Ledger
  private readonly relations: Relations
  private readonly telling: Telling
  private readonly charges: Charges | undefined
  private readonly deadlines: Deadlines<BroadcastCode>
  /** From the start until subscriptions of an earlier process have had their time to come back. */
  private takingUp = true

  constructor({ host, codes, devices, ledger, relations, telling, charges }: RotationOptions) {
    this.host = host
    this.codes = codes
    this.devices = devices
    this.ledger = ledger
    this.relations = relations
    this.telling = telling
    this.charges = charges
    this.deadlines = new Deadlines(
      host.clock,
      (code) => this.due(code),
      (due, now) => this.rotate(due, now),
    )
  }

  /** A code for a device that has none, durable. Rejects, and takes it back, if the store failed. */
  async allocateDurably(device: Device): Promise<void> {
    try {
      await this.ledger.write(this.allocate(device))
    } catch (fault) {
      this.withdraw(device)
      throw fault
    }
  }

  /** As above; the caller sees to it that the writes are made, together: the code and what is charged for it (SPEC §6.2). */
  allocate(device: Device): Write[] {
    const code = this.codes.issue(device.key, this.host.clock.date())
    device.code = code
    this.deadlines.add(code)
    this.host.count('codes_issued')
    const write = this.ledger.putCode(code)
    if (this.charges === undefined) return [write]
    return [write, this.charges.put({ event: 'allocation', service: 'proximity', device: device.key })]
  }

  /** One read back from the store. */
  restore(code: BroadcastCode): void {
    const device = this.devices.obtain(code.device)
    const newer = device.code === undefined || device.code.issued <= code.issued
    this.codes.restore(code)
    device.fading = newer ? device.code : code
    if (newer) device.code = code
    this.deadlines.add(code)
  }

  /** Takes back a device's codes and every relation that rests on them (SPEC §3.1). */
  withdraw(device: Device): Write[] {
    const writes: Write[] = []
    for (const code of [device.code, device.fading]) {
      if (code === undefined) continue
      this.codes.withdraw(code)
      writes.push(this.ledger.deleteCode(code))
    }
    device.code = undefined
    device.fading = undefined
    this.relations.dropHearersOf(device.key)
    this.telling.tellOwners(device.key)
    return writes
  }

  /** From now on a device without subscription is one that did not come back. */
  takenUp(): void {
    this.takingUp = false
  }

  stop(): void {
    this.deadlines.stop()
  }

  private due(code: BroadcastCode): number | undefined {
    const device = this.devices.find(code.device)
    if (device?.code === code) return this.codes.rotateAt(code)
    return device?.fading === code ? code.validUntil : undefined
  }

  /** Rotation with overlap, and the end of the overlap (SPEC §2.1, §3.1). */
  private rotate(due: readonly BroadcastCode[], now: number): void {
    const writes: Write[] = []
    const rotated: Device[] = []
    const changed = new Set<string>()
    for (const code of due) {
      const device = this.devices.find(code.device)
      if (device === undefined) continue
      changed.add(device.key)
      if (device.code !== code) {
        if (device.fading === code) device.fading = undefined
        this.codes.withdraw(code)
      } else if (this.takingUp && device.subscriptions.length === 0) {
        // Its subscription is not taken up again yet: that gives it the next code, and keeps its relations.
        device.code = undefined
        device.fading = undefined
        this.codes.withdraw(code)
      } else if ((device.roles & discoverable) === 0) {
        writes.push(...this.withdraw(device))
      } else {
        if (device.fading !== undefined) this.codes.withdraw(device.fading)
        device.fading = code.validUntil > now ? code : undefined
        if (device.fading === undefined) this.codes.withdraw(code)
        else this.deadlines.add(code)
        writes.push(...this.allocate(device))
        rotated.push(device)
      }
    }
    void this.ledger.writeSoon(writes).then(() => {
      for (const device of rotated) this.telling.tellDevice(device.key, discoverable)
      for (const key of changed) this.telling.tellOwners(key)
    })
  }
}
