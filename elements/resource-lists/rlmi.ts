/** `multipart/related` with `application/rlmi+xml` (RFC 4662 §5): one NOTIFY for all resources of a list. */
import type { Body } from '../../signalling/index.ts'
import { escaped } from '../shared/values/xml.ts'

export const listType = 'multipart/related'
const rlmiType = 'application/rlmi+xml'

/** The state of one resource. Replaced as a whole when it changes: identity tells whether it has. */
export interface Resource {
  readonly uri: string
  /** `unknown`: nothing has been told yet, so it has no instance. */
  readonly state: 'active' | 'pending' | 'terminated' | 'unknown'
  /** Why it is terminated. */
  readonly reason?: string
  readonly body?: { readonly type: string; readonly content: Buffer }
}

export interface ListState {
  readonly uri: string
  readonly resources: ReadonlyMap<string, Resource>
}

export function sameList(a: ListState, b: ListState): boolean {
  if (a.resources.size !== b.resources.size) return false
  for (const [uri, resource] of a.resources) if (b.resources.get(uri) !== resource) return false
  return true
}

/** Full where `previous` is undefined; else the differences from it. @param version 0 for the first NOTIFY of a subscription */
export function listBody(state: ListState, previous: ListState | undefined, version: number): Body {
  const changed = [...state.resources.values()].filter((resource) => previous?.resources.get(resource.uri) !== resource)
  const gone = [...(previous?.resources.values() ?? [])]
    .filter(({ uri }) => !state.resources.has(uri))
    .map(({ uri }): Resource => ({ uri, state: 'terminated', reason: 'noresource' }))
  const resources = [...changed, ...gone]
  const parts: Buffer[] = []
  const lines = resources.map((resource, i) => resourceXml(resource, `${version}.${i}@list`))
  const rlmi = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="${escaped(state.uri)}" version="${version}" fullState="${previous === undefined}">`,
    ...lines,
    '</list>',
    '',
  ].join('\n')
  parts.push(part(`rlmi.${version}@list`, `${rlmiType};charset="UTF-8"`, Buffer.from(rlmi)))
  for (const [i, { body }] of resources.entries())
    if (body !== undefined) parts.push(part(`${version}.${i}@list`, body.type, body.content))
  const boundary = boundaryOf(parts)
  const content = Buffer.concat([
    ...parts.map((each) => Buffer.concat([Buffer.from(`--${boundary}\r\n`), each])),
    Buffer.from(`--${boundary}--\r\n`),
  ])
  return { type: `${listType};type="${rlmiType}";start="<rlmi.${version}@list>";boundary="${boundary}"`, content }
}

/**
 * Less than all that has changed, in a body of `room` bytes, and the list as its subscriber has it then. In a full one the others
 * stand by name alone (RFC 4662 §5.2: a resource without instance). Undefined: not even one fits.
 */
export function listPart(
  state: ListState,
  previous: ListState | undefined,
  version: number,
  room: number,
): { readonly body: Body; readonly state: ListState } | undefined {
  const toldResources = new Map(previous?.resources)
  let left = room - overhead
  let taken = 0
  for (const uri of previous?.resources.keys() ?? []) {
    if (state.resources.has(uri) || (left -= lineBytes(uri)) < 0) continue
    toldResources.delete(uri)
    taken++
  }
  if (previous === undefined) {
    for (const uri of state.resources.keys()) {
      if ((left -= lineBytes(uri)) < 0) break
      toldResources.set(uri, { uri, state: 'unknown' })
      taken++
    }
  }
  for (const resource of state.resources.values()) {
    const { uri, body } = resource
    if (toldResources.get(uri) === resource) continue
    const bytes = (previous === undefined ? 0 : lineBytes(uri)) + (body === undefined ? 0 : partOverhead + body.content.length)
    if (bytes > left || (previous === undefined && !toldResources.has(uri))) continue
    left -= bytes
    toldResources.set(uri, resource)
    taken++
  }
  if (taken === 0) return undefined
  const partialState: ListState = { uri: state.uri, resources: toldResources }
  return { body: listBody(partialState, previous, version), state: partialState }
}

const overhead = 1000 // bytes of a list without resources, at most, but for its URI
const partOverhead = 250 // bytes of a part's header and boundary, at most

/** At most. */
function lineBytes(uri: string): number {
  return Buffer.byteLength(escaped(uri)) + 150
}

function resourceXml({ uri, state, reason, body }: Resource, cid: string): string {
  const open = `  <resource uri="${escaped(uri)}"`
  if (state === 'unknown') return `${open}/>`
  const why = reason === undefined ? '' : ` reason="${escaped(reason)}"`
  const where = body === undefined ? '' : ` cid="${cid}"`
  return `${open}><instance id="1" state="${state}"${why}${where}/></resource>`
}

function part(id: string, type: string, content: Buffer): Buffer {
  const head = `Content-Transfer-Encoding: binary\r\nContent-ID: <${id}>\r\nContent-Type: ${type}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), content, Buffer.from('\r\n')])
}

/** One that stands in no part (RFC 2046 §5.1.1). */
function boundaryOf(parts: readonly Buffer[]): string {
  for (let i = 0; ; i++) {
    const boundary = `proxima-list-${i}`
    if (parts.every((each) => !each.includes(boundary))) return boundary
  }
}
