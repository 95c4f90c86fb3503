/** A question of this element that another one answers by one NOTIFY (SPEC §2.3). */
import { type Host, mayBeRetried, type SipRequest, type SipResponse, type SubscribeOptions } from '../../signalling/index.ts'

/** The NOTIFY with a body, or why there is none. */
type FetchAnswer =
  | { readonly notify: SipRequest; readonly why?: undefined }
  | { readonly notify?: undefined; readonly why: string; readonly status: number }

/** Never rejects. */
export function fetchOnce(host: Host, question: Omit<SubscribeOptions, 'expires' | 'asserted'>): Promise<FetchAnswer> {
  return new Promise((resolve) => {
    let notify: SipRequest | undefined
    let why: string | undefined
    host.subscribe(
      { ...question, expires: 0, asserted: host.uri },
      {
        notified: ({ reason, request }) => {
          if (request.bodyEnd > request.bodyStart) notify = request
          else why = reason
        },
        ended: ({ reason, status }) => resolve(notify === undefined ? { why: why ?? reason, status } : { notify }),
      },
    )
  })
}

/** Whether the same question may be answered a little later. */
export function mayBeAskedAgain(status: number): boolean {
  return status >= 300 && mayBeRetried(status)
}

/** The status and the Warning of an answer, for people; undefined: there was none. */
export function answerFault(response: SipResponse | undefined): string {
  if (response === undefined) return '503 nobody took it'
  const [, warning] = /"(.*)"/.exec(response.text('Warning') ?? '') ?? []
  return `${response.status} ${warning ?? response.reason}`
}
