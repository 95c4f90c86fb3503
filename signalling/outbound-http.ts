/** HTTP from elements to servers outside the network, as it is handed to a node. Types only. */

/** HTTP requests to servers outside the network, guarded by whoever composes the node. */
export interface OutboundHttp {
  /** Resolves with the answer, or with the reason why there is none; never rejects. */
  send(request: OutboundHttpRequest): Promise<OutboundHttpAnswer>
}

export interface OutboundHttpRequest {
  readonly url: string
  /** The URL is of our settings; left out: a stranger may have given it. */
  readonly isOwn?: true
  readonly method: string
  readonly headers: { readonly [name: string]: string }
  /** Left out: none. */
  readonly body?: string
  /** Addresses and networks, such as `127.0.0.0/8`, that may be called though they are not public. */
  readonly allow?: readonly string[]
}

/**
 * The answer, or the reason why there is none.
 *
 * - `url`: it may not be called so. `address`: its host has no public one.
 * - `unreachable`: no connection. `timeout`: not in time.
 * - `malformed`: no HTTP. `too-long`: a body above the bound.
 */
export type OutboundHttpAnswer =
  | {
      readonly status: number
      /** Names in lower case. */
      readonly headers: { readonly [name: string]: string | undefined }
      readonly body: string
      readonly fault?: undefined
    }
  | {
      readonly fault: 'url' | 'address' | 'unreachable' | 'timeout' | 'malformed' | 'too-long'
      /** For people, without the URL. */
      readonly text: string
    }
