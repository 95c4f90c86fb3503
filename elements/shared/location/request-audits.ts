/** Comparing requests between two stages (SPEC §8.3): one that has been restarted asks another which of theirs it does not know. */
import type { Exchange, Host } from '../../../signalling/index.ts'
import { mediaType, readBody, writeBody } from '../../schemas/index.ts'
import { elementAsking } from '../clients/asker.ts'
import type { Conversations } from '../clients/conversations.ts'
import { requestAt } from './request-address.ts'

interface RequestAuditParts {
  readonly host: Host
  readonly conversations: Conversations
  /** Names of the elements that may ask. */
  readonly askers: readonly string[]
  /** Whether a request of that element is here. @param element its URI */
  readonly isKnown: (request: string, element: string) => boolean
}

export const auditType = mediaType('lcs-audit')
export const auditedType = mediaType('lcs-audited')
const inOneMessage = 1000 // requests
const patience = 60_000 // milliseconds until the other one is given up: it asks itself when it is back

export class RequestAudits {
  private readonly parts: RequestAuditParts

  constructor(parts: RequestAuditParts) {
    this.parts = parts
  }
  handle(exchange: Exchange): void {
    const { askers, conversations, host, isKnown } = this.parts
    const asker = elementAsking(exchange, host.domains, askers)
    if (asker === undefined)
      return exchange.reply(403, {
        warning: 'only stages of the same requests compare them; expected one of those of this element',
      })
    const body = readBody(exchange.request, 'lcs-audit')
    if (body.fault !== undefined) return exchange.reply(body.fault.status, { warning: body.fault.warning })
    exchange.reply(202)
    const unknown = body.value.requests.filter((request) => !isKnown(request, asker))
    conversations.answer(exchange, addressAt(asker), writeBody('lcs-audited', { unknown }))
  }
  /** Never rejects. @param element URI of the other stage @param unknown given those that it does not have */
  async ask(element: string, requests: readonly string[], unknown: (requests: readonly string[]) => void): Promise<void> {
    for (let first = 0; first < requests.length; first += inOneMessage) {
      const some = requests.slice(first, first + inOneMessage)
      const answer = await this.parts.conversations.askPersistently({
        to: addressAt(element),
        body: writeBody('lcs-audit', { requests: some }),
        answer: 'lcs-audited',
        patience,
      })
      const lost = some.filter((request) => answer.value?.unknown.includes(request) === true)
      if (lost.length > 0) unknown(lost)
    }
  }
}

function addressAt(element: string): string {
  return requestAt(element, 'audit')
}
