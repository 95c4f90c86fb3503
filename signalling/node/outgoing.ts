/** Requests that an element sends on its own, outside any dialog (RFC 3261 §8.1), with one answer to a digest challenge. */

import type { DialogSender } from '../dialogs/sender.ts'
import type { OutgoingRequest } from '../element.ts'
import type { Ids } from '../ids.ts'
import { authorizationFor } from '../messages/auth.ts'
import { madeUp } from '../messages/made-up.ts'
import type { SipResponse } from '../messages/message.ts'
import type { ClientUser } from '../transactions/client.ts'

const firstCSeq = 1

/** Resolves with the final response; 408 on silence, 503 where the flow broke, 513 where it is too long, made up here. */
export function sendRequest(
  sender: Pick<DialogSender, 'send'>,
  ids: Ids,
  element: string,
  own: string,
  request: OutgoingRequest,
): Promise<SipResponse> {
  const callId = request.callId ?? ids.token(22)
  const tag = ids.token(10)
  const headersFor = (cseq: number, extra: readonly (readonly [string, string])[]): (readonly [string, string])[] => [
    ['From', request.written?.from ?? `<${request.from ?? own}>;tag=${tag}`],
    ['To', request.written?.to ?? `<${request.to}>`],
    ['Call-ID', callId],
    ['CSeq', `${cseq} ${request.method}`],
    ...(request.asserted === undefined ? [] : [['P-Asserted-Identity', `<${request.asserted}>`] as const]),
    ...(request.headers ?? []),
    ...extra,
    ...(request.body === undefined ? [] : [['Content-Type', request.body.type] as const]),
  ]
  return new Promise((resolve) => {
    const attempt = (cseq: number, extra: readonly (readonly [string, string])[]): void => {
      const headers = headersFor(cseq, extra)
      const user: ClientUser = {
        onResponse(response) {
          if (response.status < 200) return
          const { method, credentials } = request
          const first = extra.length === 0
          const again = first ? authorizationFor(response, credentials, method, requestUri(request), ids) : undefined
          if (again === undefined) resolve(response)
          else attempt(cseq + 1, [again])
        },
        onNoResponse: (status, why) => resolve(madeUp(request, headers, why?.status ?? status)),
      }
      sender.send(
        {
          element,
          method: request.method,
          uri: requestUri(request),
          routeSet: request.route ?? [],
          headers,
          body: request.body?.content,
          branch: extra.length === 0 ? request.branch : undefined,
        },
        user,
      )
    }
    attempt(request.cseq ?? firstCSeq, [])
  })
}

/** REGISTER goes to the domain, without a user part (RFC 3261 §10.2). */
function requestUri(request: OutgoingRequest): string {
  if (request.uri !== undefined) return request.uri
  return request.method === 'REGISTER' ? request.to.replace(/^(sips?:)[^@]*@/, '$1') : request.to
}
