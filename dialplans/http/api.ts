/** The HTTP interface to subscribers, `/v1/…`: every answer is JSON, every fault a problem (RFC 9457). */
import type { IncomingMessage } from 'node:http'
import type { Hss } from '../../elements/hss/index.ts'
import type { Log } from '../../signalling/index.ts'
import { type Access, admit } from './access.ts'
import { openapi } from './openapi.ts'
import { json, type Page, Problem } from './page.ts'
import { importSubscribers, list, one } from './subscribers.ts'

export interface ApiOptions {
  /** Undefined: the node has no such element, and nothing is served. */
  readonly hss: Hss
  readonly access: Access
  readonly log: Log
}

/** Answers a request below /v1. Rejects with a `Problem`. */
export async function serveApi(request: IncomingMessage, options: ApiOptions | undefined): Promise<Page> {
  if (options === undefined) throw new Problem(503, 'no HSS runs here yet', { headers: { 'Retry-After': '1' } })
  admit(request, options.access)
  const { method = 'GET' } = request
  const asked = method === 'HEAD' ? 'GET' : method
  const url = new URL(request.url ?? '/', 'http://node')
  if (url.pathname === '/v1/openapi.json') {
    allow(asked, ['GET'])
    return json(200, openapi())
  }
  if (url.pathname === '/v1/subscribers') {
    allow(asked, ['GET', 'POST'])
    return asked === 'GET' ? list(url.searchParams, options) : importSubscribers(request, url.searchParams, options)
  }
  const [, id] = /^\/v1\/subscribers\/([^/]+)$/.exec(url.pathname) ?? []
  if (id === undefined) throw new Problem(404, 'there are /v1/subscribers, /v1/subscribers/{id} and /v1/openapi.json')
  allow(asked, ['GET', 'PUT', 'PATCH', 'DELETE'])
  return one(request, asked, decoded(id), options)
}

function allow(method: string, methods: readonly string[]): void {
  if (methods.includes(method)) return
  const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ')
  throw new Problem(405, `only ${allowed} is served here`, { headers: { Allow: allowed } })
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new Problem(400, 'the identifier is not percent-encoded UTF-8')
  }
}
