/** The HTTP interface to the resources of elements, `/v1/…` and open ones: every answer is JSON, every fault a problem (RFC 9457). */
import type { IncomingMessage } from 'node:http'
import { type HttpPage, HttpProblem, json } from '../../elements/shared/http/page.ts'
import type { HttpOperation, HttpRoute } from '../../elements/shared/http/route.ts'
import { seal } from '../../signalling/index.ts'
import { admit, isFromHere, refuseOtherSites, whoOf } from './access.ts'
import { openapi } from './openapi.ts'
import { type ApiOptions, elementsWithRoutes } from './options.ts'

const base = '/v1'
const descriptionPath = `${base}/openapi.json`

/** Answers a request below /v1. Rejects with a `HttpProblem`. */
export async function serveApi(request: IncomingMessage, options: ApiOptions | undefined): Promise<HttpPage> {
  if (options === undefined)
    throw new HttpProblem(503, `none of these runs here now: ${elementsWithRoutes().join(', ')}`, {
      headers: { 'Retry-After': '1' },
    })
  const { routes, access } = options
  admit(request, access)
  const url = urlOf(request)
  if (url.pathname === descriptionPath) {
    allow(methodOf(request), ['GET'])
    return json(200, openapi())
  }
  const found = findRoute(url.pathname, routes.filter(isBelowBase))
  if (found === undefined)
    throw new HttpProblem(404, `there are ${listed([...routes.filter(isBelowBase).map(pathOf), descriptionPath])}`)
  return serve(request, found, options)
}

/** Answers a request of an open route; undefined: there is none of that path. Rejects with a `HttpProblem`. */
export async function serveOpen(request: IncomingMessage, options: ApiOptions): Promise<HttpPage | undefined> {
  const found = openRouteAt((request.url ?? '/').split('?', 1).join(), options.routes)
  if (found === undefined) return undefined
  refuseOtherSites(request)
  return serve(request, found, options)
}

/** The open route of a path; undefined: there is none. */
export function openRouteAt(path: string, routes: readonly HttpRoute[]): FoundRoute | undefined {
  return findRoute(
    path,
    routes.filter((route) => !isBelowBase(route)),
  )
}

function serve(
  request: IncomingMessage,
  { route, values }: FoundRoute,
  { access, log }: ApiOptions,
): HttpPage | Promise<HttpPage> {
  const method = methodOf(request)
  allow(method, Object.keys(route.operations))
  const operation = (route.operations as { readonly [method: string]: HttpOperation })[method]!
  return operation.serve({
    parameters: Object.fromEntries(Object.entries(values).map(([name, part]) => [name, decoded(part)])),
    query: urlOf(request).searchParams,
    headers: request.headers,
    body: request,
    who: whoOf(request),
    isLocal: isFromHere(request),
    log,
    seal: (text) => seal(access.token ?? '', text, 22),
  })
}

function urlOf({ url = '/' }: IncomingMessage): URL {
  return new URL(url, 'http://node')
}
function methodOf({ method = 'GET' }: IncomingMessage): string {
  return method === 'HEAD' ? 'GET' : method
}
/** Whole path of a route, with its parameters in braces. */
function pathOf({ isOpen, path }: HttpRoute): string {
  return isOpen === true ? path : base + path
}
function isBelowBase({ isOpen }: HttpRoute): boolean {
  return isOpen !== true
}

interface FoundRoute {
  readonly route: HttpRoute
  /** Values of its parameters, as they stand in the path. */
  readonly values: { readonly [name: string]: string }
}

function findRoute(pathname: string, routes: readonly HttpRoute[]): FoundRoute | undefined {
  for (const route of routes) {
    const values = valuesIn(pathname.split('/'), pathOf(route).split('/'))
    if (values !== undefined) return { route, values }
  }
  return undefined
}

/** Undefined: it is another path. */
function valuesIn(parts: readonly string[], wanted: readonly string[]): FoundRoute['values'] | undefined {
  if (parts.length !== wanted.length) return undefined
  const values: { [name: string]: string } = {}
  for (const [index, want] of wanted.entries()) {
    const part = parts[index]!
    if (!want.startsWith('{')) {
      if (part !== want) return undefined
    } else if (part === '') return undefined
    else values[want.slice(1, -1)] = part
  }
  return values
}

function listed(paths: readonly string[]): string {
  return `${paths.slice(0, -1).join(', ')} and ${paths.at(-1)}`
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
