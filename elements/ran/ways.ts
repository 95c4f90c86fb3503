/** Own Routes of a request at a base station: those of its sender, and the flow of the UE that it is for. */
import {
  type Exchange,
  elementOfRoute,
  type Flow,
  type FlowName,
  type Host,
  tokenOfRoute,
  type Uri,
} from '../../signalling/index.ts'

type WayHost = Pick<Host, 'flows' | 'name'>

/** Marks the tokens of UEs' flows: the engine gives out others, of the way into the network (RFC 5658). */
const ue = 'ue'

/** Whether a Route is of that base station. */
export function isOwn({ user }: Uri, { name }: WayHost): boolean {
  return elementOfRoute(user) === name
}

/** Flow of the UE that a Route of this base station leads to; undefined: to none. */
function flowOf(uri: Uri, host: WayHost): FlowName | undefined {
  const token = isOwn(uri, host) ? tokenOfRoute(uri.user) : undefined
  const read = token === undefined ? undefined : host.flows.read(token)
  return read?.user === ue ? read.flow : undefined
}

/** Flow of the UE that the Routes name first. */
export function flowToUe({ ownRoutes }: Exchange, host: WayHost): FlowName | undefined {
  for (const { uri } of ownRoutes) {
    const name = flowOf(uri, host)
    if (name !== undefined) return name
  }
  return undefined
}

/** Own Routes behind those by which a UE has sent: one, or one for each of our sockets on the way. */
export function behindSender({ ownRoutes }: Exchange, host: WayHost): readonly string[] {
  const [first, second] = ownRoutes
  const own = first && flowOf(first.uri, host)
  const isTwice =
    own !== undefined && second !== undefined && flowOf(second.uri, host) === own && !isSamePlace(first!.uri, second.uri)
  let count = isTwice ? 2 : 1
  while (count < ownRoutes.length && isInward(ownRoutes[count]!.uri, host)) count++
  return ownRoutes.slice(count).map(({ uri }) => `<${uri.text}>`)
}

/** Whether a Route is of the way into the network. */
function isInward(uri: Uri, host: WayHost): boolean {
  return isOwn(uri, host) && flowOf(uri, host) === undefined
}

function isSamePlace(a: Uri, b: Uri): boolean {
  return a.host === b.host && a.port === b.port && a.parameters.get('transport') === b.parameters.get('transport')
}

/** Route to a UE as other elements reach us. */
export function pathToUe(flow: Flow, { flows, name }: WayHost): string {
  return flows.pathTo(name, flow, ue)
}

/** Record-Routes of a dialog: that of the UE's side last, or first where the request is for the UE. */
export function recordRoutes(flow: Flow, host: WayHost, side: 'from UE' | 'to UE'): readonly string[] {
  const [near, far] = [`<${host.flows.routeTo(host.name, flow, ue)}>`, `<${pathToUe(flow, host)}>`]
  if (near === far) return [near]
  return side === 'to UE' ? [near, far] : [far, near]
}
