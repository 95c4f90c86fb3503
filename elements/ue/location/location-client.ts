/** A user who asks where somebody is (SPEC §8.2), and who says who may know where he is himself (SPEC §8.4). */
import {
  type LocationLog,
  type LocationRequest,
  mediaType,
  type PrivacyAnswer,
  type PrivacyAsk,
  type PrivacyProfile,
  readBody,
  writeBody,
} from '../../schemas/index.ts'
import type { AgentResponse, TextBody, UserAgent, WatchHandle } from '../agents/agent.ts'

/** The document (PIDF-LO) that was told, or why there is none: `rejected`, `probation` or a status. */
type LocationAnswer =
  | { readonly document: string; readonly why?: undefined }
  | { readonly document?: undefined; readonly why: string }

/** A NOTIFY of a request that waits: its document (PIDF-LO), or none. */
export interface LocationNotice {
  readonly state: 'pending' | 'active' | 'terminated'
  /** Of the end, such as `rejected`; `unsubscribed`: by its asker. */
  readonly reason: string | undefined
  readonly document: string | undefined
}

export class LocationClient {
  private readonly agent: UserAgent

  constructor(agent: UserAgent) {
    this.agent = agent
  }
  /** Asks once. Never rejects. @param target SIP URI */
  ask(target: string, wishes: Partial<LocationRequest> = {}): Promise<LocationAnswer> {
    return new Promise((resolve) => {
      let answer: LocationAnswer | undefined
      this.agent.subscribe(
        {
          to: target,
          event: 'location',
          accept: ['application/pidf+xml'],
          expires: 0,
          body: writeBody('location-request', { type: 'immediate', ...wishes }) as TextBody,
        },
        {
          notified: ({ body, reason = '' }) => {
            answer = body.length === 0 ? { why: reason } : { document: body.toString() }
          },
          ended: (status, why) => resolve(answer ?? { why: status < 300 ? why : `${status} ${why}` }),
        },
      )
    })
  }
  /** Asks to be told later, each time, until it ends. @param target SIP URI */
  watch(target: string, wishes: LocationRequest, listener: (notice: LocationNotice) => void, expires = 3600): WatchHandle {
    let isOver = false
    return this.agent.subscribe(
      {
        to: target,
        event: 'location',
        accept: ['application/pidf+xml'],
        expires,
        body: writeBody('location-request', wishes) as TextBody,
      },
      {
        notified: ({ body, reason, state }) => {
          isOver = state === 'terminated'
          listener({ state, reason, document: body.length === 0 ? undefined : body.toString() })
        },
        ended: (status, why) => {
          if (!isOver) listener({ state: 'terminated', reason: status < 300 ? why : `${status} ${why}`, document: undefined })
        },
      },
    )
  }
  /**
   * Follows who may be told where this user is, and who was. Nobody else is told that of him.
   * @param user its SIP URI
   * @param ended given the status of a refusal
   */
  log(
    user: string,
    listener: (log: LocationLog) => void,
    ended: (status: number) => void = () => undefined,
    expires = 3600,
  ): WatchHandle {
    return this.agent.subscribe(
      { to: user, event: 'location-log', accept: [mediaType('location-log')], expires },
      {
        notified: (notified) => {
          const { value } = notified.body.length === 0 ? {} : readBody(notified, 'location-log')
          if (value !== undefined) listener(value)
        },
        ended,
      },
    )
  }
  /** Ends requests about this user. Resolves with 200 once nothing of them leaves any more. @param gmlc URI of its GMLC */
  end(gmlc: string, requests: readonly string[]): Promise<AgentResponse> {
    return this.agent.message(gmlc, writeBody('lcs-end', { requests: [...requests] }))
  }
  /** Answers questions whether somebody may be told where this user is. */
  onAsked(answer: (asked: PrivacyAsk) => Promise<Pick<PrivacyAnswer, 'answer' | 'remember'>>): void {
    this.agent.onMessage((message) => {
      if (message.contentType !== mediaType('privacy-ask')) return
      const { value } = readBody(message, 'privacy-ask')
      if (value === undefined) return
      void answer(value).then((given) =>
        this.agent.message(message.from, writeBody('privacy-answer', { question: value.question, ...given })),
      )
    })
  }
  /** Resolves with 200 once it is in force. @param register URI of the register of profiles: `sip:ppr@home.example` */
  tell(register: string, profile: PrivacyProfile): Promise<AgentResponse> {
    return this.agent.message(register, writeBody('privacy-profile', profile))
  }
}
