/** Messages of a figure alone: without elements that meet each other, registrations, and requests that were challenged. */
import type { SipRequest, SipResponse } from '../../../signalling/index.ts'
import { scan, type TappedMessage } from '../../../signalling/tools.ts'

/** From the index of the first message of a preparation up to, and without, that of the first one after it. */
export type PreparationRange = readonly [from: number, to: number]

interface FigureMessage {
  readonly tapped: TappedMessage
  readonly sip: SipRequest | SipResponse | undefined
  readonly prepares: boolean
}

/**
 * @param preparations messages of a stage before and between the steps of its scenario
 * @param registers registrations are steps of the scenario, too
 */
export function figureOf(
  messages: readonly TappedMessage[],
  preparations: readonly PreparationRange[],
  registers = false,
): readonly TappedMessage[] {
  const scanned = messages.map((tapped, i): FigureMessage => {
    const { buffer, byteOffset, length } = tapped.bytes
    const prepares = preparations.some(([from, to]) => i >= from && i < to)
    return { tapped, sip: scan(Buffer.from(buffer, byteOffset, length)), prepares }
  })
  const begunInPreparation = callsBegunInPreparation(scanned)
  const challenged = challengedRequests(scanned)
  return scanned
    .filter(({ sip, prepares }) => {
      if (sip === undefined) return !prepares
      if ((sip.cseq.method === 'REGISTER' && !registers) || challenged.has(requestKey(sip))) return false
      return !(prepares && begunInPreparation.has(sip.callId))
    })
    .map(({ tapped }) => tapped)
}

function callsBegunInPreparation(messages: readonly FigureMessage[]): ReadonlySet<string> {
  const begun = new Map<string, boolean>()
  for (const { sip, prepares } of messages) if (sip !== undefined && !begun.has(sip.callId)) begun.set(sip.callId, prepares)
  return new Set([...begun].filter(([, prepared]) => prepared).map(([callId]) => callId))
}

/** Requests that were sent again with credentials (RFC 3261 §22): the second one is the figure's. */
function challengedRequests(messages: readonly FigureMessage[]): ReadonlySet<string> {
  const challenged = new Set<string>()
  for (const { sip } of messages)
    if (sip?.kind === 'response' && (sip.status === 401 || sip.status === 407)) challenged.add(requestKey(sip))
  return challenged
}

function requestKey({ callId, cseq }: SipRequest | SipResponse): string {
  return `${cseq.number} ${callId}`
}
