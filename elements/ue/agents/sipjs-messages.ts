/** sip.js's messages as the rest of a UE knows them. */
import type { Core } from 'sip.js'
import { type AgentResponse, type IncomingMessage, type ReceivedBody, warningText } from './agent.ts'

type IncomingSipMessage = Core.IncomingRequestMessage | Core.IncomingResponseMessage

export function receivedOf(message: IncomingSipMessage): ReceivedBody {
  return {
    body: Buffer.from(message.body ?? '', 'utf8'),
    contentType: message.getHeader('Content-Type')?.split(';')[0]?.trim().toLowerCase(),
    text: (header) => message.getHeader(header),
  }
}

/** A MESSAGE; what came, came from the agent's own server. */
export function incomingOf(request: Core.IncomingRequestMessage): IncomingMessage {
  const { callId, cseq, from, fromTag } = request
  const asserted = /<([^<>]+)>/.exec(request.getHeader('P-Asserted-Identity') ?? '')?.[1]
  const name = from.displayName === '' ? undefined : from.displayName
  return { ...receivedOf(request), from: from.uri.toString(), name, callId, cseq, fromTag, asserted }
}

/** Content as sip.js sends it; undefined: it is no text. */
export function textOf(content: string | Uint8Array): string | undefined {
  if (typeof content === 'string') return content
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch {
    return undefined
  }
}

export function warningOf(message: IncomingSipMessage): string | undefined {
  return warningText(message.getHeader('Warning'))
}

export function answerOf(message: Core.IncomingResponseMessage): AgentResponse {
  const answer = { status: message.statusCode ?? 500, reason: message.reasonPhrase ?? '', warning: warningOf(message) }
  return message.hasHeader('Via') ? answer : { ...answer, unheard: true } // sip.js makes up responses for silence and broken ways
}
