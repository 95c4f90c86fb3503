/** Devices that were granted a role (SPEC §3.1), their subscriptions and their codes. */
import type { Notifier } from '../../../signalling/index.ts'
import { discoverable, type RoleBits } from '../../shared/permissions/device-permissions.ts'
import type { BroadcastCode } from './broadcast-codes.ts'

/** State of one NOTIFY of the package `prose`: rendered when it leaves. */
export interface ProseView {
  readonly device: string
  readonly roles: RoleBits
}

/** One standing proximity service request. */
export interface ProseSubscription {
  readonly notifier: Notifier<ProseView>
  roles: RoleBits
  readonly application: string | undefined
}

/** A device that was granted something, or whose code is not yet withdrawn. */
export interface Device {
  readonly key: string
  /** Granted to any of its subscriptions. */
  roles: RoleBits
  /** Permissions by the HSS, as last heard. */
  permitted: RoleBits
  code: BroadcastCode | undefined
  /** The code before, while both count. */
  fading: BroadcastCode | undefined
  /** Whether it was last told to broadcast. */
  active: boolean
  /** Milliseconds that its clock is behind ours; undefined: it does not say when it sends. */
  skew: number | undefined
  readonly subscriptions: ProseSubscription[]
}

/** A code is for devices that are to be discovered (SPEC §3.1). */
export function needsCode(device: Device | undefined, roles: RoleBits): boolean {
  return (roles & discoverable) !== 0 && device?.code === undefined
}

/** By canonical key. */
export class Devices {
  private readonly byKey = new Map<string, Device>()

  get size(): number {
    return this.byKey.size
  }

  find(key: string): Device | undefined {
    return this.byKey.get(key)
  }

  keys(): Iterable<string> {
    return this.byKey.keys()
  }

  /** The device, made if it is not known yet. */
  obtain(key: string): Device {
    let device = this.byKey.get(key)
    if (device === undefined) {
      const none = { roles: 0, permitted: 0, code: undefined, fading: undefined, active: false, skew: undefined }
      this.byKey.set(key, (device = { key, ...none, subscriptions: [] }))
    }
    return device
  }

  /** Whether the device was granted any of these roles. */
  has(key: string, roles: RoleBits): boolean {
    return ((this.byKey.get(key)?.roles ?? 0) & roles) !== 0
  }

  delete(device: Device): void {
    this.byKey.delete(device.key)
  }

  /** Devices without any subscription; a copy. */
  unsubscribed(): Device[] {
    return [...this.byKey.values()].filter(({ subscriptions }) => subscriptions.length === 0)
  }
}
