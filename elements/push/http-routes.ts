/** Push by HTTP (SPEC §5.9): a program that knows no SIP sends with the token of its application. */
import { isUtf8 } from 'node:buffer'
import type { SipResponse } from '../../signalling/index.ts'
import type { PushApplication } from '../schemas/index.ts'
import { readBytes, refuseCoding, typeOf } from '../shared/http/body.ts'
import { type HttpPage, HttpProblem, json } from '../shared/http/page.ts'
import { pushHeaders, withTitleAndTags } from '../shared/http/push-headers.ts'
import type { HttpOperation, HttpRequest, HttpRoute } from '../shared/http/route.ts'
import { maySend } from './applications.ts'
import { pushReading, pushSending, pushStateSchema, pushWithdrawing } from './http-description.ts'
import type { PushServer } from './push-server.ts'

const text = 'text/plain; charset=utf-8'
const formType = 'application/x-www-form-urlencoded' // of curl -d
const longest = 65_535 // bytes of a message
const overRate = /\blimit \d+, used \d+/
/** HTTP status of a refusal where it is another than in SIP. */
const statuses: { readonly [sip: number]: number } = {
  403: 403,
  404: 404,
  413: 413,
  415: 415,
  480: 503,
  485: 409,
  503: 503,
  513: 413,
}

/** Resources of the Push servers of a node. Without any they say so. */
export function pushRoutes(servers: readonly PushServer[]): readonly HttpRoute[] {
  const of = (
    description: HttpOperation['description'],
    serve: (request: HttpRequest, server: PushServer, application: PushApplication) => Promise<HttpPage>,
  ): HttpOperation => ({
    description,
    serve: async (request) => {
      const { application, server } = admitted(request, servers)
      return serve({ ...request, log: request.log.child({ element: server.name }) }, server, application)
    },
  })
  const sending = of(pushSending, send)
  return [
    {
      path: '/push/{to}',
      isOpen: true,
      parameters: { to: 'subscriber, Push identifier, Push string or alias; or a Push address with its host' },
      operations: { POST: sending, PUT: sending },
      schemas: { PushMessageState: pushStateSchema },
    },
    {
      path: '/push/messages/{id}',
      isOpen: true,
      parameters: { id: 'as Location says' },
      operations: { GET: of(pushReading, read), DELETE: of(pushWithdrawing, withdraw) },
    },
  ]
}

/** The application of a request, by its token; or, from this machine, the one for what brings none. */
function admitted(request: HttpRequest, servers: readonly PushServer[]) {
  const { headers, isLocal } = request
  if (servers.length === 0) throw new HttpProblem(404, 'no Push server runs in this node')
  const allowed = servers.filter(({ http }) => isLocal || http.open === true)
  if (allowed.length === 0)
    throw new HttpProblem(403, 'Push is for this machine only, unless the dialplan says http: { open: true }')
  const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(headers.authorization ?? '') ?? []
  for (const server of allowed) {
    const { applications, http } = server
    const isAnonymous = headers.authorization === undefined && isLocal && isLoopbackName(headers.host)
    const unnamed = isAnonymous && http.anonymous !== undefined ? applications.get(http.anonymous) : undefined
    const application = token === undefined ? unnamed : applications.ofToken(token)
    if (application !== undefined && maySend(application)) return { application, server }
  }
  const wrong = headers.authorization === undefined ? '' : ', error="invalid_token"' // RFC 6750 §3.1
  throw new HttpProblem(401, 'the token of an application is wanted; proxima push app approve prints one', {
    headers: { 'WWW-Authenticate': `Bearer realm="push"${wrong}` },
  })
}

/** A page may have its own name lead to this machine: what it asks has that name as Host. */
function isLoopbackName(host = ''): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host)
}

async function send(request: HttpRequest, { submissions }: PushServer, application: PushApplication): Promise<HttpPage> {
  const { headers, tags, title } = pushHeaders(request)
  refuseCoding(request)
  const bytes = await readBytes(request, longest)
  const given = typeOf(request)
  const isText = given === '' || given === formType ? isUtf8(bytes) : given === 'text/plain'
  const named = given === '' || given === formType ? undefined : request.headers['content-type']
  const content = isText ? Buffer.from(withTitleAndTags(bytes.toString('utf8'), { tags, title })) : bytes
  const type = named ?? (isText ? text : 'application/octet-stream')
  const outcome = await submissions.send({ application, content, headers, title, to: request.parameters['to']!, type })
  if ('refusal' in outcome) throw problemOf(outcome.refusal)
  const { id, state } = outcome
  return { ...json(201, { id, state }), headers: { Location: `/push/messages/${id}`, 'Cache-Control': 'no-store' } }
}

async function read(request: HttpRequest, { submissions }: PushServer, { id: application }: PushApplication): Promise<HttpPage> {
  const id = request.parameters['id']!
  const state = submissions.stateOf(id, application)
  if (state === undefined) throw unknown(id)
  return { ...json(200, { id, state }), headers: { 'Cache-Control': 'no-store' } }
}

async function withdraw(
  request: HttpRequest,
  { submissions }: PushServer,
  { id: application }: PushApplication,
): Promise<HttpPage> {
  const id = request.parameters['id']!
  const state = await submissions.withdraw(id, application)
  if (state === undefined) throw unknown(id)
  if (state === 'withdrawn') return { status: 204 }
  const why = state === 'stored' ? 'another server keeps it; it can be withdrawn there alone' : `it is ${state}`
  throw new HttpProblem(409, `message ${id} does not wait here: ${why}`)
}

function unknown(id: string): HttpProblem {
  return new HttpProblem(404, `there is no message ${id.slice(0, 40)} of this application, or it was long ago`)
}

function problemOf(response: SipResponse): HttpProblem {
  const [, warning] = /^\d{3} \S+ "((?:[^"\\]|\\.)*)"/.exec(response.text('Warning') ?? '') ?? []
  const { reason, status } = response
  const why = warning?.replace(/\\(.)/g, '$1') ?? `${status} ${reason}`
  const known = status === 503 && overRate.test(why) ? 429 : statuses[status]
  const headers = ['Retry-After', 'Accept'].flatMap((name) => {
    const value = response.text(name)
    return value === undefined ? [] : [[name, value] as const]
  })
  return new HttpProblem(known ?? 502, known === undefined ? `the network answers ${status}: ${why}` : why, {
    headers: Object.fromEntries(headers),
  })
}
