/** Operation of a Push server over HTTP and by `proxima push`: why, audit and retry (SPEC §5.6, P75). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { routesOf } from '../../../dialplans/http/options.ts'
import { openHttp } from '../../../dialplans/http/server.ts'
import { Metrics } from '../../../dialplans/running/metrics.ts'
import type { PushSettings } from '../../../elements/push/index.ts'
import { silent } from '../../../signalling/index.ts'
import { PushScene } from '../../elements/push/scene.ts'
import { proxima } from '../../support/process.ts'

const token = 'a-token-for-this-test'

async function open(t: ExecutionContext, settings: PushSettings = {}) {
  const scene = await PushScene.open(settings)
  const http = await openHttp({
    listen: { host: '127.0.0.1', port: 0 },
    health: () => ({ status: 'ok' }),
    metrics: new Metrics(() => []),
    api: () => ({ routes: routesOf([{ role: 'push', element: scene.server }]), access: { token, open: false }, log: silent }),
    log: silent,
  })
  const folder = mkdtempSync(join(tmpdir(), 'proxima-'))
  const file = join(folder, 'token')
  writeFileSync(file, token, { mode: 0o600 })
  t.teardown(async () => {
    await http.close()
    rmSync(folder, { recursive: true })
  })
  const url = `http://127.0.0.1:${http.listening.port}`
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  const call = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${url}/v1/push${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  const command = async (...args: string[]): Promise<{ readonly code: number | null; readonly output: string }> => {
    const { code, err, out } = await proxima('push', ...args, '--url', url, '--token-file', file)
    return { code, output: out + err }
  }
  return { call, command, scene }
}

test('P75: why tells each decision with its rule, and no PRID; nothing known is 404', async (t) => {
  const { call, command, scene } = await open(t)
  const phone = await scene.phone()
  await scene.registerAsleep(phone)
  phone.answer = undefined
  await scene.push('hello', { callId: 'a-call-id' })
  const answer = await call('GET', '/why/bob')
  t.is(answer.headers.get('Cache-Control'), 'no-store')
  const text = await answer.text()
  t.false(text.includes('push.example'))
  const { servers } = JSON.parse(text) as {
    servers: { decisions: { rule: string; status?: number }[]; devices: { state: string }[] }[]
  }
  t.deepEqual(servers[0]!.decisions.map(({ rule }) => rule).sort(), ['stored', 'wake-sent'])
  t.is(servers[0]!.devices[0]!.state, 'asleep')
  t.is((await call('GET', '/why/zoe')).status, 404)
  const shown = await command('why', 'bob')
  t.is(shown.code, 0)
  t.regex(shown.output, /push \(flag bits 0000\): sip:bob@localhost; 1 waiting/)
  t.regex(shown.output, /identifier 0a17c5d2e8b9f604: flag bits 0000, of this server/)
  t.regex(shown.output, /device <urn:uuid:[\w-]+>: asleep until 20\d\d-[\dT:.-]+Z, woken by webpush/)
  t.regex(
    shown.output,
    /stored +202 (?:no device is registered|none of 1 devices has taken it): it waits \(from sip:\w+@push\.localhost.*, a-call-id\)/,
  )
  t.regex(shown.output, /wake-sent +the provider said 201/)
  const unknown = await command('why', 'zoe')
  t.is(unknown.code, 1)
  t.regex(unknown.output, /nothing is known of zoe/)
})

test('audit says the sums, and ends with 1 where counters and store differ', async (t) => {
  const { call, command, scene } = await open(t)
  await scene.push('hello')
  const whole = await command('audit')
  t.is(whole.code, 0)
  t.regex(
    whole.output,
    /push: 0 found \+ 1 accepted = 0 delivered \+ 0 expired \+ 0 refused \+ 0 replaced \+ 0 withdrawn \+ 1 waiting/,
  )
  const keys: string[] = []
  for await (const [key] of scene.stored('push/push/copy/')) keys.push(key)
  await scene.erase(keys)
  const asked = command('audit')
  let isOver = false
  void asked.finally(() => {
    isOver = true
  })
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve))
    await scene.pass(0.05)
  }
  const { code, output } = await asked
  t.is(code, 1)
  t.regex(output, /push: in memory 1 copies wait, in the store 0/)
  t.is((await call('POST', '/audit')).status, 405)
})

test('retry puts back what was set aside; an unknown user is 404', async (t) => {
  const { call, command, scene } = await open(t, { store: { tries: 1 } })
  const phone = await scene.phone()
  await scene.register(phone)
  phone.answer = 500
  await scene.push('hello')
  phone.answer = 200
  t.is((await call('POST', '/retry', { user: 'zoe' })).status, 404)
  t.is((await call('POST', '/retry', { user: 1 })).status, 422)
  const { code, output } = await command('retry', 'bob')
  t.deepEqual([code, output.trim()], [0, '1 tried again'])
  await scene.pass(1)
  t.deepEqual(phone.got, ['hello', 'hello'])
})
