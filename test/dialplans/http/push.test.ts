/** Push by HTTP (SPEC §5.9): who may send, how headers are told, and what each refusal says. */
import { request } from 'node:http'
import test, { type ExecutionContext } from 'ava'
import { routesOf } from '../../../dialplans/http/options.ts'
import { openHttp } from '../../../dialplans/http/server.ts'
import { Metrics } from '../../../dialplans/running/metrics.ts'
import type { PushSettings } from '../../../elements/push/index.ts'
import { silent } from '../../../signalling/index.ts'
import { PushScene } from '../../elements/push/scene.ts'

const token = 'a-token-of-an-application'
const backup = { id: 'org.example.backup', name: 'Backup', token, push: '0b44c5d2e8b9f604' }
interface Answer {
  readonly status: number
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  readonly body: { readonly [member: string]: unknown }
}
type Call = (
  path: string,
  how?: { method?: string; headers?: { [name: string]: string }; body?: string | Buffer },
) => Promise<Answer>

async function open(t: ExecutionContext, settings: PushSettings): Promise<{ call: Call; scene: PushScene }> {
  const scene = await PushScene.open(settings)
  const http = await openHttp({
    listen: { host: '127.0.0.1', port: 0 },
    health: () => ({ status: 'ok' }),
    metrics: new Metrics(() => []),
    api: () => ({
      routes: routesOf([{ role: 'push', element: scene.server }]),
      access: { token: 'the-token-of-the-node', open: false },
      log: silent,
    }),
    log: silent,
  })
  t.teardown(() => http.close())
  const { port } = http.listening
  const call: Call = async (path, { method = 'POST', headers = {}, body = '' } = {}) => {
    let answer: Answer | undefined
    const asked = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = String(Buffer.concat(chunks))
        answer = {
          status: response.statusCode!,
          headers: response.headers,
          body: text.startsWith('{') ? (JSON.parse(text) as Answer['body']) : {},
        }
      })
    })
    asked.end(Buffer.from(body)) // with a text Node would write headers as UTF-8 again
    while (answer === undefined) {
      await new Promise((resolve) => setImmediate(resolve))
      await scene.pass(0.05)
    }
    return answer
  }
  return { call, scene }
}
const authorization = `Bearer ${token}`

test('P69: headers of ntfy and of RFC 8030 are told as SIP has them; a text has title and tags in it', async (t) => {
  const { call, scene } = await open(t, { applications: [backup] })
  const phone = await scene.phone()
  await scene.register(phone)
  const headers = {
    authorization,
    'X-Title': Buffer.from('Größer "than"').toString('latin1'),
    Priority: 'min',
    Tags: 'a, b c',
    TTL: '60',
  }
  t.is((await call('/push/bob', { headers, body: 'done' })).body['state'], 'delivered')
  const [first] = phone.requests
  t.is(String(first!.body), 'Größer "than"\ndone\n#a #b_c')
  t.is(first!.text('From')!.split(';tag')[0], `"Größer \\"than\\"" <sip:${backup.push}@push.localhost;user=push>`)
  const shown = ['Subject', 'Priority', 'Expires', 'Push-Application', 'Content-Type'].map((name) => first!.text(name))
  t.deepEqual(shown, ['Größer "than"', 'non-urgent', '60', backup.id, 'text/plain; charset=utf-8'])
  const form = { authorization, 'Content-Type': 'application/x-www-form-urlencoded', Urgency: 'high', Topic: 'disk' }
  await call('/push/0a17c5d2e8b9f604', { method: 'PUT', headers: form, body: 'a=b' })
  const image = { authorization, 'Content-Type': 'image/png', Title: 'Photo' }
  await call('/push/bob.b', { headers: image, body: Buffer.from([0xff, 0, 1]) })
  await call('/push/bob', { headers: { authorization }, body: Buffer.from([0xff, 0, 1]) })
  const seen = phone.requests
    .slice(1)
    .map((one) => [one.text('Priority'), one.text('Push-Topic'), one.contentType, one.body.length])
  t.deepEqual(seen, [
    ['urgent', 'disk', 'text/plain', 3],
    [undefined, undefined, 'image/png', 3],
    [undefined, undefined, 'application/octet-stream', 3],
  ])
  t.regex(phone.requests[1]!.text('From')!, /^"Backup" </)
})

test('P69: its state is told to its application alone, over a restart too', async (t) => {
  const { call, scene } = await open(t, {
    applications: [backup, { id: 'org.example.other', token: 'another-application-token' }],
  })
  const sent = await call('/push/bob', { headers: { authorization }, body: 'later' })
  t.is(sent.status, 201)
  const place = sent.headers['location'] as string
  t.is(place, `/push/messages/${sent.body['id'] as string}`)
  const others = { authorization: 'Bearer another-application-token' }
  t.is((await call(place, { method: 'GET', headers: others })).status, 404)
  t.is((await call(place, { method: 'DELETE', headers: others })).status, 404)
  t.is((await call(place, { method: 'GET' })).status, 401)
  const { server } = scene
  await scene.restart()
  t.is(scene.server.submissions.stateOf(sent.body['id'] as string, backup.id), 'stored')
  t.not(scene.server, server)
  await scene.pass(700_000)
  t.is(scene.server.submissions.stateOf(sent.body['id'] as string, backup.id), undefined, 'expired, and then long over')
})

test('PF29: no token 401; none is needed from this machine for the anonymous application, but by its own name', async (t) => {
  const { call } = await open(t, { http: { anonymous: backup.id }, applications: [backup] })
  t.is((await call('/push/bob', { body: 'hello' })).status, 201)
  t.is((await call('/push/bob', { body: 'hello', headers: { host: 'evil.example' } })).status, 401, 'a name that leads here')
  t.is((await call('/push/bob', { body: 'hello', headers: { authorization: 'Bearer another-token-of-theirs' } })).status, 401)
  const { call: closed } = await open(t, { applications: [backup] })
  const refused = await closed('/push/bob', { body: 'hello' })
  t.is(refused.status, 401)
  t.is(refused.headers['www-authenticate'], 'Bearer realm="push"')
  t.is((await closed('/push/bob', { headers: { authorization: 'Bearer the-token-of-the-node' } })).status, 401)
})

test('PF29: a page of another site 403, an unknown user 404', async (t) => {
  const { call } = await open(t, { http: { anonymous: backup.id }, applications: [backup] })
  t.is((await call('/push/bob', { headers: { origin: 'http://evil.example' } })).status, 403)
  t.is((await call('/push/zoe', { body: 'hello' })).status, 404)
  t.is((await call('/push/0123456789abcdef', { body: 'hello' })).status, 404)
  t.is((await call(`/push/${encodeURIComponent('<sip:bob@localhost>\r\nX: y')}`, { body: 'hello' })).status, 404)
  t.is((await call('/push/bob', { method: 'GET' })).status, 405)
  t.is((await call('/push/bob/x/y', { body: 'hello' })).status, 405, 'no such path')
})

test('its rule holds as in SIP: 413, 415 with Accept, 429 with Retry-After; `TTL: 0` and nobody there is 503', async (t) => {
  const rule = { types: ['text/plain'], maxBytes: 10, rate: { rate: 0.1, burst: 3 } }
  const { call } = await open(t, { applications: [{ ...backup, ...rule }] })
  const send = (body: string, headers = {}): Promise<Answer> =>
    call('/push/bob', { body, headers: { authorization, ...headers } })
  t.is((await send('01234567890')).status, 413)
  const type = await send('<p>', { 'Content-Type': 'text/html' })
  t.deepEqual([type.status, type.headers['accept']], [415, 'text/plain'])
  t.is((await send('now', { TTL: '0' })).status, 503)
  t.deepEqual([(await send('1')).status, (await send('2')).status], [201, 201])
  const refused = await send('3')
  t.is(refused.status, 429)
  t.regex(refused.body['detail'] as string, /limit 3, used 3, reset in \d+ s/)
  t.truthy(refused.headers['retry-after'])
  for (const headers of [
    { TTL: 'x' },
    { Topic: 'a b' },
    { Urgency: 'loud' },
    { Priority: '6' },
    { Priority: 'constructor' },
    { Title: 'x'.repeat(300) },
  ])
    t.is((await send('x', headers)).status, 400)
})
