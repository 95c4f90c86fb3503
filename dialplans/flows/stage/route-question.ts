/** Requests of a flow to HTTP routes, as a program on the same machine puts them. */
import { type HttpPage, HttpProblem } from '../../../elements/shared/http/page.ts'
import type { HttpOperation, HttpRoute } from '../../../elements/shared/http/route.ts'
import { silent } from '../../../signalling/index.ts'
import { openRouteAt } from '../../http/api.ts'
import type { HttpQuestion, HttpReply } from './operator.ts'

/** Rejects where no route serves it. */
export async function askRoutes(
  routes: readonly HttpRoute[],
  { body = '', headers = {}, method, path }: HttpQuestion,
): Promise<HttpReply> {
  const found = openRouteAt(path, routes)
  const operation = (found?.route.operations as { readonly [method: string]: HttpOperation } | undefined)?.[method]
  if (found === undefined || operation === undefined) throw new Error(`nothing serves ${method} ${path}`)
  const content = Buffer.from(body)
  const request = {
    parameters: Object.fromEntries(Object.entries(found.values).map(([name, value]) => [name, decodeURIComponent(value)])),
    query: new URLSearchParams(),
    headers: { host: '127.0.0.1', 'content-length': String(content.length), ...headers },
    body: bytesOf(content),
    ...{ who: 'a flow', isLocal: true, log: silent, seal: (text: string) => text },
  }
  const page = await pageOf(() => operation.serve(request))
  return {
    status: page.status,
    location: page.headers?.['Location'],
    body: page.text === undefined ? {} : (JSON.parse(page.text) as HttpReply['body']),
  }
}

async function* bytesOf(content: Buffer): AsyncIterable<Buffer> {
  yield content
}

/** A problem is an answer, too. */
async function pageOf(serve: () => HttpPage | Promise<HttpPage>): Promise<HttpPage> {
  try {
    return await serve()
  } catch (fault) {
    if (fault instanceof HttpProblem) return fault.page()
    throw fault
  }
}
