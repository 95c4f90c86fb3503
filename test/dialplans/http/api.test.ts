/** The HTTP interface to subscribers: access, faults, ETags, import, and the description that it serves of itself. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request as ask, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import test, { type ExecutionContext } from 'ava'
import { exposure } from '../../../dialplans/commands/start/exposure.ts'
import { admit, keepToken, readToken } from '../../../dialplans/http/access.ts'
import { routesOf } from '../../../dialplans/http/options.ts'
import { type HttpSide, openHttp } from '../../../dialplans/http/server.ts'
import { Metrics } from '../../../dialplans/running/metrics.ts'
import { createHss, type HssSettings } from '../../../elements/hss/index.ts'
import { type Log, silent } from '../../../signalling/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'

const token = 'a-token-for-this-test'
const all = { discoverable: true, discoverer: true }
const settings: HssSettings = {
  subscribers: ['alice', 'bob'].map((id) => ({ id, password: `${id}-secret`, permissions: all })),
  askers: ['prose', 'proxy'],
}
type Problem = { readonly status: number; readonly detail: string; readonly errors?: readonly { readonly pointer: string }[] }

/** What was logged, as one line each. */
class Lines implements Log {
  readonly level = 'debug'
  readonly lines: string[] = []
  private readonly note = (fields: object, text: string): void => void this.lines.push(`${JSON.stringify(fields)} ${text}`)
  readonly trace = this.note
  readonly debug = this.note
  readonly info = this.note
  readonly warn = this.note
  readonly error = this.note
  child(): Log {
    return this
  }
}

async function open(t: ExecutionContext, { without = false } = {}) {
  const hss = createHss('hss', settings)
  await new ElementNetwork().add(hss)
  const log = new Lines()
  const access = { token: without ? undefined : token, open: false }
  const http: HttpSide = await openHttp({
    listen: { host: '127.0.0.1', port: 0 },
    health: () => ({ status: 'ok' }),
    metrics: new Metrics(() => []),
    api: () => ({ routes: routesOf([{ role: 'hss', element: hss }]), access, log }),
    log: silent,
  })
  t.teardown(() => http.close())
  const { port } = http.listening
  const url = `http://127.0.0.1:${port}`
  const call = (method: string, path: string, body?: unknown, headers: { readonly [name: string]: string } = {}) =>
    fetch(`${url}/v1${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    })
  const fault = async (method: string, path: string, body?: unknown, headers = {}): Promise<Problem> => {
    const response = await call(method, path, body, headers)
    t.is(response.headers.get('Content-Type'), 'application/problem+json')
    const problem = (await response.json()) as Problem
    t.is(problem.status, response.status)
    return problem
  }
  return { hss, log, url, port, call, fault }
}

test('without the token every path answers alike', async (t) => {
  const { call, log } = await open(t)
  const answers: string[] = []
  for (const path of ['/subscribers', '/subscribers/alice', '/subscribers/nobody', '/openapi.json', '/other', '']) {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      for (const Authorization of ['', 'Bearer', 'Basic YTpi', `Bearer ${token}x`, `Bearer ${token.slice(1)}a`]) {
        const response = await call(method, path, method === 'PUT' ? {} : undefined, { Authorization })
        t.is(response.status, 401, `${method} ${path}`)
        t.regex(response.headers.get('WWW-Authenticate') ?? '', /^Bearer /)
        answers.push(await response.text())
      }
    }
  }
  t.is(new Set(answers).size, 1)
  t.deepEqual(log.lines, [])
})

test('a node without a token lets nobody in', async (t) => {
  const { call } = await open(t, { without: true })
  for (const Authorization of ['', 'Bearer undefined', `Bearer ${token}`]) {
    t.is((await call('GET', '/subscribers', undefined, { Authorization })).status, 401)
  }
})

test('pages of other sites are refused, even with the token', async (t) => {
  const { call, url, port } = await open(t)
  for (const Origin of ['http://evil.example', 'null', `http://127.0.0.1:${port + 1}`, 'nonsense']) {
    t.is(await statusOf(url, 'GET', { Origin }), 403, Origin)
  }
  t.is(await statusOf(url, 'GET', { Origin: url }), 200)
  t.is((await call('GET', '/subscribers')).status, 200)
})

/** Below `fetch`, which keeps some fields to itself. */
function statusOf(url: string, method: string, headers: { readonly [name: string]: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { method, headers: { Authorization: `Bearer ${token}`, ...headers } }
    ask(`${url}/v1/subscribers`, options, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
      .once('error', reject)
      .end()
  })
}

test('other machines are refused unless the dialplan opens it, which demo passwords forbid', (t) => {
  const from = (remoteAddress: string, given = token) =>
    ({ headers: { authorization: `Bearer ${given}`, host: 'x' }, socket: { remoteAddress } }) as unknown as IncomingMessage
  const status = (address: string, open: boolean, given?: string): number => {
    try {
      admit(from(address, given), { token, open })
      return 200
    } catch (problem) {
      return (problem as { readonly status: number }).status
    }
  }
  for (const near of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) t.is(status(near, false), 200, near)
  for (const far of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', '']) {
    t.is(status(far, false), 403, far)
    t.is(status(far, true), 200, far)
    t.is(status(far, true, 'another-token-of-some-length'), 401, far)
  }
  const plan = {
    file: 'plan.yaml',
    name: 'x',
    domains: ['localhost'],
    listen: [],
    tls: undefined,
    http: { host: '0.0.0.0', port: 8080 },
    api: { open: true },
    data: 'memory',
    trusted: [],
    limits: {},
    connections: {},
    elements: [
      { name: 'hss', role: 'hss', line: 1, settings: { subscribers: [{ id: 'sip:a@localhost', password: 'a-proxima' }] } },
    ],
    nodes: [],
    rules: undefined,
  }
  t.regex(exposure(plan) ?? '', /will not serve subscribers on 0\.0\.0\.0:8080, .* sip:a@localhost has its demo password/)
  t.is(exposure({ ...plan, api: {} }), undefined)
  t.is(exposure({ ...plan, http: { host: '127.0.0.1', port: 8080 } }), undefined)
})

test('one subscriber: read, put, patch and removed, by any identifier', async (t) => {
  const { call, hss, log } = await open(t)
  const made = await call('PUT', '/subscribers/zoe', { permissions: all, aliases: ['tel:+49-1'], password: 'zoe-secret' })
  t.is(made.status, 201)
  t.is(made.headers.get('Location'), '/v1/subscribers/sip%3Azoe%40localhost')
  const read = await call('GET', '/subscribers/tel:+491')
  t.is(read.headers.get('ETag'), made.headers.get('ETag'))
  const text = await read.text()
  t.is(text, await made.text())
  t.like(JSON.parse(text), { id: 'sip:zoe@localhost', aliases: ['tel:+491'] })
  const patched = await call('PATCH', '/subscribers/sip%3Azoe%40127.0.0.1', { permissions: { discoverable: false } })
  t.like(await patched.json(), { permissions: { discoverable: false, discoverer: true }, aliases: ['tel:+491'] })
  t.truthy(hss.held('zoe')!.credentials)
  t.is((await call('HEAD', '/subscribers/zoe')).status, 200)
  t.is((await call('DELETE', '/subscribers/tel:+491')).status, 204)
  t.is((await call('GET', '/subscribers/zoe')).status, 404)
  t.is(log.lines.length, 3)
  t.regex(log.lines[1]!, /127\.0\.0\.1.*sip:zoe@localhost.*changed.*\["permissions"\]/)
})

test('credentials and passwords never come out, nor into the log', async (t) => {
  const { call, hss, log } = await open(t)
  const said: string[] = []
  const keep = async (response: Promise<Response>): Promise<void> => {
    const { headers } = await response
    said.push(JSON.stringify([...headers]), await (await response).text())
  }
  await keep(call('PUT', '/subscribers/alice', { permissions: all, password: 'alice-new-secret' }))
  await keep(call('PATCH', '/subscribers/alice', { credentials: { MD5: 'f'.repeat(32) }, friends: ['bob'] }))
  await keep(call('PATCH', '/subscribers/alice', { password: 7 }))
  await keep(call('GET', '/subscribers/alice'))
  await keep(call('GET', '/subscribers'))
  await keep(
    call('POST', '/subscribers', '{"id":"x","password":"x-secret","permissions":3}', { 'Content-Type': 'application/jsonl' }),
  )
  const { MD5, 'SHA-256': sha } = hss.held('bob')!.credentials!
  for (const secret of ['secret', 'f'.repeat(32), MD5!, sha!]) {
    for (const text of [...said, ...log.lines]) t.false(text.includes(secret), text)
  }
})

test('two who change the same do not undo each other unawares', async (t) => {
  const { call, fault, hss } = await open(t)
  const tag = (await call('GET', '/subscribers/alice')).headers.get('ETag')!
  t.is((await call('GET', '/subscribers/alice', undefined, { 'If-None-Match': tag })).status, 304)
  t.is((await call('PATCH', '/subscribers/alice', { friends: ['bob'] }, { 'If-Match': `"x", ${tag}` })).status, 200)
  t.is((await fault('PATCH', '/subscribers/alice', { friends: [] }, { 'If-Match': tag })).status, 412)
  t.is((await fault('PUT', '/subscribers/alice', { permissions: all }, { 'If-Match': tag })).status, 412)
  t.is((await fault('DELETE', '/subscribers/alice', undefined, { 'If-Match': tag })).status, 412)
  t.is((await fault('PUT', '/subscribers/alice', { permissions: all }, { 'If-None-Match': '*' })).status, 412)
  t.is((await fault('PUT', '/subscribers/new', { permissions: all }, { 'If-Match': '*' })).status, 412)
  t.deepEqual(hss.held('alice')!.friends, ['sip:bob@localhost'])
  const now = (await call('GET', '/subscribers/alice')).headers.get('ETag')!
  await call('PATCH', '/subscribers/alice', { password: 'another' })
  t.not((await call('GET', '/subscribers/alice')).headers.get('ETag'), now, 'a password is a change too')
})

test('faults are problems that name the member', async (t) => {
  const { fault, call } = await open(t)
  t.like(await fault('PUT', '/subscribers/zoe', { permissions: { discoverable: true, discoverer: 'no' } }), {
    status: 422,
    errors: [{ pointer: '/permissions/discoverer', detail: 'must be boolean' }],
  })
  t.like(await fault('PATCH', '/subscribers/alice', { aliases: ['tel:+1', 'bob'] }), {
    status: 409,
    errors: [{ pointer: '/aliases/1' }],
  })
  const hidden = { status: 422, errors: [{ pointer: '/id' }] }
  t.like(await fault('PUT', '/subscribers/%00', { permissions: all }), hidden)
  const problem = await fault('PUT', '/subscribers/%00', { id: 'zoe', permissions: all })
  t.like(problem, hidden)
  t.regex(problem.detail, /^\/id is '\\u\{0000\}', with the character U\+0000 that nobody sees/)
  t.like(await fault('PATCH', '/subscribers/nobody', {}), { status: 404 })
  t.like(await fault('PUT', '/subscribers/zoe', '{"permissions":'), { status: 400 })
  t.like(await fault('PUT', '/subscribers/zoe', '{}', { 'Content-Type': 'text/plain' }), { status: 415 })
  t.like(await fault('PUT', '/subscribers/zoe', '{}', { 'Content-Encoding': 'gzip' }), { status: 415 })
  t.like(await fault('PUT', '/subscribers/zoe', JSON.stringify({ id: 'x'.repeat(1_000_001) })), { status: 413 })
  t.like(await fault('GET', '/subscribers/%ff'), { status: 400 })
  t.like(await fault('GET', '/subscribers?prefx=a'), { status: 400 })
  t.like(await fault('GET', '/subscribers?limit=0'), { status: 400 })
  t.like(await fault('GET', '/subscribers/a/b'), { status: 404 })
  t.is((await call('PATCH', '/subscribers', {})).headers.get('Allow'), 'GET, POST, HEAD')
  t.like(await fault('DELETE', '/openapi.json'), { status: 405 })
})

test('a list by pages and prefix', async (t) => {
  const { call } = await open(t)
  type Page = { subscribers: { id: string }[]; total: number; next?: string }
  const page = async (path: string): Promise<Page> => (await (await call('GET', path)).json()) as Page
  const first = await page('/subscribers?limit=1')
  t.like(first, { subscribers: [{ id: 'sip:alice@localhost' }], total: 2 })
  const second = await page(first.next!.replace('/v1', ''))
  t.deepEqual([second.subscribers[0]!.id, second.next], ['sip:bob@localhost', undefined])
  t.deepEqual(
    (await page('/subscribers?prefix=bo')).subscribers.map(({ id }) => id),
    ['sip:bob@localhost'],
  )
})

test('import goes past lines that are wrong, and tells them', async (t) => {
  const { call, hss } = await open(t)
  const csv = [
    '\ufeffid,discoverable,discoverer,aliases,password,servers',
    'zoe,yes,NO,tel:+1 tel:+2,"a ""quoted"", one",org.x=as org.y=sip:b@localhost',
    'yan,maybe,no,,,',
    '',
    'xin,1,0',
    '"wu\n",1,1,,,',
    'vic,true,false,tel:+2,,',
    'uli,true,false,,,nonsense',
    'bob,true,true,,,',
    'a\0b,true,true,,,',
    'sip:zoe@elsewhere.example,true,true,,,',
  ].join('\r\n')
  const imported = await call('POST', '/subscribers', csv, { 'Content-Type': 'text/csv; charset=utf-8' })
  t.is(imported.status, 200)
  const { faults, ...counts } = (await imported.json()) as { faults: { line: number; pointer: string }[] }
  t.deepEqual(counts as object, { lines: 9, added: 2, changed: 0, unchanged: 1, faulty: 6 })
  t.deepEqual(
    faults.map(({ line, pointer }) => [line, pointer]),
    [
      [3, '/permissions/discoverable'],
      [5, ''],
      [8, '/aliases/0'],
      [9, '/servers'],
      [11, '/id'],
      [12, '/id'],
    ],
  )
  t.like(hss.held('tel:+2'), { id: 'sip:zoe@localhost', permissions: { discoverable: true, discoverer: false } })
  t.deepEqual(hss.held('zoe')!.servers![1], { uri: 'sip:b@localhost', application: 'org.y' })
  const lines = ['{"id":"a","permissions":{"discoverable":true,"discoverer":true}}', '', '[', '7', '{"id":"b"}'].join('\n')
  const more = (await (
    await call('POST', '/subscribers?faults=1', lines, { 'Content-Type': 'application/x-ndjson' })
  ).json()) as object
  t.like(more, { lines: 4, added: 1, faulty: 3 })
  t.is((more as { faults: object[] }).faults.length, 1)
  const header = await call('POST', '/subscribers', 'id,colour\n', { 'Content-Type': 'text/csv' })
  t.is(header.status, 422)
  t.regex(await header.text(), /colour/)
  const long = await call('POST', '/subscribers', `{"id":"${'x'.repeat(70_000)}"}`, { 'Content-Type': 'application/jsonl' })
  t.is(long.status, 422)
  t.is((await call('POST', '/subscribers', '', { 'Content-Type': 'application/json' })).status, 415)
})

test('whoever goes away in the middle of an import leaves what was written, and the server goes on', async (t) => {
  const { hss, port, call } = await open(t)
  const socket = connect(port, '127.0.0.1')
  const line = (i: number): string => `{"id":"u${i}","permissions":{"discoverable":true,"discoverer":true}}\n`
  const head = ['POST /v1/subscribers HTTP/1.1', 'Host: x', `Authorization: Bearer ${token}`, 'Content-Type: application/jsonl']
  socket.write(
    `${head.join('\r\n')}\r\nContent-Length: 1000000\r\n\r\n${Array.from({ length: 300 }, (_, i) => line(i)).join('')}`,
  )
  while (hss.size < 250) await new Promise((resolve) => setImmediate(resolve))
  socket.destroy()
  t.is((await call('GET', '/subscribers/u249')).status, 200)
})

test('the description of the interface is made of the schemas, and answers are as it says', async (t) => {
  const { call } = await open(t)
  type Described = { readonly openapi: string; readonly components: { readonly schemas: { readonly [name: string]: object } } }
  const text = await (await call('GET', '/openapi.json')).text()
  const document = JSON.parse(text) as Described & { paths: object }
  t.is(document.openapi, '3.1.0')
  t.deepEqual(Object.keys(document.paths), [
    '/v1/subscribers',
    '/v1/subscribers/{id}',
    '/v1/attached/{user}',
    '/v1/attached/{user}/reallocate',
    '/v1/applications',
    '/v1/applications/{id}',
    '/v1/applications/{id}/{step}',
    '/v1/push/why/{name}',
    '/v1/push/audit',
    '/v1/push/retry',
    '/push/{to}',
    '/push/messages/{id}',
    '/v1/openapi.json',
  ])
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'api', ...document })
  const check = async (name: string, response: Promise<Response>): Promise<void> => {
    const value: unknown = await (await response).json()
    t.true(ajv.validate({ $ref: `api#/components/schemas/${name}` }, value), `${name}: ${ajv.errorsText()}`)
  }
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) t.truthy(document.components.schemas[name!], name)
  await check('Subscriber', call('GET', '/subscribers/alice'))
  await check('Page', call('GET', '/subscribers?limit=1'))
  await check('Problem', call('PUT', '/subscribers/alice', { permissions: 3 }))
  await check('Import', call('POST', '/subscribers', '{}\n', { 'Content-Type': 'application/jsonl' }))
  const accepts = (name: string, value: unknown) => ajv.validate({ $ref: `api#/components/schemas/${name}` }, value)
  t.true(accepts('SubscriberPatch', { permissions: { discoverable: false }, aliases: null, watchers: { others: null } }))
  t.false(accepts('SubscriberPatch', { permissions: { discoverable: 3 } }))
  t.false(accepts('Subscriber', { id: 'a', permissions: all, password: 'x' }))
  t.true(accepts('SubscriberSettings', { id: 'a', permissions: all, password: 'x' }))
})

test('the token is made once, for its owner alone', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-token-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const made = keepToken(folder)
  t.true(made.length > 40)
  t.is(keepToken(folder), made)
  const file = join(folder, 'token')
  t.is(statSync(file).mode & 0o777, 0o600)
  t.is(readToken(file), readFileSync(file, 'utf8').trim())
  writeFileSync(file, '\n')
  t.throws(() => keepToken(folder), { message: /holds no token/ })
})
