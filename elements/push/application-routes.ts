/** Applications over HTTP: list, read, and each step of their life. */
import { faultOf, type PushApplication } from '../schemas/index.ts'
import { hasContent, readJson } from '../shared/http/body.ts'
import { type HttpPage, HttpProblem, json } from '../shared/http/page.ts'
import type { HttpOperation, HttpRequest, HttpRoute } from '../shared/http/route.ts'
import { applicationListing, applicationReading, applicationSchemas, applicationStepping } from './application-description.ts'
import { type ApplicationStep, applicationSteps } from './applications.ts'
import type { PushServer } from './push-server.ts'

/** Resources of the Push servers of a node: the first approves. Without any they say so. */
export function applicationRoutes(servers: readonly PushServer[]): readonly HttpRoute[] {
  const of = (
    description: HttpOperation['description'],
    serve: (request: HttpRequest, server: PushServer) => HttpPage | Promise<HttpPage>,
  ): HttpOperation => ({
    description,
    serve: (request) => {
      const [server] = servers
      if (server === undefined) throw new HttpProblem(404, 'no Push server runs in this node')
      return serve({ ...request, log: request.log.child({ element: server.name }) }, server)
    },
  })
  const parameters = { id: 'application identifier' }
  return [
    { path: '/applications', operations: { GET: of(applicationListing, list) }, schemas: applicationSchemas() },
    { path: '/applications/{id}', parameters, operations: { GET: of(applicationReading, read) } },
    {
      path: '/applications/{id}/{step}',
      parameters: { ...parameters, step: applicationSteps.join(', ') },
      operations: { POST: of(applicationStepping, take) },
    },
  ]
}

function list(_: HttpRequest, { applications }: PushServer): HttpPage {
  return noStore(json(200, { applications: applications.all() }))
}

function read({ parameters }: HttpRequest, { applications }: PushServer): HttpPage {
  const id = parameters['id']!
  const found = applications.get(id)
  if (found === undefined) throw new HttpProblem(404, `there is no application ${id}`)
  return noStore(json(200, found))
}

async function take(request: HttpRequest, { applications }: PushServer): Promise<HttpPage> {
  const { log, parameters, who } = request
  const id = parameters['id']!
  const step = parameters['step'] as ApplicationStep
  if (!applicationSteps.includes(step))
    throw new HttpProblem(404, `there is no step ${parameters['step']}; there are ${applicationSteps.join(', ')}`)
  const rule = hasContent(request) ? ruleOf(id, await readJson(request, ['application/json'])) : ruleOf(id, {})
  const outcome = await applications.step(id, step, rule)
  if (outcome.fault !== undefined) {
    const status = { unknown: 404, state: 409, full: 409 }[outcome.fault]
    throw new HttpProblem(status, outcome.text)
  }
  const { application, token } = outcome
  log.info({ who, application: id, state: application.state }, 'application changed over HTTP')
  return noStore(json(200, { ...application, ...(token === undefined ? {} : { token }) }))
}

/** The rule in a body, without what a step decides. */
function ruleOf(id: string, body: unknown): Partial<PushApplication> {
  const given = typeof body === 'object' && body !== null && !Array.isArray(body) ? body : undefined
  const fault =
    given === undefined
      ? 'the body must be object'
      : faultOf('push-application', { sending: 'authenticate', ...given, id, state: 'requested' })
  if (fault !== undefined) {
    const [pointer = '', ...text] = fault.startsWith('/') ? fault.split(' ') : ['', fault]
    throw new HttpProblem(422, fault, { errors: [{ pointer, detail: text.join(' ') }] })
  }
  const { push: _, state: __, id: ___, ...rule } = given as Partial<PushApplication>
  return Object.fromEntries(Object.entries(rule).filter(([name]) => members.includes(name)))
}

const members = Object.keys(applicationSchemas()['PushApplicationRule']!['properties'] as object)

function noStore(page: HttpPage): HttpPage {
  return { ...page, headers: { ...page.headers, 'Cache-Control': 'no-store' } }
}
