/** Calls of an agent on the engine: its sessions, as the agent's users see them. */
import type { Exchange, Host, OutgoingInvite, Session } from '../../../signalling/index.ts'
import { type AgentBody, type ReceivedBody, warningText } from './agent.ts'
import type { AgentCall, CallTaker, IncomingCall, OutgoingCallListener } from './calls.ts'

/** Sends the INVITE, and hangs up in whichever way is right then. */
export function callBy(host: Host, request: OutgoingInvite, listener: OutgoingCallListener): AgentCall {
  let session: Session | undefined
  const invitation = host.invite(request, {
    progressed: ({ status }) => status === 180 && listener.ringing?.(),
    answered: (established, response) => {
      session = established
      listener.answered(response)
    },
    refused: (response) => {
      const { reason, status } = response
      listener.refused({ status, reason, warning: warningText(response.text('Warning')) })
    },
    ended: ({ reason }) => listener.ended(reason),
  })
  return { hangUp: (reason) => (session === undefined ? invitation.cancel() : end(session, reason)) }
}

/** Resolves once it is settled, by its taker or by the caller's CANCEL. */
export async function takeCall(
  exchange: Exchange,
  asserted: string | undefined,
  taker: CallTaker,
  failed: (fault: unknown) => void,
): Promise<void> {
  const over = new Promise<void>((resolve) => exchange.onCancel(resolve))
  const taken = taker(incomingCall(exchange, asserted, (listener) => void over.then(listener))).catch(failed)
  await Promise.race([taken, over])
  if (!exchange.settled) exchange.reply(480, { warning: 'nobody took the call' })
}

function incomingCall(exchange: Exchange, asserted: string | undefined, onCancelled: IncomingCall['onCancelled']): IncomingCall {
  const { from } = exchange.request
  return {
    ...receivedBody(exchange.request),
    from: from.uri.text,
    name: from.display === '' ? undefined : from.display,
    asserted,
    ring: () => {
      if (!exchange.settled) exchange.reply(180)
    },
    accept: (answer: AgentBody, listener) => {
      if (exchange.settled) return undefined
      const session = exchange.answerInvite({ body: answer }, { ended: ({ reason }) => listener.ended(reason) })
      return session.live ? { hangUp: (reason) => end(session, reason) } : undefined // there is no room
    },
    refuse: (status, warning) => {
      if (!exchange.settled) exchange.reply(status, warning === undefined ? {} : { warning })
    },
    onCancelled,
  }
}

function receivedBody(message: ReceivedBody): ReceivedBody {
  return { body: message.body, contentType: message.contentType, text: (header) => message.text(header) }
}

function end(session: Session, reason: string | undefined): void {
  session.end(reason === undefined ? [] : [['Reason', reason]])
}
