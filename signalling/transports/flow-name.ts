/** Names of flows, as text for the store: a datagram peer keeps its name for good, a connection while it stands. */
import type { Flow, HostPort } from './transport.ts'

/**
 * `<transport>|<host>|<port>|<our port>` for a peer that can be reached anew: a datagram peer, or one that we connected to. Where
 * its certificate must have a name, `|<name>` follows. Of any other connection its id, which has no bar.
 */
export type FlowName = string

/** Flows by the id of their connection, and flows made anew. */
interface FlowSource {
  open(id: string): Flow | undefined
  /** `port`: of our own socket. */
  to(transport: string, remote: HostPort, from: { port: number; name?: string }): Flow | undefined
}

export function flowName(flow: Flow): FlowName {
  if (endsWithConnection(flow)) return flow.id
  const { transport, remote, local, askedName } = flow
  const name = flowNameTo(transport, remote.host, remote.port, local.port)
  return askedName === undefined ? name : `${name}|${askedName}`
}

/** The name of the flow from our socket at `localPort` to a peer that can be reached anew. */
export function flowNameTo(transport: string, host: string, port: number, localPort: number): FlowName {
  return `${transport}|${host}|${port}|${localPort}`
}

function endsWithConnection({ reliable, dialled }: Flow): boolean {
  return reliable && dialled !== true
}

/** Whether a name is of a connection that its peer has made: when that is gone, nothing leads there. */
export function isNameOfConnection(name: FlowName): boolean {
  return !name.includes('|')
}

interface NamedPlace {
  readonly transport: string
  readonly remote: HostPort
  readonly from: { readonly port: number; readonly name?: string }
}

const remembered = 10_000
/** Names that were read already: the same ones come with each message of a dialog. */
const places = new Map<FlowName, NamedPlace>()

/** The flow of that name; undefined: its connection is gone, or we have no socket that leads there. */
export function flowNamed(name: FlowName, source: FlowSource): Flow | undefined {
  let place = places.get(name)
  if (place === undefined) {
    place = placeIn(name)
    if (place === undefined) return source.open(name)
    if (places.size >= remembered) places.clear()
    places.set(name, place)
  }
  return source.to(place.transport, place.remote, place.from)
}

/** Undefined: it is the name of a connection. */
function placeIn(name: FlowName): NamedPlace | undefined {
  const [transport, host, port, localPort, asked] = name.split('|')
  if (host === undefined || port === undefined) return undefined
  const from = { port: Number(localPort), ...(asked === undefined ? {} : { name: asked }) }
  return { transport: transport!, remote: { host, port: Number(port) }, from }
}
