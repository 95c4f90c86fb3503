/** Session descriptions of two clients that talk directly (SPEC §5.7): text by RTP (RFC 4103), and candidates (RFC 8839). */
import { isIP } from 'node:net'
import { parse, type SessionDescription, write } from 'sdp-transform'
import type { HostPort } from '../../../../signalling/index.ts'

/** Payload types of the text, and of the text with redundancy (RFC 2198). */
export const payloadType = { text: 98, redundant: 100 } as const

/** Name and password of one side, by which its checks are known (RFC 8445 §5.3). */
export interface CheckSecret {
  readonly fragment: string
  readonly password: string
}

export interface DirectDescription {
  readonly secret: CheckSecret
  /** Addresses of the client itself. */
  readonly hosts: readonly HostPort[]
  /** Addresses that servers see. */
  readonly reflexive: readonly HostPort[]
}

const longestDescription = 8_000 // bytes
// of ice-ufrag and ice-pwd (RFC 8839 §5.4), a fragment short, since each check carries it
const fragmentForm = /^[A-Za-z0-9+/]{4,32}$/
const passwordForm = /^[A-Za-z0-9+/]{22,256}$/
const priority = { host: 126, srflx: 100 } as const // RFC 8445 §5.1.2.2

/** @param id of the session, in digits */
export function writeDescription({ hosts, reflexive, secret }: DirectDescription, id: string): string {
  const { host, port } = reflexive[0] ?? hosts[0] ?? { host: '0.0.0.0', port: 9 }
  const ipVer = isIP(host) === 6 ? 6 : 4
  const candidates = [
    ...hosts.map((each, i) => candidate('host', each, i)),
    // the host that it stands for is nobody's business: raddr and rport say nothing
    ...reflexive.map((each, i) => ({
      ...candidate('srflx', each, i),
      raddr: isIP(each.host) === 6 ? '::' : '0.0.0.0',
      rport: 9,
    })),
  ]
  return write({
    version: 0,
    origin: { username: '-', sessionId: id, sessionVersion: 1, netType: 'IN', ipVer, address: host },
    name: '-',
    connection: { version: ipVer, ip: host },
    timing: { start: 0, stop: 0 },
    media: [
      {
        type: 'text',
        port,
        protocol: 'RTP/AVP',
        payloads: `${payloadType.redundant} ${payloadType.text}`,
        rtp: [
          { payload: payloadType.redundant, codec: 'red', rate: 1000 },
          { payload: payloadType.text, codec: 't140', rate: 1000 },
        ],
        fmtp: [{ payload: payloadType.redundant, config: [0, 1, 2].map(() => payloadType.text).join('/') }],
        iceUfrag: secret.fragment,
        icePwd: secret.password,
        candidates,
        direction: 'sendrecv',
      },
    ],
  })
}

function candidate(type: 'host' | 'srflx', { host, port }: HostPort, i: number) {
  const foundation = `${type === 'host' ? 1 : 2}${i}`
  const preference = priority[type] * 2 ** 24 + (65_535 - i) * 2 ** 8 + 255
  return { foundation, component: 1, transport: 'UDP', priority: preference, ip: host, port, type }
}

/** Undefined: it is no description of a text session with candidates. */
export function readDescription(text: string): DirectDescription | undefined {
  if (text.length > longestDescription) return undefined
  try {
    return descriptionIn(parse(text))
  } catch {
    return undefined
  }
}

/** Values that look like numbers are numbers there, whatever the types say. */
function descriptionIn({ media }: SessionDescription): DirectDescription | undefined {
  const found = media.find(({ port, protocol, type }) => type === 'text' && port > 0 && protocol === 'RTP/AVP')
  const payloads = found?.rtp.map(({ codec, payload }) => `${codec} ${payload}`) ?? []
  const secret = { fragment: String(found?.iceUfrag ?? ''), password: String(found?.icePwd ?? '') }
  const isNamed = fragmentForm.test(secret.fragment) && passwordForm.test(secret.password)
  if (!isNamed || !payloads.includes(`t140 ${payloadType.text}`)) return undefined
  const usable = (found?.candidates ?? []).filter(
    ({ component, ip, port, transport }) =>
      component === 1 && String(transport).toUpperCase() === 'UDP' && isPlace({ host: String(ip), port }),
  )
  const of = (wanted: string): readonly HostPort[] =>
    usable.filter(({ type }) => type === wanted).map(({ ip, port }) => ({ host: String(ip), port }))
  return { secret, hosts: of('host'), reflexive: of('srflx') }
}

/** Whether one host can be meant: no group, no broadcast, not all. */
function isPlace({ host, port }: HostPort): boolean {
  const isMany = /^(?:0\.|22[4-9]\.|23\d\.|2[45]\d\.|ff|::$)/i.test(host)
  return isIP(host) !== 0 && !isMany && Number.isInteger(port) && port > 0 && port < 65_536
}
