/** Destination of a request at the proxy: one or several targets, or a refusal. The only place from which a request goes on. */
import type { Exchange, ForwardOptions, ForwardTarget, ReplyFields } from '../../signalling/index.ts'
import { type Assertion, assertionOf, credentialsOf, towardUe } from './assertion.ts'
import type { KnownSender } from './authentication.ts'

/** A target in the engine's words, with the kind of its end. */
export interface TargetDestination extends ForwardTarget {
  /** A device, which is not told who wants to stay unknown; an element of ours, which may ask by which credentials; or a peer. */
  readonly end: 'device' | 'element' | 'peer'
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

/** `sender`: where this proxy has checked; undefined where a trusted peer vouches, or nobody need. */
export function forward(exchange: Exchange, sender: KnownSender | undefined, destination: Destination): void {
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
