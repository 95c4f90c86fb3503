/** Header fields of what a base station passes on: nothing by which a UE could vouch for itself, its cell, and its Path. */
import {
  type Exchange,
  type Flow,
  H,
  type Host,
  parseAddress,
  parseDigest,
  type SipRequest,
  type SipResponse,
} from '../../signalling/index.ts'

import { pathToUe } from './ways.ts'

type HeaderField = readonly [name: string, value: string]

/** Header fields by which the network alone speaks of a sender (SPEC §2.5). */
export const vouchers: readonly string[] = [
  ...['P-Asserted-Identity', 'P-Asserted-Service', 'P-Served-User', 'P-Credentials-Id', 'P-Prose-Checked', 'Remote-Party-ID'],
  ...['P-Visited-Network-ID', 'P-Access-Network-Info', 'Path'],
]

const datagramTimer = 29 // seconds; NATs forget a UDP peer soon (RFC 5626 §4.4.2)

export function passedOnHeaders({ flow, request }: Exchange, host: Host, cell: string): readonly HeaderField[] {
  const fields: HeaderField[] = []
  if (request.method !== 'ACK') fields.push(['P-Access-Network-Info', `3GPP-E-UTRAN;utran-cell-id-3gpp=${cell};network-provided`]) // RFC 7315 §5.4
  // not consumed here: they are for the proxy, which has our realm
  for (const text of request.texts(H['Proxy-Authorization']))
    if (host.domains.includes(parseDigest(text)?.get('realm') ?? '')) fields.push(['Proxy-Authorization', text])
  if (request.method === 'REGISTER') {
    fields.push(['Path', `<${pathToUe(flow, host)};ob>`]) // RFC 5626 §5.1
    fields.push(['Require', [...request.list(H.Require).filter((tag) => tag.toLowerCase() !== 'path'), 'path'].join(', ')])
  }
  return fields
}

/** The registrar does not see by which transport the UE has come. */
export function timerFor(response: SipResponse, { reliable }: Flow): readonly HeaderField[] | undefined {
  const seconds = reliable ? undefined : response.text('Flow-Timer')
  if (seconds === undefined || Number(seconds) <= datagramTimer) return undefined
  return [['Flow-Timer', String(datagramTimer)]]
}

/** Nobody asks a UE without outbound for keep-alives: its connection may be silent for as long as it has registered. */
export function keep(flow: Flow, request: SipRequest, response: SipResponse): void {
  if (request.method !== 'REGISTER' || response.status >= 300 || !flow.reliable || response.has('Flow-Timer')) return
  const { contacts } = request
  if (contacts === undefined || contacts === '*') return
  const own = new Set(contacts.map(({ uri }) => uri.text))
  for (const value of response.list(H.Contact)) {
    const contact = parseAddress(value)
    const seconds = Number(contact?.parameters.get('expires'))
    if (contact !== undefined && own.has(contact.uri.text) && seconds > 0) flow.keptFor = Math.max(flow.keptFor ?? 0, seconds)
  }
}
