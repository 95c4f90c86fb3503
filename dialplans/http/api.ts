/** The HTTP interface to subscribers and to who is attached, `/v1/…`: every answer is JSON, every fault a problem (RFC 9457). */
import type { IncomingMessage } from 'node:http'
import { type HttpPage, HttpProblem, json } from '../../elements/shared/http/page.ts'
import { admit } from './access.ts'
import { openapi } from './openapi.ts'
import type { ApiOptions, HssApiOptions } from './options.ts'
import { attachedAt, reallocate } from './routes/attached.ts'
import { importSubscribers, list, one } from './routes/subscribers.ts'

const paths = [
  '/v1/subscribers',
  '/v1/subscribers/{id}',
  '/v1/attached/{user}',
  '/v1/attached/{user}/reallocate',
  '/v1/openapi.json',
] as const

/** Answers a request below /v1. Rejects with an `HttpProblem`. */
export async function serveApi(request: IncomingMessage, options: ApiOptions | undefined): Promise<HttpPage> {
  if (options === undefined)
    throw new HttpProblem(503, 'neither an HSS nor an MME runs here yet', { headers: { 'Retry-After': '1' } })
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
    const served = withHss(options)
    return asked === 'GET' ? list(url.searchParams, served) : importSubscribers(request, url.searchParams, served)
  }
  const [, about, user, doing] = /^\/v1\/(subscribers|attached)\/([^/]+)(?:\/(reallocate))?$/.exec(url.pathname) ?? []
  if (user !== undefined && about === 'attached') {
    allow(asked, doing === undefined ? ['GET'] : ['POST'])
    return doing === undefined ? attachedAt(decoded(user), options) : reallocate(request, decoded(user), options)
  }
  if (user === undefined || doing !== undefined)
    throw new HttpProblem(404, `there are ${paths.slice(0, -1).join(', ')} and ${paths.at(-1)}`)
  allow(asked, ['GET', 'PUT', 'PATCH', 'DELETE'])
  return one(request, asked, decoded(user), withHss(options))
}

function withHss(options: ApiOptions): HssApiOptions {
  const { hss } = options
  if (hss === undefined) throw new HttpProblem(404, 'no HSS runs in this node')
  return { ...options, hss }
}

function allow(method: string, methods: readonly string[]): void {
  if (methods.includes(method)) return
  const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ')
  throw new HttpProblem(405, `only ${allowed} is served here`, { headers: { Allow: allowed } })
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new HttpProblem(400, 'the identifier is not percent-encoded UTF-8')
  }
}
