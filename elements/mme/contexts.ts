/** UEs that are attached, and their temporary identifiers (SPEC §2.1, §3.6): random, durable, replaced by the clock or by hand. */
import type { Host, Json, Notifier, RefreshChange, Timer } from '../../signalling/index.ts'
import { deviceKey } from '../shared/identifiers/devices.ts'
import { Kept } from '../shared/state/kept.ts'
import type { RecordSets, RecordTable } from '../shared/state/records-in-force.ts'
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

/** The durable part of a context. */
interface ContextRecord {
  readonly [member: string]: Json | undefined
  /** Fixed identifier, canonical; it is the key in the store. */
  readonly device: string
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
  stored: ContextRecord
  /** Its standing `attach` subscriptions: with the last of them it is detached. */
  readonly notifiers: Set<Notifier<AttachView>>
  timer: Timer | undefined
  /** Runs when the UE has moved to another MME. */
  leaving: Timer | undefined
}

const soonest = 1000 // milliseconds: after a restart its subscriptions are taken up first
const retryAfter = 5000 // milliseconds, where the store failed

/** Contexts in force, each with the subscriptions and timers of its record. */
class UeContexts implements RecordTable<string, ContextRecord> {
  readonly byDevice = new Map<string, UeContext>()
  private readonly follow: (context: UeContext, before: ContextRecord | undefined) => void

  /** @param follow sets the timers by the record, which was another */
  constructor(follow: UeContexts['follow']) {
    this.follow = follow
  }

  get size(): number {
    return this.byDevice.size
  }

  get(device: string): ContextRecord | undefined {
    return this.byDevice.get(device)?.stored
  }

  set(device: string, stored: ContextRecord): void {
    const context = this.byDevice.get(device)
    const before = context?.stored
    const now: UeContext = context ?? { device, stored, notifiers: new Set(), timer: undefined, leaving: undefined }
    now.stored = stored
    this.byDevice.set(device, now)
    this.follow(now, before)
  }

  delete(device: string): boolean {
    const context = this.byDevice.get(device)
    if (context !== undefined) cancel(context)
    return this.byDevice.delete(device)
  }

  *entries(): Iterable<readonly [string, ContextRecord]> {
    for (const [device, { stored }] of this.byDevice) yield [device, stored]
  }

  /** No timer runs any more. */
  stop(): void {
    for (const context of this.byDevice.values()) cancel(context)
  }

  clear(): void {
    this.stop()
    this.byDevice.clear()
  }
}

function cancel({ timer, leaving }: UeContext): void {
  timer?.cancel()
  leaving?.cancel()
}

export class Contexts {
  private readonly host: Host
  private readonly rules: IdentifierRules
  private readonly contexts = new UeContexts((context, before) => this.follow(context, before))
  private readonly kept: Kept<ContextRecord>
  /** By the temporary identifier in force, and the one before. */
  private readonly byTemporary: RecordSets<ContextRecord>
  /** Temporary identifiers that are not in force yet. */
  private readonly drawn = new Set<string>()
  /** Identifiers that are being replaced. */
  private readonly replacing = new Map<UeContext, Promise<void>>()
  private stopped = false

  constructor(host: Host, rules: IdentifierRules) {
    this.host = host
    this.rules = rules
    this.kept = new Kept<ContextRecord>(host, {
      prefix: `mme/${host.name}/context/`,
      noun: 'a context',
      table: this.contexts,
      toStored: ({ device: _, ...stored }) => stored,
      fromStored: (stored, part) => {
        const device = decodeURIComponent(part)
        return [device, { ...(stored as ContextRecord), device }]
      },
    })
    this.byTemporary = this.kept.setIndex(({ temporary, former }) => [temporary, ...(former ? [former.temporary] : [])])
    host.gauge('attached', () => this.kept.size)
    host.gauge('temporary_identifiers', () => this.countTemporary())
  }

  load(): Promise<void> {
    return this.kept.load()
  }

  of(device: string): UeContext | undefined {
    return this.contexts.byDevice.get(device)
  }

  /** The holder of a temporary identifier now. */
  holder(temporary: string): UeContext | undefined {
    const key = deviceKey(temporary, this.host.domains)
    if (key === undefined) return undefined
    const now = this.host.clock.date()
    for (const { device, temporary: current, former } of this.byTemporary.of(key))
      if (current === key || (former?.until ?? 0) > now) return this.of(device)
    return undefined
  }

  private countTemporary(): number {
    const now = this.host.clock.date()
    let count = 0
    for (const { former } of this.kept.values()) count += former !== undefined && former.until > now ? 2 : 1
    return count
  }

  /**
   * The context of a UE that attaches, made now if it has none; durable when it resolves. A UE that is back from another
   * MME gets another temporary identifier: messages of that MME under way are about the one before.
   */
  obtain(device: string, prose: boolean | undefined, comesFromAnother = false): Promise<UeContext> {
    return this.kept.inTurn(device, async () => {
      const isBack = comesFromAnother && this.of(device) !== undefined
      await this.attach(device, prose)
      if (isBack) await this.replace(device, true)
      if (this.of(device)?.stored.leaves !== undefined) await this.attach(device, prose) // let go while that was written
      return this.of(device) ?? (await this.attach(device, prose))
    })
  }

  /** Whether another MME, to which the UE went with that identifier, may have it released. */
  mayRelease({ stored }: UeContext, temporary: string): boolean {
    return stored.former?.left !== true || stored.former.temporary !== deviceKey(temporary, this.host.domains)
  }

  private async attach(device: string, prose: boolean | undefined): Promise<UeContext> {
    const validUntil = this.host.clock.date() + this.rules.lifetime
    await this.putUntilInForce(device, (now) => {
      const { leaves: _, ...stays } = now ?? { device, temporary: this.newTemporary(), validUntil, prose: false }
      return prose === undefined ? stays : { ...stays, prose }
    })
    return this.of(device)!
  }

  /**
   * Another temporary identifier; the old one counts for the grace period. The UE is told when it is durable. Rejects where the
   * store fails: then everything is as it was. Asked again meanwhile: the same.
   */
  reallocate(context: UeContext): Promise<void> {
    let work = this.replacing.get(context)
    if (work === undefined) {
      const { device } = context
      const replace = async (): Promise<void> => (this.of(device) === context ? this.replace(device, false) : undefined)
      work = this.kept.inTurn(device, replace).finally(() => this.replacing.delete(context))
      this.replacing.set(context, work)
    }
    return work
  }

  private async replace(device: string, left: boolean): Promise<void> {
    const temporary = this.newTemporary()
    const now = this.host.clock.date()
    const inForce = await this.putUntilInForce(device, (before) => {
      if (before === undefined) return undefined
      const former = { temporary: before.temporary, until: now + this.rules.grace, ...(left ? { left } : {}) }
      return { ...before, temporary, validUntil: now + this.rules.lifetime, former }
    })
    if (!inForce) return
    this.host.count('reallocations')
    for (const notifier of this.of(device)!.notifiers) notifier.notify({ device })
  }

  /** False: it has no context. A UE that is let go meanwhile has another record, and the change is of that one. */
  private async putUntilInForce(
    device: string,
    change: (now: ContextRecord | undefined) => ContextRecord | undefined,
  ): Promise<boolean> {
    for (;;) {
      const next = change(this.kept.get(device))
      if (next === undefined) return false
      this.drawn.add(next.temporary)
      try {
        if (await this.kept.put(device, next)) return true
      } finally {
        this.drawn.delete(next.temporary)
      }
    }
  }

  /** The UE is another MME's: exchanges under way may end, then it is detached here. */
  release({ device, stored }: UeContext): void {
    if (stored.leaves !== undefined) return
    void this.kept.enforce(device, { ...stored, leaves: this.host.clock.date() + this.rules.grace }) // a restart does not keep it here
  }

  /** Detached; a promise: durably so, or logged. */
  async drop(context: UeContext): Promise<void> {
    if (this.of(context.device) === context) await this.kept.expel(context.device)
  }

  /** After a restart: contexts whose subscription did not come back. */
  dropOrphans(): void {
    for (const context of [...this.contexts.byDevice.values()]) if (context.notifiers.size === 0) void this.drop(context)
  }

  stop(): Promise<void> {
    this.stopped = true
    this.contexts.stop()
    return this.kept.stop()
  }

  /** A change of the UE's capabilities, durable first. */
  change({ device, stored }: UeContext, prose: boolean): RefreshChange | undefined {
    if (stored.prose === prose) return undefined
    return this.kept.changing(device, (now) => now && { ...now, prose })
  }

  private follow(context: UeContext, before: ContextRecord | undefined): void {
    const { validUntil, leaves } = context.stored
    const now = this.host.clock.date()
    if (validUntil !== before?.validUntil) this.arm(context, Math.max(0, validUntil - now))
    if (leaves === before?.leaves) return
    context.leaving?.cancel()
    context.leaving = undefined
    if (leaves !== undefined) this.leaveIn(context, Math.max(before === undefined ? soonest : 0, leaves - now))
  }

  private leaveIn(context: UeContext, left: number): void {
    context.leaving = this.host.clock.after(left, () => {
      for (const notifier of [...context.notifiers]) notifier.terminate('noresource')
      void this.drop(context)
    })
  }

  /** @param left milliseconds until its identifier is replaced */
  private arm(context: UeContext, left: number): void {
    context.timer?.cancel()
    context.timer = this.host.clock.after(left, () => {
      this.reallocate(context).catch((fault: unknown) => {
        this.host.log.error({ fault: String(fault) }, 'a temporary identifier is not replaced yet: the store failed')
        if (!this.stopped && this.of(context.device) === context) this.arm(context, retryAfter)
      })
    })
  }

  /** One that nobody has now. */
  private newTemporary(): string {
    const { form, code } = this.rules
    const { ids, domains } = this.host
    for (;;) {
      const temporary = `sip:${form}-${form === 's-tmsi' ? code : ''}${ids.hex(4)}@${domains[0]}`
      if (this.byTemporary.of(temporary).size === 0 && !this.drawn.has(temporary)) return temporary
    }
  }
}
