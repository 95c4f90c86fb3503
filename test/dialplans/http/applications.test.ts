/** Applications that send by Push, over HTTP (SPEC §5.4). */
import test, { type ExecutionContext } from 'ava'
import { routesOf } from '../../../dialplans/http/options.ts'
import { openHttp } from '../../../dialplans/http/server.ts'
import { Metrics } from '../../../dialplans/running/metrics.ts'
import { silent } from '../../../signalling/index.ts'
import { PushScene } from '../../elements/push/scene.ts'

const token = 'a-token-for-this-test'
type Call = (method: string, path: string, body?: unknown) => Promise<Response>

async function open(t: ExecutionContext): Promise<Call> {
  const scene = await PushScene.open()
  const http = await openHttp({
    listen: { host: '127.0.0.1', port: 0 },
    health: () => ({ status: 'ok' }),
    metrics: new Metrics(() => []),
    api: () => ({ routes: routesOf([{ role: 'push', element: scene.server }]), access: { token, open: false }, log: silent }),
    log: silent,
  })
  t.teardown(() => http.close())
  return (method, path, body) =>
    fetch(`http://127.0.0.1:${http.listening.port}/v1/applications${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
}

test('P18: applied for, approved with a rule, and revoked; the token is told once', async (t) => {
  const call = await open(t)
  t.deepEqual(await (await call('GET', '')).json(), { applications: [] })
  const requested = await call('POST', '/org.example.chat/request', { name: 'Chat' })
  t.deepEqual(await requested.json(), { id: 'org.example.chat', name: 'Chat', sending: 'authenticate', state: 'requested' })
  const approved = await call('POST', '/org.example.chat/approve', {
    types: ['text/plain'],
    rate: { rate: 1, burst: 5 },
    state: 'x',
    push: '0123456789abcdef',
  })
  t.is(approved.status, 200)
  t.is(approved.headers.get('Cache-Control'), 'no-store')
  const granted = (await approved.json()) as { readonly token: string; readonly push: string }
  t.regex(granted.token, /^[\w-]{32}$/)
  const shown = await (await call('GET', '/org.example.chat')).json()
  t.deepEqual(shown, {
    ...{ id: 'org.example.chat', name: 'Chat', sending: 'authenticate', state: 'approved', push: granted.push },
    ...{ types: ['text/plain'], rate: { rate: 1, burst: 5 } },
  })
  t.like(await (await call('POST', '/org.example.chat/revoke')).json(), { state: 'revoked' })
})

test('what is no application, no step, or not from that state says so', async (t) => {
  const call = await open(t)
  const fault = async (path: string, body?: unknown): Promise<string> => {
    const { status, detail } = (await (await call('POST', path, body)).json()) as { status: number; detail: string }
    return `${status} ${detail}`
  }
  t.is(await fault('/org.example.chat/approve'), '404 there is no application org.example.chat')
  t.regex(await fault('/org.example.chat/bless'), /^404 there is no step bless; there are request, invite/)
  t.regex(await fault('/..%2Fevil/request'), /^422 \/id must match pattern/)
  t.regex(await fault('/org.example.chat/request', { types: ['text'] }), /^422 \/types\/0 must/)
  t.is(await fault('/org.example.chat/request', []), '422 the body must be object')
  t.is((await call('POST', '/org.example.chat/invite')).status, 200)
  t.is(await fault('/org.example.chat/approve'), '409 org.example.chat is invited; expected one that is requested')
  t.is((await call('GET', '/org.example.other')).status, 404)
  t.is((await call('DELETE', '/org.example.chat')).status, 405)
})
