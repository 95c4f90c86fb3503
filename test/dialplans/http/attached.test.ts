/** Who is attached, over HTTP: for who has the token, and as the description says. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import test, { type ExecutionContext } from 'ava'
import { openapi } from '../../../dialplans/http/openapi.ts'
import { routesOf } from '../../../dialplans/http/options.ts'
import { openHttp } from '../../../dialplans/http/server.ts'
import { Metrics } from '../../../dialplans/running/metrics.ts'
import { silent } from '../../../signalling/index.ts'
import { MmeScene, sip } from '../../elements/mme/scene.ts'

const token = 'a-token-for-this-test'

/** An MME that alice is attached to, and the HTTP side of its node. */
async function open(t: ExecutionContext) {
  const scene = await MmeScene.open({ identifier: { lifetime: 80, grace: 20 } })
  const [, attachment] = await scene.attached('alice')
  const { mme } = scene
  const http = await openHttp({
    listen: { host: '127.0.0.1', port: 0 },
    health: () => ({ status: 'ok' }),
    metrics: new Metrics(() => []),
    api: () => ({ routes: routesOf([{ role: 'mme', element: mme }]), access: { token, open: false }, log: silent }),
    log: silent,
  })
  t.teardown(() => http.close())
  const call = (method: string, path: string, given = token) =>
    fetch(`http://127.0.0.1:${http.listening.port}/v1${path}`, { method, headers: { Authorization: `Bearer ${given}` } })
  return { scene, attachment, call }
}

test('an operator sees by which identifier a user is attached, and gives him another one', async (t) => {
  const { scene, attachment, call } = await open(t)
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'api', ...openapi() })
  const shown = async (response: Promise<Response>): Promise<unknown> => {
    const { status, headers } = await response
    t.is(status, 200)
    t.is(headers.get('Cache-Control'), 'no-store')
    const value: unknown = await (await response).json()
    t.true(ajv.validate({ $ref: 'api#/components/schemas/Attached' }, value), ajv.errorsText())
    return value
  }
  const validUntil = String(attachment.last()['validUntil'])
  const before = { device: sip('alice'), at: [{ mme: 'mme', temporary: scene.temporary('alice'), validUntil }] }
  for (const name of ['alice', 'sip%3Aalice%40localhost', 'sip:alice@localhost'])
    t.deepEqual(await shown(call('GET', `/attached/${name}`)), before, name)

  await scene.lab.clock.advance(3000)
  const after = (await shown(call('POST', '/attached/alice/reallocate'))) as typeof before
  t.not(after.at[0]!.temporary, before.at[0]!.temporary)
  t.is(after.at[0]!.temporary, scene.temporary('alice'))
  t.true(after.at[0]!.validUntil > validUntil)
  await scene.lab.clock.advance(1000)
  t.is(attachment.last()['temporary'], after.at[0]!.temporary, 'the UE is told')

  attachment.subscription.unsubscribe()
  await scene.lab.clock.advance(1000)
  t.is((await call('GET', '/attached/alice')).status, 404)
  t.is((await call('POST', '/attached/alice/reallocate')).status, 404)
})

test('without the token nobody sees or changes anything; what is not there says so', async (t) => {
  const { scene, call } = await open(t)
  const temporary = scene.temporary('alice')
  for (const name of ['alice', 'bob'])
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/reallocate'],
    ] as const)
      t.is((await call(method, `/attached/${name}${path}`, 'another-token')).status, 401)
  t.is(scene.temporary('alice'), temporary)
  const allowed = async (method: string, path: string): Promise<string | null> => {
    const { status, headers } = await call(method, path)
    t.is(status, 405, `${method} ${path}`)
    return headers.get('Allow')
  }
  t.is(await allowed('DELETE', '/attached/alice'), 'GET, HEAD')
  t.is(await allowed('GET', '/attached/alice/reallocate'), 'POST')
  for (const path of [
    '/attached',
    '/attached/bob',
    '/attached/%F0',
    '/attached/alice/other',
    '/subscribers',
    '/subscribers/alice/reallocate',
  ]) {
    const { status } = await call('GET', path)
    t.is(status, path.includes('%F0') ? 400 : 404, path)
  }
  t.is(scene.temporary('alice'), temporary)
})
