/** The way of a response whose connection is gone (RFC 3261 §18.2.2, RFC 3263 §5): a new one to where its request came from. */
import { SipResponse } from '../messages/message.ts'
import { scan } from '../messages/scan.ts'
import type { FlowTable } from './flows.ts'
import { defaultPort } from './locate.ts'
import type { Flow } from './transport.ts'

const slash = 0x2f

/**
 * A flow to the address that the request came from, at the port that its Via names. Never to another host, whatever the Via
 * says: or anybody could have us connect anywhere. Undefined: those are no bytes of a response, or its peer cannot be called.
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
