/** Header field names and methods as small integers, found by a switch on length and a case-folded compare. */

const knownNames = [
  'Via',
  'From',
  'To',
  'Call-ID',
  'CSeq',
  'Max-Forwards',
  'Contact',
  'Route',
  'Record-Route',
  'Content-Length',
  'Content-Type',
  'Event',
  'Expires',
  'Subscription-State',
  'Accept',
  'Authorization',
  'Proxy-Authorization',
  'WWW-Authenticate',
  'Proxy-Authenticate',
  'P-Asserted-Identity',
  'P-Preferred-Identity',
  'Path',
  'Supported',
  'Require',
  'Proxy-Require',
  'Unsupported',
  'Allow',
  'Allow-Events',
  'User-Agent',
  'Server',
  'Min-Expires',
  'SIP-ETag',
  'SIP-If-Match',
  'Suppress-If-Match',
  'Warning',
  'Reason',
  'Retry-After',
  'In-Reply-To',
  'Privacy',
  'Service-Route',
  'Content-Encoding',
  'Date',
  'Refer-To',
  'Referred-By',
  'Subject',
  'Session-Expires',
  'Identity',
  'Request-Disposition',
  'Accept-Contact',
  'Reject-Contact',
  'P-Prose-Checked',
  'P-Credentials-Id',
  'Remote-Party-ID',
  'Timestamp',
  'P-Asserted-Service',
  'P-Served-User',
  'Push-Application',
  'P-Visited-Network-ID',
] as const

type KnownName = (typeof knownNames)[number]

/** Number of a known header field name; names the scanner does not know are 0. */
export const H: { readonly [name in KnownName]: number } = Object.assign(
  Object.create(null), // no names but these
  Object.fromEntries(knownNames.map((name, i) => [name, i + 1])),
)

const compact: Record<string, KnownName> = {
  v: 'Via',
  f: 'From',
  t: 'To',
  i: 'Call-ID',
  m: 'Contact',
  l: 'Content-Length',
  c: 'Content-Type',
  o: 'Event',
  k: 'Supported',
  u: 'Allow-Events',
  e: 'Content-Encoding',
  r: 'Refer-To',
  b: 'Referred-By',
  s: 'Subject',
  x: 'Session-Expires',
  y: 'Identity',
  d: 'Request-Disposition',
  a: 'Accept-Contact',
  j: 'Reject-Contact',
}

interface Candidate {
  readonly id: number
  readonly folded: Uint8Array
}

const byLength: Candidate[][] = []
for (const [name, id] of [...Object.entries(H), ...Object.entries(compact).map(([short, name]) => [short, H[name]] as const)]) {
  const folded = new Uint8Array(Buffer.from(name.toLowerCase(), 'latin1'))
  ;(byLength[folded.length] ??= []).push({ id, folded })
}

/** The number of the name at `start..end` of `bytes`, in any case and in compact form; 0 if not known. */
export function nameAt(bytes: Uint8Array, start: number, end: number): number {
  const candidates = byLength[end - start]
  if (candidates === undefined) return 0
  next: for (let c = 0; c < candidates.length; c++) {
    const { id, folded } = candidates[c]!
    for (let i = 0; i < folded.length; i++) {
      const byte = bytes[start + i]!
      if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== folded[i]) continue next
    }
    return id
  }
  return 0
}

/** The number of a name given as text; 0 if not known. */
export function nameId(name: string): number {
  const id = (H as Record<string, number>)[name]
  if (id !== undefined) return id
  const bytes = Buffer.from(name, 'latin1')
  return nameAt(bytes, 0, bytes.length)
}

/** The long form of a known name. */
export function nameOf(id: number): string {
  return knownNames[id - 1] ?? ''
}

/** Header fields that a message may hold only once (RFC 3261 §7.3.1, §20; RFC 4475 §3.3.8). */
export const single: ReadonlySet<number> = new Set([
  H.From,
  H.To,
  H['Call-ID'],
  H.CSeq,
  H['Max-Forwards'],
  H['Content-Length'],
  H['Content-Type'],
  H.Event,
  H.Expires,
  H['Subscription-State'],
  H['Min-Expires'],
  H['SIP-ETag'],
  H['SIP-If-Match'],
  H['Suppress-If-Match'],
])
