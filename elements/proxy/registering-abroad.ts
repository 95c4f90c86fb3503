/**
 * Registration at a home elsewhere (SPEC §5.1, §2.6): Path and Contacts are sealed for that operator alone. The answer has the
 * Contacts as they were.
 */
import { type Exchange, H, type Host, parseAddress, type SipResponse } from '../../signalling/index.ts'
import { supportedBy } from './contact.ts'
import { shownContact } from './crossing.ts'
import { type HiddenContacts, registrationAt } from './hidden-contacts.ts'

const inner = ['Service-Route', 'P-Access-Network-Info']

export class RegisteringAbroad {
  private readonly host: Host
  private readonly hidden: HiddenContacts

  constructor(host: Host, hidden: HiddenContacts) {
    this.host = host
    this.hidden = hidden
  }

  forward(exchange: Exchange): void {
    const { request } = exchange
    const { domains, peers } = this.host
    const home = request.uri.host
    const peer = peers.nameOf(home)
    if (peer === undefined) return exchange.reply(403, { warning: `roaming: ${home.slice(0, 60)} is no operator by agreement` })
    const dialog = registrationAt(peer)
    const path = request.list(H.Path).map((value) => `<sip:${this.hidden.hide('pt', value, dialog)}@${domains[0]};lr>`)
    const contacts = request.list(H.Contact).flatMap((value) => {
      const contact = parseAddress(value)
      if (contact === undefined) return []
      // how it is woken is for its home to know (RFC 8599)
      const waking = [...contact.uri.parameters].filter(([name]) => name.startsWith('pn-'))
      const parameters = waking.map(([name, text]) => (text === '' ? `;${name}` : `;${name}=${text}`)).join('')
      return shownContact(`sip:${this.hidden.hide('rc', contact.uri.text, dialog)}@${domains[0]}${parameters}`, contact)
    })
    const flow = peers.flowTo(home)
    exchange.forward(flow === undefined ? {} : { flow }, {
      asserted: '',
      drop: inner,
      headers: [...path.map((value) => ['Path', value] as const), ...contacts.map((value) => ['Contact', value] as const)],
      hideVias: true,
      answerHeaders: (response) => this.restored(response, peer, supportedBy(request).includes('path')),
    })
  }
  private restored(
    response: SipResponse,
    peer: string,
    showsPath: boolean,
  ): readonly (readonly [name: string, value: string | undefined])[] {
    const fields: (readonly [string, string | undefined])[] = inner.map((name) => [name, undefined])
    if (!showsPath) fields.push(['Path', undefined])
    const contacts = response.list(H.Contact)
    for (const value of contacts) {
      const contact = parseAddress(value)
      const uri = contact && this.hidden.reveal('rc', contact.uri.user, registrationAt(peer))
      if (uri !== undefined) fields.push(['Contact', shownContact(uri, contact!)])
    }
    if (contacts.length > 0 && !fields.some(([name]) => name === 'Contact')) fields.push(['Contact', undefined])
    return fields
  }
}
