/**
 * The shortcut of a common hop: an in-dialog request whose next Route is the sealed Record-Route of another element
 * here. It leaves on that flow at once. The message between the two is built only for a tap; on the wire only the
 * Via of that inner hop is missing.
 */
import type { OutgoingParts } from '../dialogs/sender.ts'
import type { Element } from '../element.ts'
import { buildRequest } from '../messages/build.ts'
import { encode } from '../messages/edit.ts'
import type { ClientUser } from '../transactions/client.ts'
import { elementOfRoute, tokenOfRoute } from '../transports/route-parts.ts'
import type { Flow } from '../transports/transport.ts'

export interface Shortcut {
  readonly flow: Flow
  /** The element whose way it is. */
  readonly through: string
}

const bracketed = /^<sips?:([^@>]+)@[^>]*>$/

/** Undefined: the long way, where the element decides. */
export function shortcutOf(parts: OutgoingParts, elements: { get(name: string): Element | undefined }): Shortcut | undefined {
  if (parts.routeSet.length !== 1) return undefined
  const user = bracketed.exec(parts.routeSet[0]!)?.[1]
  const token = user === undefined ? undefined : tokenOfRoute(user)
  const owner = token === undefined ? undefined : elements.get(elementOfRoute(user!))
  if (owner?.relay === undefined || owner.name === parts.element) return undefined
  const flow = owner.relay(token!, parts.uri)
  return flow && { flow, through: owner.name }
}

/** The request with this Via on top, `hops` left, and its Routes if they are still to be followed. */
export function composeParts(parts: OutgoingParts, via: string, hops: number, routes: readonly string[]): Buffer {
  const head: (readonly [string, string])[] = [
    ['Via', via],
    ['Max-Forwards', String(hops)],
  ]
  for (const route of routes) head.push(['Route', route])
  return buildRequest(parts.method, parts.uri, [...head, ...parts.headers], parts.body)
}

/** Shows the hop and its answer, as the SIP they would be. */
export function shown(
  parts: OutgoingParts,
  user: ClientUser,
  through: string,
  via: string,
  seen: (bytes: Buffer, from: string, to: string) => void,
): ClientUser {
  seen(composeParts(parts, via, 70, parts.routeSet), parts.element, through)
  return {
    get waits() {
      return user.waits === true
    },
    onResponse(response) {
      seen(encode(response, { via: { text: via } }), through, parts.element)
      user.onResponse(response)
    },
    onNoResponse: (status, why) => user.onNoResponse(status, why),
  }
}
