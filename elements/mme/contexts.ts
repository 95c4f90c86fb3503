/** UEs that are attached, and their temporary identifiers (SPEC §2.1, §3.6): random, durable, replaced by the clock or by hand. */
import type { Host, Json, Notifier, RefreshChange, Timer } from '../../signalling/index.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import { keyPart } from '../shared/identifiers/keys.ts'
import { InTurn } from '../shared/state/in-turn.ts'
import type { IdentifierRules } from './settings.ts'

/** State of one NOTIFY of the package `attach`: rendered when it leaves. */
export interface AttachView {
  readonly device: string
}

/** An identifier that has been replaced. */
interface ReplacedIdentifier {
  readonly [member: string]: Json | undefined
  readonly temporary: string
  /** Milliseconds since the epoch until which it counts. */
  readonly until: number
  /** The UE had gone to another MME with it, and is back: that MME may not release it by this one any more. */
  readonly left?: true
}

/** A context as it is stored. */
interface StoredContext {
  readonly [member: string]: Json | undefined
  readonly temporary: string
  /** Milliseconds since the epoch. */
  readonly validUntil: number
  readonly former?: ReplacedIdentifier
  /** Has a ProSe client. */
  readonly prose: boolean
  /** It has moved to another MME, and is detached here then; milliseconds since the epoch. */
  readonly leaves?: number
}

export interface UeContext {
  /** Fixed identifier, canonical. */
  readonly device: string
  stored: StoredContext
  /** Its standing `attach` subscriptions: with the last of them it is detached. */
  readonly notifiers: Set<Notifier<AttachView>>
  timer: Timer | undefined
  /** Runs when the UE has moved to another MME. */
  leaving: Timer | undefined
}

const soonest = 1000 // milliseconds: after a restart its subscriptions are taken up first
const retryAfter = 5000 // milliseconds, where the store failed

export class Contexts {
  private readonly host: Host
  private readonly rules: IdentifierRules
  private readonly byDevice = new Map<string, UeContext>()
  /** Temporary identifiers in force and, for the grace period, those before them. */
  private readonly byTemporary = new Map<string, UeContext>()
  private readonly turns = new InTurn()
  /** Identifiers that are being replaced. */
  private readonly replacing = new Map<UeContext, Promise<void>>()

  constructor(host: Host, rules: IdentifierRules) {
    this.host = host
    this.rules = rules
    host.gauge('attached', () => this.byDevice.size)
    host.gauge('temporary_identifiers', () => this.byTemporary.size)
  }

  async load(): Promise<void> {
    for await (const [key, { value }] of this.host.store.scan(this.prefix)) {
      const device = decodeURIComponent(key.slice(this.prefix.length))
      this.placeAndArm({ device, stored: value as StoredContext, notifiers: new Set(), timer: undefined, leaving: undefined })
    }
  }

  of(device: string): UeContext | undefined {
    return this.byDevice.get(device)
  }

  /** The holder of a temporary identifier now. */
  holder(temporary: string): UeContext | undefined {
    const key = deviceKey(temporary, this.host.domains)
    const context = key === undefined ? undefined : this.byTemporary.get(key)
    if (context === undefined) return undefined
    const { stored } = context
    return stored.temporary === key || (stored.former?.until ?? 0) > this.host.clock.date() ? context : undefined
  }

  /**
   * The context of a UE that attaches, made now if it has none; durable when it resolves. A UE that is back from another
   * MME gets another temporary identifier: messages of that MME under way are about the one before.
   */
  obtain(device: string, prose: boolean | undefined, comesFromAnother = false): Promise<UeContext> {
    return this.turns.run(device, async () => {
      const isBack = comesFromAnother && this.byDevice.has(device)
      const context = await this.attach(device, prose)
      if (!isBack) return context
      await this.replacing.get(context)
      await this.reallocate(context, true)
      if (context.leaving !== undefined) this.stay(context) // let go while that was written
      return context
    })
  }
  private stay(context: UeContext): void {
    const { leaves, ...stored } = context.stored
    context.leaving?.cancel()
    context.leaving = undefined
    context.stored = stored
    if (leaves !== undefined) this.saveSoon(context)
  }
  /** Whether another MME, to which the UE went with that identifier, may have it released. */
  mayRelease({ stored }: UeContext, temporary: string): boolean {
    return stored.former?.left !== true || stored.former.temporary !== deviceKey(temporary, this.host.domains)
  }
  private async attach(device: string, prose: boolean | undefined): Promise<UeContext> {
    const before = this.byDevice.get(device)
    const { leaves: _, ...kept } = before?.stored ?? {
      temporary: this.newTemporary(),
      validUntil: this.host.clock.date() + this.rules.lifetime,
      prose: false,
    }
    const next: StoredContext = prose === undefined ? kept : { ...kept, prose }
    await this.host.store.write([{ key: this.key(device), value: next }])
    const context = this.byDevice.get(device)
    if (context === undefined) {
      const fresh: UeContext = { device, stored: next, notifiers: new Set(), timer: undefined, leaving: undefined }
      this.placeAndArm(fresh)
      return fresh
    }
    this.stay(context)
    context.stored = { ...context.stored, prose: next.prose }
    if (context.stored.temporary !== next.temporary) this.saveSoon(context) // replaced while it was written
    return context
  }

  /**
   * Another temporary identifier; the old one counts for the grace period. The UE is told when it is durable. Rejects where the
   * store fails: then everything is as it was. Asked again meanwhile: the same.
   */
  reallocate(context: UeContext, left = false): Promise<void> {
    let work = this.replacing.get(context)
    if (work === undefined) {
      work = this.replace(context, left).finally(() => this.replacing.delete(context))
      this.replacing.set(context, work)
    }
    return work
  }
  private async replace(context: UeContext, left: boolean): Promise<void> {
    const { clock } = this.host
    const temporary = this.newTemporary()
    this.byTemporary.set(temporary, context)
    const now = clock.date()
    const before = context.stored
    const old: ReplacedIdentifier = { temporary: before.temporary, until: now + this.rules.grace, ...(left ? { left } : {}) }
    const fresh = { temporary, validUntil: now + this.rules.lifetime, former: old }
    try {
      await this.host.store.write([{ key: this.key(context.device), value: { ...before, ...fresh } }])
    } catch (fault) {
      this.byTemporary.delete(temporary)
      throw fault
    }
    if (this.byDevice.get(context.device) !== context) {
      this.byTemporary.delete(temporary) // detached meanwhile
      return
    }
    const { stored } = context
    if (stored.former !== undefined) this.byTemporary.delete(stored.former.temporary)
    context.stored = { ...stored, ...fresh }
    if (stored !== before) this.saveSoon(context) // changes made meanwhile were written with the old one
    clock.after(this.rules.grace, () => {
      if (this.byTemporary.get(old.temporary) === context) this.byTemporary.delete(old.temporary)
    })
    this.arm(context, this.rules.lifetime)
    this.host.count('reallocations')
    for (const notifier of context.notifiers) notifier.notify({ device: context.device })
  }

  /** The UE is another MME's: exchanges under way may end, then it is detached here. */
  release(context: UeContext): void {
    if (context.leaving !== undefined) return
    context.stored = { ...context.stored, leaves: this.host.clock.date() + this.rules.grace }
    this.saveSoon(context) // a restart does not keep it here
    this.leaveIn(context, this.rules.grace)
  }
  private leaveIn(context: UeContext, left: number): void {
    context.leaving = this.host.clock.after(left, () => {
      for (const notifier of [...context.notifiers]) notifier.terminate('noresource')
      this.drop(context)
    })
  }

  /** Detached; a promise: durably so, or logged. */
  drop(context: UeContext): Promise<void> | undefined {
    if (this.byDevice.get(context.device) !== context) return undefined
    context.timer?.cancel()
    context.leaving?.cancel()
    this.byDevice.delete(context.device)
    this.byTemporary.delete(context.stored.temporary)
    if (context.stored.former !== undefined) this.byTemporary.delete(context.stored.former.temporary)
    return this.host.store.write([{ key: this.key(context.device), delete: true }]).then(
      () => undefined,
      (fault: unknown) => {
        this.host.log.error({ fault: String(fault) }, 'the store failed; a detached UE stays in it until the next start')
      },
    )
  }

  /** After a restart: contexts whose subscription did not come back. */
  dropOrphans(): void {
    for (const context of [...this.byDevice.values()]) if (context.notifiers.size === 0) this.drop(context)
  }

  stop(): void {
    for (const context of this.byDevice.values()) {
      context.timer?.cancel()
      context.leaving?.cancel()
    }
  }

  /** A change of the UE's capabilities, durable first. */
  change(context: UeContext, prose: boolean): RefreshChange | undefined {
    if (context.stored.prose === prose) return undefined
    const written = context.stored
    const apply = (): void => {
      const replaced = context.stored !== written // while it was written
      context.stored = { ...context.stored, prose }
      if (replaced) this.saveSoon(context)
    }
    return { writes: [{ key: this.key(context.device), value: { ...written, prose } }], apply }
  }
  private saveSoon(context: UeContext): void {
    this.save(context).catch((fault: unknown) => this.host.log.error({ fault: String(fault) }, 'a context was not written'))
  }
  private async save(context: UeContext): Promise<void> {
    if (this.byDevice.get(context.device) !== context) return
    await this.host.store.write([{ key: this.key(context.device), value: context.stored }])
  }

  private placeAndArm(context: UeContext): void {
    const { device, stored } = context
    this.byDevice.set(device, context)
    this.byTemporary.set(stored.temporary, context)
    if (stored.former !== undefined) this.byTemporary.set(stored.former.temporary, context)
    const now = this.host.clock.date()
    this.arm(context, Math.max(0, stored.validUntil - now))
    if (stored.leaves !== undefined) this.leaveIn(context, Math.max(soonest, stored.leaves - now))
  }
  /** @param left milliseconds until its identifier is replaced */
  private arm(context: UeContext, left: number): void {
    context.timer?.cancel()
    context.timer = this.host.clock.after(left, () => {
      this.reallocate(context).catch((fault: unknown) => {
        this.host.log.error({ fault: String(fault) }, 'a temporary identifier is not replaced yet: the store failed')
        if (this.byDevice.get(context.device) === context) this.arm(context, retryAfter)
      })
    })
  }
  /** One that nobody has now. */
  private newTemporary(): string {
    const { form, code } = this.rules
    const { ids, domains } = this.host
    for (;;) {
      const temporary = `sip:${form}-${form === 's-tmsi' ? code : ''}${ids.hex(4)}@${domains[0]}`
      if (!this.byTemporary.has(temporary)) return temporary
    }
  }
  private get prefix(): string {
    return `mme/${this.host.name}/context/`
  }
  private key(device: string): string {
    return this.prefix + keyPart(device)
  }
}
