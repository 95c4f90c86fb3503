/** The way of a response (RFC 3261 §18.2.2, RFC 3263 §5) where it is not the flow of its request. */
import { type SipRequest, SipResponse } from '../messages/message.ts'
import { scan } from '../messages/scan.ts'
import type { FlowTable } from './flows.ts'
import { defaultPort } from './locate.ts'
import type { Flow } from './transport.ts'

const slash = 0x2f

/**
 * The flow on which a request is answered. A datagram without `rport` (RFC 3581) is answered at the port of its Via, where
 * that names the very address that it came from. Behind a NAT only the way that it came leads back.
 */
export function answerFlow({ via }: SipRequest, flow: Flow, flows: Pick<FlowTable, 'to'>): Flow {
  if (flow.reliable || via === undefined || via.host !== flow.remote.host) return flow
  const port = via.port || defaultPort('UDP')
  if (port === flow.remote.port || via.has('rport')) return flow
  return flows.to('UDP', { host: flow.remote.host, port }, { port: flow.local.port }) ?? flow
}

/**
 * A flow to the address that the request came from, at the port that its Via names. Never to another host that the Via
 * names: anybody could have us connect anywhere. Undefined: the bytes are no response, or its peer cannot be called.
 */
export function wayBack(bytes: Buffer, gone: Flow, flows: FlowTable): Flow | undefined {
  if (bytes[3] !== slash || gone.open || gone.dialled === true || (gone.transport !== 'TCP' && gone.transport !== 'TLS'))
    return undefined
  const response = scan(bytes)
  const via = response instanceof SipResponse ? response.via : undefined
  if (via === undefined) return undefined
  const port = via.port || defaultPort(gone.transport)
  return flows.to(gone.transport, { host: gone.remote.host, port }, { name: via.host })
}
