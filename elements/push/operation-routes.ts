/** Operation of Push servers over HTTP (`proxima push`): why messages went as they did, whether all are accounted for, and retries. */
import { hasContent, readJson } from '../shared/http/body.ts'
import { type HttpPage, HttpProblem, json } from '../shared/http/page.ts'
import type { HttpOperation, HttpRequest, HttpRoute } from '../shared/http/route.ts'
import type { PushExplanation } from './explanation.ts'
import { auditing, explaining, operationSchemas, retrying } from './operation-description.ts'
import type { PushServer } from './push-server.ts'

/** Resources of the Push servers of a node, all of them together. Without any they say so. */
export function operationRoutes(servers: readonly PushServer[]): readonly HttpRoute[] {
  const of = (
    description: HttpOperation['description'],
    serve: (request: HttpRequest, servers: readonly PushServer[]) => Promise<HttpPage>,
  ): HttpOperation => ({
    description,
    serve: async (request) => {
      if (servers.length === 0) throw new HttpProblem(404, 'no Push server runs in this node')
      const page = await serve(request, servers)
      return { ...page, headers: { ...page.headers, 'Cache-Control': 'no-store' } }
    },
  })
  return [
    {
      path: '/push/why/{name}',
      parameters: { name: 'subscriber, Push identifier or string, URI, or Call-ID' },
      operations: { GET: of(explaining, explain) },
      schemas: operationSchemas,
    },
    { path: '/push/audit', operations: { GET: of(auditing, audit) } },
    { path: '/push/retry', operations: { POST: of(retrying, retry) } },
  ]
}

async function explain({ parameters }: HttpRequest, servers: readonly PushServer[]): Promise<HttpPage> {
  const name = parameters['name']!
  const found = (await Promise.all(servers.map((server) => server.why(name)))).filter((one) => one !== undefined)
  if (found.length === 0)
    throw new HttpProblem(
      404,
      `nothing is known of ${name.slice(0, 80)}: no subscriber has that name, and no message came for it lately`,
    )
  return json(200, { servers: found.map(withTimes) })
}

/** Times of RFC 3339, as all bodies have them. */
function withTimes({ decisions, devices, ...rest }: PushExplanation): object {
  const time = (at: number): string => new Date(at).toISOString()
  return {
    ...rest,
    devices: devices.map((one) => ({ ...one, expires: time(one.expires) })),
    decisions: decisions.map((one) => ({ ...one, at: time(one.at) })),
  }
}

async function audit(_: HttpRequest, servers: readonly PushServer[]): Promise<HttpPage> {
  const audits = await Promise.all(servers.map(async (server) => ({ server: server.name, ...(await server.audit()) })))
  return json(200, { servers: audits })
}

async function retry(request: HttpRequest, servers: readonly PushServer[]): Promise<HttpPage> {
  const asked = hasContent(request) ? await readJson(request, ['application/json']) : {}
  const { user } = (typeof asked === 'object' && asked !== null ? asked : {}) as { readonly user?: unknown }
  if (user !== undefined && typeof user !== 'string')
    throw new HttpProblem(422, 'user must be string', { errors: [{ pointer: '/user', detail: 'must be string' }] })
  const counts = await Promise.all(servers.map((server) => server.retry(user)))
  if (counts.every((count) => count === undefined)) throw new HttpProblem(404, `there is no subscriber ${user?.slice(0, 80)}`)
  const retried = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  request.log.info({ who: request.who, user, retried }, 'messages that were set aside are tried again, by HTTP')
  return json(200, { retried })
}
