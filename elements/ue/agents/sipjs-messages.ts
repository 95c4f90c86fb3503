/** sip.js's messages as the rest of a UE knows them. */
import type { Core } from 'sip.js'
import { type AgentResponse, type ReceivedBody, warningText } from './agent.ts'

type IncomingSipMessage = Core.IncomingRequestMessage | Core.IncomingResponseMessage

export function receivedOf(message: IncomingSipMessage): ReceivedBody {
  return {
    body: Buffer.from(message.body ?? '', 'utf8'),
    contentType: message.getHeader('Content-Type')?.split(';')[0]?.trim().toLowerCase(),
    text: (header) => message.getHeader(header),
  }
}

export function warningOf(message: IncomingSipMessage): string | undefined {
  return warningText(message.getHeader('Warning'))
}

export function answerOf(message: Core.IncomingResponseMessage): AgentResponse {
  const answer = { status: message.statusCode ?? 500, reason: message.reasonPhrase ?? '', warning: warningOf(message) }
  return message.hasHeader('Via') ? answer : { ...answer, unheard: true } // sip.js makes up responses for silence and broken ways
}
