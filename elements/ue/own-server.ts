/** A client's own Push server (SPEC §5.1, "Finding the server"): found by the first way that leads to one. */
import type { HostPort } from '../../signalling/index.ts'
import { type FlagRoute, FlagTable } from '../shared/identifiers/flag-table.ts'
import { pushIdentifier } from '../shared/identifiers/push.ts'

/** Settings of a client; what is left out is no way. */
export interface OwnServerSettings {
  readonly address?: HostPort
  /** Domain name, to be looked up. */
  readonly name?: string
  /** Push servers by the flag bits of their identifiers. */
  readonly table?: readonly FlagRoute[]
  /** Its own Push identifier: 16 hex digits. */
  readonly identifier?: string
}

/** Questions to the network, each asked only where the ways before it lead nowhere. */
interface OwnServerQuestions {
  /** Address of the server of that name (RFC 3263); undefined: it has none now. */
  locate(name: string): Promise<HostPort | undefined>
  /** URI of the server that the address book names for the client itself; undefined: it names none. */
  inDirectory(): Promise<string | undefined>
}

/** An address to send to; or a server behind one's own proxy, as a Route; or that proxy, which finds it. */
export type OwnServer =
  | { readonly by: 'address' | 'name'; readonly at: HostPort }
  | { readonly by: 'table' | 'directory'; readonly server: string }
  | { readonly by: 'proxy' }

export async function findOwnServer(
  { address, identifier, name, table = [] }: OwnServerSettings,
  { inDirectory, locate }: OwnServerQuestions,
): Promise<OwnServer> {
  if (address !== undefined) return { by: 'address', at: address }
  const located = name === undefined ? undefined : await locate(name)
  if (located !== undefined) return { by: 'name', at: located }
  const id = identifier === undefined ? undefined : pushIdentifier(identifier)
  const listed = id === undefined ? undefined : new FlagTable(table).serverOf(id)
  if (listed !== undefined) return { by: 'table', server: listed }
  const named = await inDirectory()
  return named === undefined ? { by: 'proxy' } : { by: 'directory', server: named }
}
