/** A user of an application (SPEC §3.5): says whose device this is, and asks which users are near. */
import { mediaType, type ProximateUser, readBody, writeBody } from '../schemas/index.ts'
import type { AgentBody, Answer, UserAgent, Watching } from './agent.ts'

export interface ApplicationClientOptions {
  readonly agent: UserAgent
  /** Application identifier. */
  readonly application: string
  /** URI of the application server; default `sip:as@<domain of the identity>`. */
  readonly server?: string
}

export interface UserSettings {
  /** URI or name; default the identity of the agent. */
  readonly user?: string
  /** Users whom to look for; left out: every user of the application. */
  readonly friends?: readonly string[]
  /** Seconds; 0 ends it. */
  readonly expires?: number
}

export interface Feedback {
  /** At least one NOTIFY every so many seconds. */
  readonly period?: number
  /** At most one every so many seconds. */
  readonly gap?: number
}

const event = 'proximate-users'

export class ApplicationClient {
  private readonly agent: UserAgent
  private readonly application: string
  private readonly server: string
  private readonly watches = new Set<Watching>()

  constructor({ agent, application, server }: ApplicationClientOptions) {
    this.agent = agent
    this.application = application
    this.server = server ?? `sip:as@${agent.identity.split('@')[1]}`
  }

  /** This device belongs to that user from now on. */
  register({ user, friends, expires }: UserSettings = {}): Promise<Answer> {
    const { identity: device } = this.agent
    const { type, content } = writeBody('user-registration', {
      device,
      user: user ?? device,
      application: this.application,
      ...(friends === undefined ? {} : { friends }),
      ...(expires === undefined ? {} : { expires }),
    })
    const body: AgentBody = { type, content: String(content) }
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
    { period, gap }: Feedback = {},
  ): Watching {
    const rate = `${period === undefined ? '' : `;min-rate=${1 / period}`}${gap === undefined ? '' : `;max-rate=${1 / gap}`}`
    const watching = this.subscribe(event + rate, 3600, onChange, (status, why) => {
      this.watches.delete(watching)
      onEnd(status, why)
    })
    this.watches.add(watching)
    return watching
  }

  /** Ends what it watches; the user stays registered. */
  stop(): void {
    for (const watching of this.watches) watching.unsubscribe()
  }

  private subscribe(
    event: string,
    expires: number,
    told: (near: readonly ProximateUser[]) => void,
    ended: (status: number, why: string) => void,
  ): Watching {
    return this.agent.subscribe(
      { to: this.server, event, accept: [mediaType('proximate-users')], expires },
      {
        notified: (notified) => {
          if (notified.body.length === 0) return
          const body = readBody(notified, 'proximate-users')
          if (body.fault === undefined) told(body.value.proximate)
          else ended(body.fault.status, body.fault.warning)
        },
        ended,
      },
    )
  }
}
