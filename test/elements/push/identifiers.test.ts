/** Push identifiers at their server (SPEC §5.1): whom they name, who gives them, and what holds beyond their end. */
import test from 'ava'
import { mediaType } from '../../../elements/schemas/index.ts'
import { PushScene } from './scene.ts'

const permissions = { discoverable: false, discoverer: false }
const desk = '00000000-0000-1000-8000-000a95a0e128'
const mobile = '00000000-0000-1000-8000-000a95a0e129'

test('P11: an identifier names a person, an application, or one terminal, which alone is reached by it', async (t) => {
  const scene = await PushScene.open({ applications: [{ id: 'org.example.chat', default: ['text/plain'] }] })
  const own = '0c11c5d2e8b9f604'
  const push = [{ id: '0a17c5d2e8b9f604' }, { id: own, device: `<urn:uuid:${desk}>` }]
  await scene.hss.set({ id: 'bob', permissions, push })
  const [atDesk, onRoad] = [await scene.phone(), await scene.phone()]
  await scene.register(atDesk, { instance: desk })
  await scene.register(onRoad, { instance: mobile })
  t.is(await scene.push('to the person'), 200)
  t.is(await scene.push('to the terminal', { user: own }), 200)
  t.deepEqual([atDesk.got, onRoad.got], [['to the person', 'to the terminal'], ['to the person']])
  const application = scene.server.applications.all().find(({ id }) => id === 'org.example.chat')
  t.regex(application?.push ?? '', /^0[\da-f]{15}$/)
})

test('P12: an identifier is one subscriber’s alone; who it belongs to is told, with his operator', async (t) => {
  const scene = await PushScene.open()
  const settings = { id: 'eve', permissions, push: [{ id: '0a17c5d2e8b9f604' }] }
  const [outcome] = await scene.hss.provision([{ do: 'put', settings }])
  t.is(outcome?.fault?.kind, 'taken')
  t.regex(outcome!.fault!.text, /sip:bob@localhost/)
})

test('P14: the 200 to REGISTER tells the identifiers, provisioned or given', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  t.is(
    (await scene.register(phone)).text('P-Associated-URI'),
    '<sip:bob@localhost>, <sip:0a17c5d2e8b9f604@push.localhost;user=push>',
  )
  await scene.hss.set({ id: 'bob', permissions: { ...permissions, push: true } })
  await scene.pass(2)
  const given = (await scene.register(phone)).text('P-Associated-URI') ?? ''
  t.regex(given, /^<sip:bob@localhost>, <sip:0[\da-f]{15}@push\.localhost;user=push>$/)
  await scene.restart()
  t.is((await scene.register(phone)).text('P-Associated-URI'), given)
})

test('A20: what waits under a short-lived identifier is no later owner’s, and for 400 days there is none', async (t) => {
  const scene = await PushScene.open()
  const short = '0d11c5d2e8b9f604'
  const validUntil = new Date(scene.lab.clock.date() + 60_000).toISOString()
  await scene.hss.set({ id: 'bob', permissions, push: [{ id: '0a17c5d2e8b9f604' }, { id: short, validUntil }] })
  await scene.pass(1)
  t.is(await scene.push('waits', { user: short }), 202)
  await scene.pass(60)
  t.is(scene.metric('copies_expired_total'), 1)
  t.is(await scene.push('late', { user: short }), 404)
  await scene.hss.provision([{ do: 'put', settings: { id: 'bob', permissions, push: [{ id: '0a17c5d2e8b9f604' }] } }])
  const toEve = { do: 'put', settings: { id: 'eve', permissions, push: [{ id: short }] } } as const
  const refused = async (): Promise<string | undefined> => (await scene.hss.provision([toEve]))[0]?.fault?.text
  t.is(await refused(), `${short} was somebody else's, and is not given out again for 400 days`)
  await scene.restart()
  await scene.pass(399 * 86_400)
  t.not(await refused(), undefined, 'over a restart too')
  await scene.pass(2 * 86_400)
  t.is(await refused(), undefined)
  t.is(await scene.push('to eve', { user: short }), 202)
  t.deepEqual(
    scene.server.waiting('sip:eve@localhost').map(({ body }) => Buffer.from(body, 'base64').toString()),
    ['to eve'],
  )
  t.is(scene.unaccounted, 0)
})

test('P15: a binding of one identifier ends with it', async (t) => {
  const scene = await PushScene.open()
  const validUntil = new Date(scene.lab.clock.date() + 60_000).toISOString()
  await scene.hss.set({ id: 'bob', permissions, push: [{ id: '0d11c5d2e8b9f604', validUntil }] })
  await scene.pass(1)
  const phone = await scene.phone()
  const answer = await scene.registerIdentifier(phone, '0d11c5d2e8b9f604')
  t.is(answer.status, 200)
  t.regex(answer.text('Contact') ?? '', /;expires=5\d$/)
})

test('a REGISTER that comes behind a later one of its Call-ID gets 500, and changes nothing', async (t) => {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  t.is((await scene.register(phone, { expires: 3600 }, { callId: 'one', cseq: 2 })).status, 200)
  t.is((await scene.register(phone, { expires: 0 }, { callId: 'one', cseq: 1 })).status, 500)
  t.is(await scene.push('hello'), 200)
})

test('short-lived ones are asked for 16 times, then once an hour: 503 with the limit, and no record is made', async (t) => {
  const scene = await PushScene.open()
  const type = mediaType('push-identifier-request')
  const ask = (who: string) => {
    const lines = [`P-Asserted-Identity: <sip:${who}@localhost>`]
    return scene.answer('{ "seconds": 1 }', { type, asserted: false, lines, uri: 'sip:push@localhost' })
  }
  for (let count = 0; count < 16; count++) t.is((await ask('bob')).status, 202)
  const refused = await ask('bob')
  t.is(refused.status, 503)
  t.regex(refused.text('Warning')!, /identifiers: limit 16, used 16, reset in \d+ s/)
  t.true(Number(refused.text('Retry-After')) > 3000)
  t.is((await ask('alice')).status, 202, 'others are apart')
  await scene.pass(3600)
  t.is((await ask('bob')).status, 202)
  t.is((await ask('bob')).status, 503)
})
