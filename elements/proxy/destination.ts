/** Destination of a request at the proxy: one or several targets, or a refusal. The only place from which a request goes on. */
import {
  canonical,
  type Exchange,
  type ForwardOptions,
  type ForwardTarget,
  H,
  type ReplyFields,
  type SipRequest,
} from '../../signalling/index.ts'
import type { KnownSender } from './authentication.ts'

/** A target in the engine's words, with the kind of its end. */
export interface TargetDestination extends ForwardTarget {
  /**
   * A device is not told who wants to stay unknown. An element of ours may ask by which credentials. Another operator is
   * told of our own users alone. A peer is trusted.
   */
  readonly end: 'device' | 'element' | 'operator' | 'peer'
}

/** Devices of one user, asked at once. */
interface DevicesDestination {
  readonly end: 'devices'
  readonly targets: readonly ForwardTarget[]
  readonly onFinal?: ForwardOptions['onFinal']
}

export interface RefusedDestination {
  readonly end: 'nowhere'
  /** SIP status; undefined: it is dropped without an answer. */
  readonly status?: number
  readonly fields?: ReplyFields
}

export type Destination = TargetDestination | DevicesDestination | RefusedDestination

/** `sender`: where this proxy has checked; undefined where a trusted peer vouches, or nobody need. `domains`: ours. */
export function forward(
  exchange: Exchange,
  sender: KnownSender | undefined,
  destination: Destination,
  domains: readonly string[],
): void {
  const { request, flow } = exchange
  if (destination.end === 'nowhere') {
    if (destination.status !== undefined) exchange.reply(destination.status, destination.fields)
    return
  }
  const assertion: Assertion = flow.trusted ? asTrustedPeerSays : assertionOf(request, sender?.identity)
  switch (destination.end) {
    case 'element':
      exchange.forward(destination, { ...assertion, ...credentialsOf(request, sender) })
      return
    case 'peer':
      exchange.forward(destination, assertion)
      return
    case 'operator':
      exchange.forward(destination, assertionOf(request, ownIdentity(exchange, sender, domains)))
      return
    case 'device':
      exchange.forward(destination, towardUe(request, assertion))
      return
    case 'devices': {
      const { targets, onFinal } = destination
      const how = towardUe(request, assertion)
      exchange.forward(targets, onFinal === undefined ? how : { ...how, onFinal })
    }
  }
}

const asTrustedPeerSays: Assertion = {}

// header fields by which elements know a sender, and others that he may not bring himself (SPEC §2.5, §3.6; RFC 3325)

/** `asserted`: the identity that goes on; absent: that of a trusted peer stays; '': none. */
type Assertion = Pick<ForwardOptions, 'asserted' | 'drop'>

const onlyOurs = ['P-Prose-Checked', 'P-Credentials-Id', 'Remote-Party-ID', 'P-Asserted-Service', 'P-Served-User'] as const
const numbers = onlyOurs.map((name) => H[name])

/** For a sender without a trusted peer that vouches for him; undefined: nobody has asked who it is. */
function assertionOf(request: SipRequest, identity: string | undefined): Assertion {
  let drop: string[] | undefined
  for (let i = 0; i < onlyOurs.length; i++) if (request.find(numbers[i]!) >= 0) (drop ??= []).push(onlyOurs[i]!)
  return drop === undefined ? { asserted: identity ?? '' } : { asserted: identity ?? '', drop }
}

/** The user of ours for whom we vouch to another operator; an element of ours may speak for the one whom it names in From. */
function ownIdentity(
  { asserted, flow, request }: Exchange,
  sender: KnownSender | undefined,
  domains: readonly string[],
): string | undefined {
  if (sender === undefined && !flow.trusted) return undefined
  const identity = sender?.identity ?? canonical((asserted ?? request.from).uri)
  if (identity.startsWith('tel:')) return `sip:${identity.slice('tel:'.length)}@${domains[0]};user=phone`
  return domains.some((domain) => identity.endsWith(`@${domain}`)) ? identity : undefined
}

/** RFC 3325 §7: toward a UE nobody's identity is told who does not want it told. */
function towardUe(request: SipRequest, assertion: Assertion): Assertion {
  const wishes = request.list(H.Privacy).flatMap((value) => value.toLowerCase().split(/[;\s]+/))
  return wishes.includes('id') ? { ...assertion, asserted: '' } : assertion
}

/** By which credentials a subscriber is known, for the element that keeps the subscription or publication. */
function credentialsOf({ method }: SipRequest, sender: KnownSender | undefined): Pick<ForwardOptions, 'headers'> {
  const id = sender?.subscriber?.credentialsId
  return id === undefined || (method !== 'SUBSCRIBE' && method !== 'PUBLISH') ? {} : { headers: [['P-Credentials-Id', id]] }
}
