/** Names of the ends of captured messages in a ladder. */
import type { SipRequest, SipResponse } from '../messages/message.ts'
import { hostPort } from './packets.ts'
import type { Endpoint, TappedMessage } from './tap.ts'

/** A message with the result of its scan. */
interface ScannedMessage {
  readonly tapped: TappedMessage
  readonly sip: SipRequest | SipResponse | undefined
}
interface EndNames {
  readonly from: string
  readonly to: string
}

/**
 * Names for both ends of each message, in the same order. The first that there is: the name on the message; the one given by
 * `address:port` or address. For an end of ours, the element that had the message next (or before) inside the node. Else a
 * name on which all other messages on the wire agree for that address; else the address.
 */
export function endNamesOf(
  messages: readonly ScannedMessage[],
  given: ReadonlyMap<string, string> = new Map(),
): readonly EndNames[] {
  const inside = insiders(messages)
  const namesOfAddress = new Map<string, Set<string>>()
  const learn = (endpoint: Endpoint, name: string | undefined): void => {
    if (name === undefined) return
    const names = namesOfAddress.get(hostPort(endpoint)) ?? new Set()
    namesOfAddress.set(hostPort(endpoint), names.add(name))
  }
  for (const [i, { tapped }] of messages.entries()) {
    const { direction, from, to } = tapped
    if (direction === 'local') continue // elements of a node share its address
    learn(from, from.name ?? (direction === 'out' ? inside[i] : undefined))
    learn(to, to.name ?? (direction === 'in' ? inside[i] : undefined))
  }
  const name = (endpoint: Endpoint, element: string | undefined): string => {
    const address = hostPort(endpoint)
    const others = namesOfAddress.get(address)
    const agreed = others?.size === 1 ? [...others][0] : undefined
    return endpoint.name ?? given.get(address) ?? given.get(endpoint.address) ?? element ?? agreed ?? address
  }
  return messages.map(({ tapped: { from, to, direction } }, i) => ({
    from: name(from, direction === 'out' ? inside[i] : undefined),
    to: name(to, direction === 'in' ? inside[i] : undefined),
  }))
}

/** For each message on the wire, the element that passed it on inside, or had it from inside. */
function insiders(messages: readonly ScannedMessage[]): readonly (string | undefined)[] {
  const hops = new Map<string, number[]>()
  for (const [i, { tapped, sip }] of messages.entries()) {
    if (tapped.direction !== 'local' || sip === undefined) continue
    const all = hops.get(identity(sip)) ?? []
    all.push(i)
    hops.set(identity(sip), all)
  }
  return messages.map(({ tapped, sip }, i) => {
    if (tapped.direction === 'local' || sip === undefined) return undefined
    const all = hops.get(identity(sip))
    const hop = tapped.direction === 'in' ? all?.find((other) => other > i) : all?.findLast((other) => other < i)
    if (hop === undefined) return undefined
    const { from, to } = messages[hop]!.tapped
    return tapped.direction === 'in' ? from.name : to.name
  })
}

/** The same for a message at every hop. */
function identity(sip: SipRequest | SipResponse): string {
  const { number, method } = sip.cseq
  return `${sip.kind} ${number} ${method} ${sip.fromTag} ${sip.callId}`
}
