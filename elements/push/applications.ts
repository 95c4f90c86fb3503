/** Applications of a Push server (SPEC §5.4): their life, their rules, and the token and identifier of those that may send. */
import { type Host, type Json, seal } from '../../signalling/index.ts'
import type { PushApplication } from '../schemas/index.ts'
import { type FlagWidths, flagBits, newPushIdentifier, type PushFlags } from '../shared/identifiers/push.ts'
import { Kept } from '../shared/state/kept.ts'
import type { UniqueIndex } from '../shared/state/records-in-force.ts'
import type { ApplicationSettings } from './settings-type.ts'

type ApplicationState = PushApplication['state']

/** A step in the life of an application. */
export type ApplicationStep = 'request' | 'invite' | 'approve' | 'refuse' | 'consent' | 'revoke'

/** An application as it is kept. */
interface KeptApplication extends PushApplication {
  /** Seal of its token. */
  readonly token?: string
  /** Seal of the dialplan's settings that it comes from. */
  readonly given?: string
}

/** The outcome of a step: the application, with its token where that is new, or the fault. */
type StepOutcome =
  | { readonly application: PushApplication; readonly token?: string; readonly fault?: undefined }
  | { readonly fault: 'unknown' | 'state' | 'full'; readonly text: string }

interface ApplicationsParts {
  readonly host: Host
  readonly settings: readonly ApplicationSettings[]
  readonly own: PushFlags
  readonly widths: FlagWidths
}

const none = undefined
const steps: {
  readonly [step in ApplicationStep]: { readonly from: readonly (ApplicationState | undefined)[]; readonly to: ApplicationState }
} = {
  request: { from: [none, 'refused', 'revoked'], to: 'requested' },
  invite: { from: [none, 'refused', 'revoked'], to: 'invited' },
  approve: { from: ['requested'], to: 'approved' },
  refuse: { from: ['requested', 'invited'], to: 'refused' },
  consent: { from: ['invited'], to: 'consented' },
  revoke: { from: ['approved', 'consented'], to: 'revoked' },
}
export const applicationSteps = Object.keys(steps) as readonly ApplicationStep[]
const most = 10_000
const tokenLength = 32

export class Applications {
  private readonly parts: ApplicationsParts
  private readonly kept: Kept<KeptApplication>
  private readonly byToken: UniqueIndex<KeptApplication>
  private readonly byPush: UniqueIndex<KeptApplication>
  private readonly listeners: (() => void)[] = []
  private sending: readonly PushApplication[] | undefined

  constructor(parts: ApplicationsParts) {
    this.parts = parts
    const { host } = parts
    this.kept = new Kept<KeptApplication>(host, {
      prefix: `push/${host.name}/application/`,
      noun: 'an application',
      toStored: (application) => application as unknown as Json,
      fromStored: (stored, part) => [decodeURIComponent(part), stored as unknown as KeptApplication],
    })
    this.byToken = this.kept.uniqueIndex(({ token }) => token)
    this.byPush = this.kept.uniqueIndex(({ push }) => push)
    host.gauge('applications', () => this.kept.size)
  }
  /** Reads what is stored. A change of the dialplan's word goes before; what was changed while it ran stays otherwise. */
  async load(): Promise<void> {
    await this.kept.load()
    const listed = new Set(this.parts.settings.map(({ id }) => id))
    for (const { given, id } of [...this.kept.values()]) if (given !== undefined && !listed.has(id)) await this.kept.remove(id)
    for (const settings of this.parts.settings) {
      const given = seal('', JSON.stringify(settings), 22)
      if (this.kept.get(settings.id)?.given !== given) await this.kept.put(settings.id, this.ofSettings(settings, given))
    }
  }
  private ofSettings({ token, ...settings }: ApplicationSettings, given: string): KeptApplication {
    const before = this.kept.get(settings.id)
    return {
      state: 'approved',
      sending: 'authenticate',
      ...settings,
      push: settings.push?.toLowerCase() ?? before?.push ?? this.newIdentifier(),
      given,
      ...(token === undefined ? {} : { token: seal('', token, 43) }),
    }
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }
  /** Told of each change. */
  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  all(): readonly PushApplication[] {
    return [...this.kept.values()].map(shown).sort((a, b) => (a.id < b.id ? -1 : 1))
  }
  /** Applications that may send. */
  approved(): readonly PushApplication[] {
    this.sending ??= this.all().filter(maySend)
    return this.sending
  }
  get(id: string): PushApplication | undefined {
    const found = this.kept.get(id)
    return found && shown(found)
  }
  /** The application that may send by that token. */
  ofToken(token: string): PushApplication | undefined {
    const found = this.byToken.get(seal('', token, 43))
    return found !== undefined && maySend(found) ? shown(found) : undefined
  }
  /** The application whose own Push identifier that is, whether it may send or not. */
  ofPush(id: string): PushApplication | undefined {
    const found = this.byPush.get(id)
    return found && shown(found)
  }

  /** Takes an application a step further, maybe with another rule. */
  step(id: string, step: ApplicationStep, rule: Partial<PushApplication> = {}): Promise<StepOutcome> {
    return this.kept.inTurn(id, async () => {
      const before = this.kept.get(id)
      const { from, to } = steps[step]
      if (before === undefined && !from.includes(none)) return { fault: 'unknown', text: `there is no application ${id}` }
      if (!from.includes(before?.state))
        return { fault: 'state', text: `${id} is ${before?.state}; expected one that is ${from.filter(Boolean).join(' or ')}` }
      if (before === undefined && this.kept.size >= most)
        return { fault: 'full', text: `there are ${most} applications, and no more are kept` }
      const { token: _, ...rest } = before ?? ({ id, sending: 'authenticate' } as const)
      const isGranted = to === 'approved' || to === 'consented'
      const token = isGranted ? this.parts.host.ids.token(tokenLength) : undefined
      const after: KeptApplication = {
        ...rest,
        ...rule,
        id,
        state: to,
        ...(isGranted ? { push: before?.push ?? this.newIdentifier(), token: seal('', token!, 43) } : {}),
      }
      await this.change(id, after, step === 'revoke')
      return { application: shown(after), ...(token === undefined ? {} : { token }) }
    })
  }
  /** A right that is lost is out of force at once. */
  private async change(id: string, after: KeptApplication, isLoss: boolean): Promise<void> {
    if (isLoss) await this.kept.enforce(id, after)
    else await this.kept.put(id, after)
    this.sending = undefined
    for (const listener of this.listeners) listener()
  }
  private newIdentifier(): string {
    const { host, own, widths } = this.parts
    for (;;) {
      const id = newPushIdentifier(flagBits(own, widths), () => host.ids.hex(8))
      if (this.byPush.get(id) === undefined) return id
    }
  }
}

export function maySend({ state }: Pick<PushApplication, 'state'>): boolean {
  return state === 'approved' || state === 'consented'
}

function shown({ token: _, given: __, ...application }: KeptApplication): PushApplication {
  return application
}
