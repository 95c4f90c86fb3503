/** Routes of the HTTP interface: what there is follows from the roles, and what does not run here says so. */
import test, { type ExecutionContext } from 'ava'
import { openapi } from '../../../dialplans/http/openapi.ts'
import { hasRoutes, routesOf } from '../../../dialplans/http/options.ts'
import { openHttp } from '../../../dialplans/http/server.ts'
import { Metrics } from '../../../dialplans/running/metrics.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import type { HttpRoute } from '../../../elements/shared/http/route.ts'
import { silent } from '../../../signalling/index.ts'

const token = 'a-token-for-this-test'

async function problemAt(t: ExecutionContext, path: string, ready: boolean, more: readonly HttpRoute[] = []): Promise<unknown> {
  const http = await openHttp({
    listen: { host: '127.0.0.1', port: 0 },
    health: () => ({ status: 'ok' }),
    metrics: new Metrics(() => []),
    api: () => (ready ? { routes: [...routesOf([]), ...more], access: { token, open: false }, log: silent } : undefined),
    log: silent,
  })
  t.teardown(() => http.close())
  const response = await fetch(`http://127.0.0.1:${http.listening.port}/v1${path}`, {
    headers: { Authorization: `Bearer ${token}` },
  })
  const { status, detail } = (await response.json()) as { readonly status: number; readonly detail: string }
  t.is(response.status, status)
  return `${status} ${detail}`
}

test('a resource of elements that do not run here says so, and another path tells what there is', async (t) => {
  t.is(await problemAt(t, '/subscribers/alice', true), '404 no HSS runs in this node')
  t.is(await problemAt(t, '/attached/alice', true), '404 no MME runs in this node')
  t.is(
    await problemAt(t, '/elsewhere', true),
    '404 there are /v1/subscribers, /v1/subscribers/{id}, /v1/attached/{user}, /v1/attached/{user}/reallocate, /v1/applications, /v1/applications/{id}, /v1/applications/{id}/{step}, /v1/push/why/{name}, /v1/push/audit, /v1/push/retry and /v1/openapi.json',
  )
  t.is(await problemAt(t, '/subscribers', false), '503 none of these runs here now: HSS, MME, Push server')
})

test('a store that fails says so, and a fault of ours is in the log alone', async (t) => {
  const failing = (fault: Error): HttpRoute => {
    const serve = (): Promise<never> => Promise.reject(fault)
    return { path: '/fault', operations: { GET: { serve, description: {} } } }
  }
  const full = Object.assign(new Error('store data could not write: its disk is full\nat …'), { code: 'store-failed' })
  t.is(await problemAt(t, '/fault', true, [failing(full)]), '503 store data could not write: its disk is full')
  t.is(await problemAt(t, '/fault', true, [failing(new Error('a secret'))]), '500 internal fault, see the log')
})

test('the description has each route with its operations', (t) => {
  const { paths } = openapi() as { readonly paths: { readonly [path: string]: { readonly [method: string]: unknown } } }
  const routes = routesOf([])
  t.true(routes.length > 3)
  t.is(Object.keys(paths).length, routes.length + 1)
  for (const { isOpen, path, operations } of routes)
    t.deepEqual(
      Object.keys(paths[isOpen === true ? path : `/v1${path}`]!).filter((name) => name !== 'parameters'),
      Object.keys(operations).map((method) => method.toLowerCase()),
    )
})

test('a node has the interface where some element serves a part of it', (t) => {
  t.false(hasRoutes([]))
  t.false(hasRoutes([{ role: 'presence', element: createPresence('presence', {}) }]))
})
