/** One Contact of a REGISTER, read and judged (RFC 3261 §10.3 steps 6 and 7, RFC 5626 §6, RFC 3327). */
import type { Address, Exchange, Flow, FlowName, SipRequest } from '../../signalling/index.ts'
import { flowNameTo, H, parseAddress } from '../../signalling/index.ts'

/** Parameters of a Contact that only the registrar may set (RFC 5627 §5.1). */
const ours = ['expires', 'pub-gruu', 'temp-gruu']
const mostRegId = 2 ** 31 - 1

/** Seconds: the contact's own parameter, else the header field, else the usual (RFC 3261 §10.2.1.1). */
export function expiryOf(contact: Address, header: number | undefined, usual: number): number {
  const ownExpires = contact.parameters.get('expires')
  return ownExpires !== undefined && /^\d{1,10}$/.test(ownExpires) ? Number(ownExpires) : (header ?? usual)
}

/** The Contact value as it goes back to its client, without the registrar's own parameters. */
export function echoOf({ uri, parameters }: Address): string {
  let echo = `<${uri.text}>`
  for (const [name, value] of parameters) if (!ours.includes(name)) echo += printParameter(name, value)
  return echo
}

function printParameter(name: string, value: string): string {
  if (value === '') return `;${name}`
  return /^[A-Za-z0-9.!%*_+`'~-]+$/.test(value) ? `;${name}=${value}` : `;${name}="${value.replace(/["\\]/g, '\\$&')}"`
}

/** `reg-id` of a contact with an instance, 1 to 2^31 - 1; undefined: none; NaN: malformed. */
export function regIdOf({ parameters }: Address): number | undefined {
  const text = parameters.get('reg-id')
  if (text === undefined || !parameters.has('+sip.instance')) return undefined // RFC 5626 §6: without instance it is ignored
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0
  return number >= 1 && number <= mostRegId ? number : Number.NaN
}

/** Whether the request has come by one hop, or by a first hop that keeps the flow: `ob` in its Path (RFC 5626 §6). */
export function firstHopKeepsFlow({ request }: Exchange, path: readonly string[]): boolean {
  if (request.vias.length < 2) return true
  return parseAddress(path.at(-1) ?? '')?.uri.parameters.has('ob') === true
}

/** Without outbound a binding is of its Contact, and of no connection (RFC 3261 §10.3); a WebSocket can only be kept. */
export function isOfContact({ transport, dialled }: Flow): boolean {
  return dialled !== true && (transport === 'TCP' || transport === 'TLS')
}

/** The way to call a client when its connection is gone: at the port of its Contact, at the very address that it came from. */
export function dialOf({ uri }: Address, { transport, reliable, dialled, remote, local }: Flow): FlowName | undefined {
  if (transport !== 'TCP' || !reliable || dialled === true || uri.scheme !== 'sip' || uri.host !== remote.host) return undefined
  return flowNameTo(transport, remote.host, uri.port || 5060, local.port)
}

/** Path values (RFC 3327) that count: of trusted peers and base stations, since anybody else could have us send anywhere. */
export function pathOf({ request, flow }: Exchange): readonly string[] {
  return flow.trusted || flow.passedOn === true ? request.list(H.Path) : []
}

/** Option tags in Supported, in lower case. */
export function supportedBy(request: SipRequest): readonly string[] {
  return request.has(H.Supported) ? request.list(H.Supported).map((option) => option.toLowerCase()) : []
}
