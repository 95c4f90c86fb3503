/** Requests that wait, between GMLC and core network (SPEC §8.2, §8.3): reports taken once, and cancelled at both. */
import test from 'ava'
import type { Place } from '../../../elements/schemas/types.ts'
import { CoreScene } from '../core-network/scene.ts'
import { alice, bobs, changesProfile, radii, withPlayedCore } from './waiting-scene.ts'

test('VF5: killed while it cancels: what a profile ended stays ended, and is cancelled at the core network', async (t) => {
  for (let step = 0; step < 12; step++) {
    const scene = await CoreScene.open()
    const asked = await scene.locate('bob', alice, { type: 'periodic', period: 1 }, 600)
    await scene.pass(2)
    const change = changesProfile(scene)
    await scene.lab.clock.advance(step)
    await scene.restart()
    t.is(await change.catch(() => changesProfile(scene)), 200)
    const before = radii(asked.notified).length
    await scene.pass(60)
    t.is(radii(asked.notified).length, before, `killed after ${step} ms`)
    t.regex(asked.notified.at(-1)!.state, /^terminated;reason=(?:rejected|deactivated)/)
    t.is(scene.metric('gmlc_requests_waiting'), 0)
    t.is(scene.metric('sgsn_requests_waiting'), 0)
  }
})

test('V19, V20: what a change ends is cancelled in one message, and nothing is sent about what goes on', async (t) => {
  const [scene, core] = await withPlayedCore()
  await changesProfile(scene, bobs, { ...bobs, id: 'carol', who: { one: ['sip:carol@home.example'] } })
  for (let count = 0; count < 60; count++) await scene.locate('bob', alice, { type: 'periodic', period: 600 }, 3600)
  for (let count = 0; count < 5; count++) await scene.locate('carol', alice, { type: 'periodic', period: 600 }, 3600)
  t.is(core.requests.length, 65)
  t.is(await changesProfile(scene, { ...bobs, who: { one: ['sip:carol@home.example'] } }), 200)
  await scene.pass(5)
  t.is(core.requests.length, 65)
  t.is(core.cancels.length, 1)
  const [cancel] = core.cancels
  t.like(cancel, { target: alice, cause: 'privacy' })
  t.deepEqual(
    cancel!.requests.toSorted(),
    core.requests
      .filter(({ requestor }) => requestor === 'sip:bob@home.example')
      .map(({ request }) => request)
      .toSorted(),
  )
  t.is(scene.metric('gmlc_requests_waiting'), 5)
})

test('the core network is down while it is to cancel: the asker hears in two seconds, and it is told until it has heard', async (t) => {
  const [scene, core] = await withPlayedCore()
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 600 }, 3600)
  core.status = 503
  t.is(await changesProfile(scene), 200)
  await scene.pass(2.5)
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=rejected/)
  await scene.pass(600)
  t.is(scene.metric('gmlc_requests_waiting'), 1)
  const { request } = core.requests[0]!
  const report = { request, seq: 1, state: 'report', cause: 'position-failed', at: '2026-11-22T10:00:00Z' } as const
  t.is((await scene.message(`sip:${request}@gmlc.home.example`, 'lcs-report', report, 'sip:core@home.example')).status, 481)
  core.status = 202
  await scene.pass(70)
  t.is(core.cancels.length, 1)
  t.is(scene.metric('gmlc_requests_waiting'), 0)
})

test('a report is told once however often it comes, and of a core network alone', async (t) => {
  const [scene, core] = await withPlayedCore()
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 600 }, 3600)
  const { request } = core.requests[0]!
  const coordinates: [number, number] = [13.4, 52.5]
  const place: Place = { point: { type: 'Point', coordinates }, radius: 30, at: '2026-11-22T10:00:00Z' }
  const report = { request, seq: 1, state: 'report', place, at: '2026-11-22T10:00:00Z' } as const
  const reports = async (asserted: string): Promise<number> =>
    (await scene.message(`sip:${request}@gmlc.home.example`, 'lcs-report', report, asserted)).status
  t.is(await reports('sip:carol@home.example'), 403)
  for (let time = 0; time < 3; time++) t.is(await reports('sip:core@home.example'), 200)
  await scene.pass(5)
  t.is(radii(asked.notified).length, 1)
})

test('VF7, L8: the core network counts what it does not know as ended, and ends nothing for anybody but who asked', async (t) => {
  const scene = await CoreScene.open()
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 10 }, 600)
  await scene.pass(2)
  const request = /id="(lr-[^"]+)"/.exec(asked.notified.at(-1)!.body)![1]!
  const cancels = async (asserted: string, requests: readonly string[], target = alice): Promise<number> =>
    (await scene.message('sip:t-x@sgsn.home.example', 'lcs-cancel', { target, cause: 'client', requests }, asserted)).status
  t.is(await cancels('sip:carol@home.example', [request]), 403)
  t.is(await cancels('sip:gmlc@home.example', [request], 'sip:bob@home.example'), 403)
  t.is(await cancels('sip:gmlc@home.example', [`lr-${'x'.repeat(22)}`]), 202)
  t.is(scene.metric('sgsn_requests_waiting'), 1)
  t.is(await cancels('sip:gmlc@home.example', [request]), 202)
  t.is(scene.metric('sgsn_requests_waiting'), 0)
})

test('the answer to an earlier NOTIFY is none to the place that follows it', async (t) => {
  const [scene, core] = await withPlayedCore()
  let isHeld = true
  scene.answers = ({ body }) => (String(body).includes('<note') ? !isHeld : !String(body).includes('>30<'))
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 600 }, 3600)
  const { request } = core.requests[0]!
  const coordinates: [number, number] = [13.4, 52.5]
  const place: Place = { point: { type: 'Point', coordinates }, radius: 30, at: '2026-11-22T10:00:00Z' }
  const at = '2026-11-22T10:00:00Z'
  for (const report of [
    { request, seq: 1, state: 'report', cause: 'position-failed', at },
    { request, seq: 2, state: 'report', place, at },
  ] as const)
    t.is((await scene.message(`sip:${request}@gmlc.home.example`, 'lcs-report', report, 'sip:core@home.example')).status, 200)
  await scene.pass(1)
  t.deepEqual(radii(asked.notified), [])
  isHeld = false
  await scene.pass(3)
  t.true(radii(asked.notified).includes('30'), 'the place is being sent')
  t.is(await changesProfile(scene, { ...bobs, precision: 10_000 }), 200)
  await scene.pass(20)
  const all = radii(asked.notified)
  t.deepEqual([...new Set(all.slice(all.indexOf('11000')))], ['11000'])
})

test('V10: a request that has lived its time is cancelled as expired', async (t) => {
  const [scene, core] = await withPlayedCore()
  await scene.locate('bob', alice, { type: 'periodic', period: 600 }, 20)
  await scene.pass(5)
  await scene.restart()
  await scene.pass(30)
  t.like(core.cancels[0], { cause: 'expired' })
})

test('a periodic request: a failed report is a note, and what was missed is left out', async (t) => {
  const [scene, core] = await withPlayedCore()
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 600 }, 3600)
  const { request } = core.requests[0]!
  const report = { request, seq: 1, state: 'report', cause: 'position-timeout', at: '2026-11-22T10:00:00Z' } as const
  t.is((await scene.message(`sip:${request}@gmlc.home.example`, 'lcs-report', report, 'sip:core@home.example')).status, 200)
  await scene.pass(1)
  t.regex(asked.notified.at(-1)!.body, /<note[^>]*>lr-[\w-]{22}: position-timeout</)
  t.regex(asked.notified.at(-1)!.state, /^active/)
})
