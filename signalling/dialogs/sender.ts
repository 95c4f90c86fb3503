/** The sender of requests in dialogs: the part of the node that dialogs see. */
import type { HeaderList } from '../messages/build.ts'
import type { ClientUser } from '../transactions/client.ts'
import type { Cancellable } from '../transactions/server.ts'
import type { Flow } from '../transports/transport.ts'

export interface OutgoingParts {
  /** The element that sends. */
  readonly element: string
  readonly method: string
  readonly uri: string
  readonly routeSet: readonly string[]
  /** All header fields of the request, except Via, Max-Forwards, Route and Content-Length. */
  readonly headers: HeaderList
  readonly body?: string | Uint8Array
  /** Branch of the Via; left out: a new one. */
  readonly branch?: string | undefined
}

export interface DialogSender {
  /** Undefined: it is not sent, of which its user hears. */
  send(parts: OutgoingParts, user: ClientUser): Cancellable | undefined
  /** The Contact of an element in dialogs, without brackets; `flow`: as its peer reaches us. */
  contact(element: string, flow?: Flow): string
}
