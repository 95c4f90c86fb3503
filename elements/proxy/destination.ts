/** Destination of a request at the proxy: one or several targets, or a refusal. The only place from which a request goes on. */
import {
  canonical,
  type Exchange,
  type ForwardOptions,
  type ForwardTarget,
  H,
  type HeldFork,
  type ReplyFields,
  type SipRequest,
} from '../../signalling/index.ts'
import { pushHost } from '../shared/identifiers/push.ts'
import { visitedNetworkOf } from '../shared/identifiers/visited-network.ts'
import type { KnownSender } from './authentication.ts'
import type { Crossing } from './crossing.ts'

/** A target in the engine's words, with the kind of its end. */
export interface TargetDestination extends ForwardTarget {
  /**
   * A device is not told who wants to stay unknown. An element of ours may ask by which credentials. Another operator is
   * told of our own users alone. A peer is trusted. So is a node in a dialog, of ours or of such a peer: its elements ask who
   * sends, whatever the sender wishes.
   */
  readonly end: 'device' | 'element' | 'node' | 'operator' | 'peer'
  /** The sender's Push identifier, where it is to be asserted instead of his identity. */
  readonly source?: string
}

/** Devices of one user, asked at once. */
export interface DevicesDestination {
  readonly end: 'devices'
  readonly targets: readonly ForwardTarget[]
  readonly onFinal?: ForwardOptions['onFinal']
  /** Some of them sleep: has them woken, and adds each to the fork once it has registered. */
  readonly asleep?: (fork: HeldFork) => void
}

export interface RefusedDestination {
  readonly end: 'nowhere'
  /** SIP status; undefined: it is dropped without an answer. */
  readonly status?: number
  readonly fields?: ReplyFields
}

export type Destination = TargetDestination | DevicesDestination | RefusedDestination

/** Our side of the border to other operators. */
export interface NetworkBorder {
  readonly domains: readonly string[]
  readonly crossing: Crossing
  /** Other operators' users who are registered here. */
  readonly visitors: { isVisiting(name: string): boolean }
}

const coded = 'SDP to another operator is not read as it is coded; expected it plain, or in a multipart body'
const noContact = 'Contact is no address; expected one such as <sip:alice@192.0.2.7>'

/** `sender`: where this proxy has checked; undefined where a trusted peer vouches, or nobody need. */
export function forward(
  exchange: Exchange,
  sender: KnownSender | undefined,
  destination: Destination,
  { domains, crossing, visitors }: NetworkBorder,
): void {
  const { request, flow } = exchange
  if (destination.end === 'nowhere') {
    if (destination.status !== undefined) exchange.reply(destination.status, destination.fields)
    return
  }
  const source = 'source' in destination ? destination.source : undefined
  const checked: Assertion = flow.trusted ? asTrustedPeerSays : assertionOf(request, source ?? sender?.identity)
  const assertion =
    sender?.peer === true
      ? { ...checked, answerHeaders: crossing.answering(exchange), answerBody: crossing.answeringBody(exchange) }
      : checked
  switch (destination.end) {
    case 'element':
      exchange.forward(destination, { ...assertion, ...knownBy(request, sender) })
      return
    case 'peer':
      exchange.forward(destination, assertion)
      return
    case 'operator': {
      const leaving = crossing.leaving(exchange, destination)
      if (leaving === 'malformed') return exchange.reply(400, { warning: noContact })
      if (leaving === 'unreadable') return exchange.reply(415, { headers: [['Accept-Encoding', 'identity']], warning: coded })
      const { recordRoute, drop, ...others } = leaving
      const own = assertionOf(request, source ?? ownIdentity(exchange, sender, { domains, visitors }))
      const target = recordRoute === undefined ? destination : { ...destination, recordRoute }
      exchange.forward(target, { ...own, ...others, drop: [...(own.drop ?? []), ...(drop ?? [])], hideVias: true })
      return
    }
    case 'node':
      exchange.forward(destination, withoutCell(exchange, assertion))
      return
    case 'device':
      exchange.forward(destination, towardUe(exchange, assertion))
      return
    case 'devices': {
      const { asleep, onFinal, targets } = destination
      const plain = towardUe(exchange, assertion)
      const how = onFinal === undefined ? plain : { ...plain, onFinal }
      if (asleep === undefined) exchange.forward(targets, how)
      else asleep(exchange.hold(targets, how))
    }
  }
}

const asTrustedPeerSays: Assertion = {}

/** `asserted`: the identity that goes on; absent: that of a trusted peer stays; '': none. */
type Assertion = Pick<ForwardOptions, 'asserted' | 'drop' | 'answerHeaders' | 'answerBody'>

// header fields by which elements know a sender, and others that a sender may not bring along (SPEC §2.5, §3.6; RFC 3325)
const onlyOurs = [
  ...(['P-Prose-Checked', 'P-Credentials-Id', 'Remote-Party-ID', 'P-Asserted-Service', 'P-Served-User'] as const),
  'P-Visited-Network-ID',
] as const
const numbers = onlyOurs.map((name) => H[name])

/** For a sender without a trusted peer that vouches for him; undefined: nobody has asked who it is. */
function assertionOf(request: SipRequest, identity: string | undefined): Assertion {
  let drop: string[] | undefined
  for (let i = 0; i < onlyOurs.length; i++) if (request.find(numbers[i]!) >= 0) (drop ??= []).push(onlyOurs[i]!)
  return drop === undefined ? { asserted: identity ?? '' } : { asserted: identity ?? '', drop }
}

/** The user of ours, or visitor, that we assert to another operator; an element of ours may speak for the user in its From. */
function ownIdentity(
  { asserted, flow, request }: Exchange,
  sender: KnownSender | undefined,
  { domains, visitors }: Pick<NetworkBorder, 'domains' | 'visitors'>,
): string | undefined {
  if (sender?.unproven === true || (sender === undefined && !flow.trusted)) return undefined
  const identity = sender?.identity ?? canonical((asserted ?? request.from).uri)
  if (identity.startsWith('tel:')) return `sip:${identity.slice('tel:'.length)}@${domains[0]};user=phone`
  const isOurs = [...domains, ...domains.map(pushHost)].some((host) => identity.endsWith(`@${host}`))
  return isOurs || visitors.isVisiting(identity) ? identity : undefined
}

/** RFC 3325 §7: toward a UE nobody's identity is told who does not want it told; nor is anybody's cell. */
function towardUe(exchange: Exchange, checked: Assertion): Assertion {
  const assertion = withoutCell(exchange, checked)
  const wishes = exchange.request.list(H.Privacy).flatMap((value) => value.toLowerCase().split(/[;\s]+/))
  return wishes.includes('id') ? { ...assertion, asserted: '' } : assertion
}

/** RFC 7315 §4.4: no UE gets it. */
function withoutCell({ flow }: Exchange, checked: Assertion): Assertion {
  return flow.passedOn === true ? { ...checked, drop: [...(checked.drop ?? []), 'P-Access-Network-Info'] } : checked
}

/**
 * By which credentials a subscriber is known, for the element that keeps the subscription or publication. By which network he
 * is known, where that vouches for a user of another.
 */
function knownBy({ method }: SipRequest, sender: KnownSender | undefined): Pick<ForwardOptions, 'headers'> {
  if (sender?.visited !== undefined) return { headers: [['P-Visited-Network-ID', visitedNetworkOf(sender.visited)]] }
  const id = sender?.subscriber?.credentialsId
  return id === undefined || (method !== 'SUBSCRIBE' && method !== 'PUBLISH') ? {} : { headers: [['P-Credentials-Id', id]] }
}
