/** sip.js's messages as the rest of a UE knows them. */
import type { Core } from 'sip.js'
import { type Answer, type Received, warningText } from './agent.ts'

type Incoming = Core.IncomingRequestMessage | Core.IncomingResponseMessage

export function receivedOf(message: Incoming): Received {
  return {
    body: Buffer.from(message.body ?? '', 'utf8'),
    contentType: message.getHeader('Content-Type')?.split(';')[0]?.trim().toLowerCase(),
    text: (header) => message.getHeader(header),
  }
}

export function warningOf(message: Incoming): string | undefined {
  return warningText(message.getHeader('Warning'))
}

export function answerOf(message: Core.IncomingResponseMessage): Answer {
  const answer = { status: message.statusCode ?? 500, reason: message.reasonPhrase ?? '', warning: warningOf(message) }
  return message.hasHeader('Via') ? answer : { ...answer, unheard: true } // sip.js makes up those of silence and broken ways
}
