/** A user of an application (SPEC §3.5): says whose device this is, and asks which users are near. */
import type { Clock } from '../../../signalling/index.ts'
import { mediaType, type ProximateUser, readBody } from '../../schemas/index.ts'
import { proofOf } from '../../shared/values/proof.ts'
import { eventAtRates, type NotificationRates } from '../../shared/values/rates.ts'
import { type AgentResponse, bodyOf, type ReceivedBody, type UserAgent, type WatchHandle } from '../agents/agent.ts'
import { Questions } from './questions.ts'

export interface ApplicationClientOptions {
  readonly agent: UserAgent
  readonly clock: Clock
  /** Application identifier. */
  readonly application: string
  /** URI of the application server; default `sip:as@<domain of the identity>`. */
  readonly server?: string
  /** URI of the ProSe server; default `sip:prose@<domain of the identity>`. */
  readonly prose?: string
  /**
   * The UE where it is attached to an MME: requests to the ProSe server go through that, by the temporary identifier (SPEC
   * §4).
   */
  readonly attached?: { readonly mme: string | undefined; readonly temporary: string | undefined }
}

/** For automated registration (SPEC §4). */
export interface AutomaticSettings extends Omit<UserSettings, 'expires'> {
  /** By which the user proves who he is; needed for any but the subscriber's own identifier. */
  readonly secret?: string
}

/** Both identifiers, or the cause of a refusal: that of the network, or a status (408: silence). */
export type AutomaticRegistration =
  | { readonly epuid: string; readonly aluid: string; readonly cause?: undefined }
  | { readonly cause: string | number }

/** The EPUID from now on; or why it is the one from before. */
type AutomaticMove = { readonly epuid: string; readonly cause?: undefined } | { readonly cause: string | number }

export interface UserSettings {
  /** URI or name; default the identity of the agent. */
  readonly user?: string
  /** Users to look for; left out: every user of the application. */
  readonly friends?: readonly string[]
  /** Seconds; 0 ends it. */
  readonly expires?: number
}

const event = 'proximate-users'

export class ApplicationClient {
  private readonly agent: UserAgent
  private readonly application: string
  private readonly server: string
  private readonly questions: Questions
  private readonly attached: ApplicationClientOptions['attached']
  private prose: string
  private first: string | undefined
  private readonly watches = new Set<WatchHandle>()

  constructor({ agent, clock, application, server, prose, attached }: ApplicationClientOptions) {
    const domain = agent.identity.split('@')[1]
    this.agent = agent
    this.attached = attached
    this.application = application
    this.server = server ?? `sip:as@${domain}`
    this.prose = prose ?? `sip:prose@${domain}`
    this.questions = new Questions(agent, clock)
  }

  /** The EPUID that the ProSe server has given to this device; undefined: none yet. */
  get epuid(): string | undefined {
    return this.first
  }

  /** Whether a MESSAGE answers a question of its own that is under way. Asked by listeners that came before it. */
  awaits(message: ReceivedBody): boolean {
    return this.questions.awaits(message)
  }

  /** Registers the user with no human step (SPEC §4): an EPUID from the ProSe server, an ALUID from the application server. */
  async registerAutomatically(settings: AutomaticSettings = {}): Promise<AutomaticRegistration> {
    const code = await this.code()
    return code.cause === undefined ? this.registerWith(code.epuid, settings) : code
  }

  /** The second half of it, with an EPUID that is there already. `prose`: null says nothing of where it is from. */
  async registerWith(
    epuid: string,
    { user = this.agent.identity, secret, friends }: AutomaticSettings = {},
    prose: string | null = this.prose,
  ): Promise<AutomaticRegistration> {
    const { application } = this
    const body = bodyOf('prose-registration', {
      epuid,
      ...(prose === null ? {} : { prose }),
      user,
      application,
      proof: secret === undefined ? '' : proofOf(secret, epuid, user, application),
      ...(friends === undefined ? {} : { friends }),
    })
    const { body: result, status } = await this.questions.ask(this.server, body, 'prose-registration-result')
    const aluid = result?.aluid
    return aluid === undefined ? { cause: result?.cause ?? status ?? 400 } : { epuid, aluid }
  }

  /** The device goes to another ProSe server, and all its applications with it; after a failure it is where it was. */
  async moveTo(prose: string, epuid = this.first, former = this.prose): Promise<AutomaticMove> {
    const moved = await this.code(prose, epuid === undefined ? undefined : { epuid, prose: former })
    if (moved.cause === undefined) this.prose = prose
    return moved
  }

  private async code(prose = this.prose, former?: { epuid: string; prose: string }): Promise<AutomaticMove> {
    const { mme, temporary } = this.attached ?? {}
    const body = bodyOf('registration-code-request', {
      device: temporary ?? this.agent.identity,
      capabilities: { prose: true },
      ...(former === undefined ? {} : { former }),
    })
    const { body: code, status } = await this.questions.ask(prose, body, 'registration-code', mme)
    if (code?.epuid === undefined) return { cause: code?.cause ?? status ?? 400 }
    this.first = code.epuid
    return { epuid: code.epuid }
  }

  /** This device belongs to that user from now on. */
  register({ user, friends, expires }: UserSettings = {}): Promise<AgentResponse> {
    const { identity: device } = this.agent
    const body = bodyOf('user-registration', {
      device,
      user: user ?? device,
      application: this.application,
      ...(friends === undefined ? {} : { friends }),
      ...(expires === undefined ? {} : { expires }),
    })
    return this.agent.message(this.server, body)
  }

  /** Users of the application near this one now, or the status of a refusal. */
  who(): Promise<readonly ProximateUser[] | number> {
    return new Promise((resolve) => {
      this.subscribe(event, 0, resolve, (status) => resolve(status))
    })
  }

  /** Tells at each NOTIFY who is near, until it is unsubscribed or ended by the server: `onEnd`, once. */
  watch(
    onChange: (near: readonly ProximateUser[]) => void,
    onEnd: (status: number, why: string) => void = () => undefined,
    rates: NotificationRates = {},
  ): WatchHandle {
    const watching = this.subscribe(eventAtRates(event, rates), 3600, onChange, (status, why) => {
      this.watches.delete(watching)
      onEnd(status, why)
    })
    this.watches.add(watching)
    return watching
  }

  /** Ends its watches; the user stays registered. */
  stop(): void {
    for (const watching of this.watches) watching.unsubscribe()
  }

  private subscribe(
    event: string,
    expires: number,
    onNear: (near: readonly ProximateUser[]) => void,
    ended: (status: number, why: string) => void,
  ): WatchHandle {
    return this.agent.subscribe(
      { to: this.server, event, accept: [mediaType('proximate-users')], expires },
      {
        notified: (notified) => {
          if (notified.body.length === 0) return
          const body = readBody(notified, 'proximate-users')
          if (body.fault === undefined) onNear(body.value.proximate)
          else ended(body.fault.status, body.fault.warning)
        },
        ended,
      },
    )
  }
}
