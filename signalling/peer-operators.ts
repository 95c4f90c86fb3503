/** Other operators as elements see them. Types only. */
import type { Flow } from './transports/transport.ts'

/** Other operators by agreement, each believed for identities of its own domains alone (SPEC §2.5). */
export interface PeerOperators {
  /** There are some. */
  readonly isAny: boolean
  /** Whether a host, in lower case, is a domain of a peer. */
  has(host: string): boolean
  /** The flow to the peer whose domain that is; undefined: none has it, or its address has to be looked up. */
  flowTo(host: string): Flow | undefined
  /** Whether a flow leads to a peer. */
  isAt(flow: Flow): boolean
  /** Name of the peer to which a flow leads. */
  nameAt(flow: Flow): string | undefined
  /** First domain of the peer to which a flow leads. */
  domainAt(flow: Flow): string | undefined
  /** Name of the peer whose domain that is, in lower case. */
  nameOf(host: string): string | undefined
}
