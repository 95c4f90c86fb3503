/** Delivery of one MESSAGE to a device (SPEC §5.6): as it was sent, along the Path by which the device registered. */
import { H, type Host, type OutgoingRequest, type SipRequest, type SipResponse } from '../../signalling/index.ts'
import type { DeviceBinding } from './device-binding.ts'

/** Header fields that are of one hop, or that the server writes itself. */
const ofOneHop: ReadonlySet<string> = new Set([
  ...['via', 'max-forwards', 'route', 'record-route', 'from', 'to', 'call-id', 'cseq', 'content-length', 'content-type'],
  ...['contact', 'proxy-authorization', 'p-asserted-identity', 'proxy-require'],
])

/** The same MESSAGE to that device. From, To, Call-ID, CSeq and body stay. */
function deliveryOf(request: SipRequest, device: DeviceBinding): OutgoingRequest {
  const type = request.text(H['Content-Type'])
  const content = request.body
  return {
    method: 'MESSAGE',
    to: request.to.uri.text,
    uri: device.contact,
    written: { from: request.text(H.From)!, to: request.text(H.To)! },
    callId: request.callId,
    cseq: request.cseq.number,
    route: device.path,
    headers: [...request.headers.filter(([name]) => !ofOneHop.has(name.toLowerCase())), ...assertedOf(request)],
    ...(content.length === 0 ? {} : { body: { type: type ?? 'application/octet-stream', content } }),
  }
}

/** RFC 3325 §7: a source that wants to stay unknown is shown to no device. */
function assertedOf(request: SipRequest): readonly (readonly [string, string])[] {
  const wishes = request.list(H.Privacy).flatMap((value) => value.toLowerCase().split(/[;\s]+/))
  return wishes.includes('id')
    ? []
    : request.texts(H['P-Asserted-Identity']).map((value) => ['P-Asserted-Identity', value] as const)
}

export function deliver(host: Host, request: SipRequest, device: DeviceBinding): Promise<SipResponse> {
  return host.send(deliveryOf(request, device))
}
