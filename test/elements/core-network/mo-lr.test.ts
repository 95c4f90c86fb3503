/** MO-LR (SPEC §8.1) where something is lost, late, killed or forged: one positioning, one charge, one result. */
import test from 'ava'
import type { LcsClientSettings } from '../../../elements/lcs-client/index.ts'
import { CoreScene, PlayedClient } from './scene.ts'

const text = { client: 'maps', service: 'text' }
const dear: LcsClientSettings = {
  services: [{ service: 'text', does: 'text', price: 1 }],
  subscribers: [{ target: 'alice', balance: 1 }],
}

test('a request is answered with its result, which names it', async (t) => {
  const scene = await CoreScene.open()
  t.is(await scene.ask(text, { callId: 'mine', cseq: 1 }), 202)
  await scene.pass(1)
  t.deepEqual(
    scene.ues.got.map(({ inReplyTo, to }) => [inReplyTo, to]),
    [['mine', 'sip:alice@home.example']],
  )
  t.like(scene.results[0], { client: { passed: true, handled: true }, result: { type: 'text/plain' } })
})

for (const [when, ms] of [
  ['before it is positioned', 0],
  ['while it is measured', 50],
  ['behind its result', 2000],
] as const)
  test(`MF13: the same request twice, and a restart ${when}: one result, paid once`, async (t) => {
    const scene = await CoreScene.open(dear)
    const same = { callId: 'same', cseq: 1 }
    t.is(await scene.ask(text, same), 202)
    t.is(await scene.ask(text, { ...same, branch: 'z9hG4bK-again' }), 482, 'merged (RFC 3261 §8.2.2.2)')
    await scene.lab.clock.advance(ms)
    await scene.restart()
    t.is(await scene.ask(text, { ...same, branch: 'z9hG4bK-after' }), 202)
    await scene.pass(60)
    t.is(scene.results.length, 1)
    t.like(scene.results[0], { client: { handled: true } })
    t.is(await scene.ask(text), 202)
    await scene.pass(2)
    t.like(scene.results[1], { client: { handled: false, cause: 'balance-too-low' } }, 'the balance was taken once')
  })

test('MF13, L13: a restart at each step of twenty requests: each has one result, and paid once', async (t) => {
  const paid: LcsClientSettings = { ...dear, subscribers: [{ target: 'alice', balance: 20 }] }
  const scene = await CoreScene.open(paid)
  for (let time = 0; time < 20; time++) {
    t.is(await scene.ask(text), 202)
    await scene.lab.clock.advance(time * 7)
    await scene.restart()
    await scene.pass(45)
  }
  t.is(scene.results.length, 20)
  t.true(scene.results.every(({ client }) => client?.handled === true))
  t.is(new Set(scene.results.map(({ request }) => request)).size, 20)
  t.is(await scene.ask(text), 202)
  await scene.pass(2)
  t.like(scene.results[20], { client: { cause: 'balance-too-low' } })
})

test('M15, MF6: a client that says nothing for 20 s is silent: the place alone, and nothing is paid', async (t) => {
  const client = new PlayedClient()
  const scene = await CoreScene.open(undefined, client)
  t.is(await scene.ask({ client: 'played' }), 202)
  await scene.pass(19)
  t.is(scene.results.length, 0)
  await scene.pass(3)
  t.like(scene.results[0], { client: { passed: true, handled: false, cause: 'client-silent' } })
  t.truthy(scene.results[0]?.place)
  t.true(client.asked.length > 1 && new Set(client.asked).size === 1, 'it is asked again, by the same request')
})

test('M15, MF6: a client that is not there is unreachable: the place alone', async (t) => {
  const scene = await CoreScene.open()
  t.is(await scene.ask({ client: 'gone' }), 202)
  await scene.pass(10)
  t.like(scene.results[0], { client: { passed: false, handled: false, cause: 'client-unreachable' } })
})

test('MF12: a UE that is gone has its result when it is back, once, over a restart; after a day it has none', async (t) => {
  const scene = await CoreScene.open()
  scene.ues.status = 480
  t.is(await scene.ask(text), 202)
  await scene.pass(3600)
  await scene.restart()
  await scene.pass(3600)
  scene.ues.status = 200
  await scene.pass(700)
  t.is(scene.results.length, 1)
  await scene.restart()
  await scene.pass(3600)
  t.is(scene.results.length, 1)
  scene.ues.status = 480
  t.is(await scene.ask(text), 202)
  await scene.pass(86_500)
  scene.ues.status = 200
  await scene.pass(3600)
  t.is(scene.results.length, 1)
  t.is(scene.metric('sgsn_mo_lr'), 0)
})

test('M26: an accuracy that is assured is met by a better method, which takes its time', async (t) => {
  const scene = await CoreScene.open()
  t.is(await scene.ask({ qos: { class: 'assured', accuracy: 50 } }), 202)
  await scene.pass(3)
  t.like(scene.results[0], { place: { method: 'OTDOA', radius: 35 } })
  t.is(await scene.ask({ qos: { class: 'assured', accuracy: 50, responseTime: 1 } }), 202)
  await scene.pass(3)
  t.deepEqual(scene.results[1], { request: scene.results[1]!.request, cause: 'qos-not-met' })
})

test('a store that fails: 500, and nothing has begun', async (t) => {
  const scene = await CoreScene.open()
  scene.store.fails = () => true
  t.is(await scene.ask(text), 500)
  scene.store.fails = () => false
  await scene.pass(60)
  t.is(scene.results.length, 0)
  t.is(scene.metric('ran_location_requests_total'), 0)
})

test('a target has eight requests under way at most', async (t) => {
  const scene = await CoreScene.open()
  scene.ues.status = 480
  for (let time = 0; time < 8; time++) t.is(await scene.ask(text), 202)
  t.is(await scene.ask(text), 503)
})

test('L12: places are asked and told by elements of the network alone', async (t) => {
  const scene = await CoreScene.open()
  const request = 'lr-0Zb4mE1x2kQ7nP9sT3vW5y'
  const target = 'sip:alice@home.example'
  const place = { point: { type: 'Point', coordinates: [13, 52] as [number, number] }, at: '2026-11-22T10:00:00Z' } as const
  for (const asserted of [target, 'sip:maps@home.example', 'sip:gmlc@other.example']) {
    const asked = await scene.message(`sip:${request}@ran.home.example`, 'ran-location-request', { request, target }, asserted)
    t.is(asked.status, 403)
    const report = { request, target, place, client: 'maps' }
    t.is((await scene.message(`sip:${request}@gmlc.home.example`, 'subscriber-location-report', report, asserted)).status, 403)
    const { client: _, ...information } = report
    t.is((await scene.message(`sip:${request}@maps.home.example`, 'location-information', information, asserted)).status, 403)
  }
  const forged = { request, place }
  t.is(
    (await scene.message(`sip:${request}@sgsn.home.example`, 'ran-location-report', forged, 'sip:ran@home.example')).status,
    481,
  )
})

test('bad input: 400 names what is wrong', async (t) => {
  const scene = await CoreScene.open()
  const answer = await scene.message('sip:sgsn@home.example', 'mo-lr', { client: 'a b' }, 'sip:alice@home.example')
  t.is(answer.status, 400)
  t.regex(answer.text('Warning') ?? '', /\/client/)
})
