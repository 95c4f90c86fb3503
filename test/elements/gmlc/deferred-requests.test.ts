/** Requests that wait for something (SPEC §8.2–§8.4): over restarts, cancelled at every stage, and under each change of a profile. */
import test from 'ava'
import { mediaType, writeBody } from '../../../elements/schemas/index.ts'
import type { LcsCancel, LcsRequest, LocationRequest, Place, PrivacyProfileRule } from '../../../elements/schemas/types.ts'
import type { Element, Exchange, Host } from '../../../signalling/index.ts'
import { CoreScene } from '../core-network/scene.ts'

const alice = 'sip:alice@home.example'
const bobs: PrivacyProfileRule = { id: 'bob', who: { one: ['sip:bob@home.example'] }, mode: 'allow', precision: 'exact' }

/** Status of a change of alice's profile. */
async function tells(scene: CoreScene, ...rules: readonly PrivacyProfileRule[]): Promise<number> {
  return (await scene.message('sip:ppr@home.example', 'privacy-profile', { rules }, alice)).status
}

function radii(notified: readonly { readonly body: string }[]): readonly string[] {
  return notified.flatMap(({ body }) => /<gs:radius[^>]*>([\d.]+)</.exec(body)?.[1] ?? [])
}

for (const [what, wishes, expires] of [
  ['a fetch', {}, 0],
  ['a subscription', {}, 600],
  ['a request that waits', { type: 'periodic', period: 30 }, 600],
] as const) {
  test(`VF2: ${what}: a NOTIFY that is not answered is not sent again after the 200 to a profile that forbids it`, async (t) => {
    const scene = await CoreScene.open()
    scene.answers = ({ body }) => !String(body).includes('<gml:pos>')
    const asked = await scene.locate('bob', alice, wishes, expires)
    await scene.pass(2)
    t.true(radii(asked.notified).length > 1, 'it is being sent again')
    t.is(await tells(scene), 200)
    const before = radii(asked.notified).length
    await scene.pass(60)
    t.is(radii(asked.notified).length, before)
    const last = asked.notified.at(-1)!
    t.regex(last.state, /^terminated/)
    t.is(last.body, '')
  })
}

test('a place under way that may be told less exactly is taken back, and told so', async (t) => {
  const scene = await CoreScene.open()
  t.is(await tells(scene, bobs), 200)
  scene.answers = ({ body }) => radii([{ body: String(body) }])[0] !== '100'
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 30 }, 600)
  await scene.pass(2)
  t.true(radii(asked.notified).every((radius) => radius === '100'))
  t.is(await tells(scene, { ...bobs, precision: 10_000 }), 200)
  await scene.pass(20)
  const all = radii(asked.notified)
  t.deepEqual([...new Set(all.slice(all.indexOf('11000')))], ['11000'])
})

test('a change that takes nothing away sends nothing', async (t) => {
  const scene = await CoreScene.open()
  t.is(await tells(scene, bobs), 200)
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 600 }, 3600)
  await scene.pass(5)
  const before = asked.notified.length
  t.is(await tells(scene, bobs, { ...bobs, id: 'carol', who: { one: ['sip:carol@home.example'] } }), 200)
  await scene.pass(60)
  t.is(asked.notified.length, before)
})

test('V6: periodic: count, times, a failed one as a note, and the end; missed ones are left out', async (t) => {
  const scene = await CoreScene.open()
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 10, count: 3 }, 600)
  await scene.pass(100)
  const reports = asked.notified.filter(({ body }) => body !== '')
  t.is(reports.length, 3)
  t.deepEqual(
    reports.slice(1).map(({ at }, index) => Math.round((at - reports[index]!.at) / 1000)),
    [10, 10],
  )
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=noresource/)
  t.is(scene.metric('gmlc_requests_waiting'), 0)
  t.is(scene.metric('sgsn_requests_waiting'), 0)
})

test('V10, V32: it ends with its validity, which is the least of Expires, stop and a day; the core network forgets it', async (t) => {
  const scene = await CoreScene.open()
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 10 }, 25)
  await scene.pass(60)
  t.is(radii(asked.notified).length, 3)
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=timeout/)
  t.is(scene.metric('sgsn_requests_waiting'), 0)
  const stop = new Date(scene.lab.clock.date() + 15_000).toISOString()
  const stopped = await scene.locate('bob', alice, { type: 'at', time: '2027-01-01T00:00:00Z', stop }, 600)
  t.is(stopped.expires, 15)
  await scene.pass(60)
  t.regex(stopped.notified.at(-1)!.state, /^terminated;reason=timeout/)
  t.is((await scene.locate('bob', alice, { type: 'periodic', period: 10 }, 200_000)).expires, 86_400)
})

test('VF10, L9: a request ends at the edge of a rule’s time, with no change of the profile', async (t) => {
  const scene = await CoreScene.open()
  const until = new Date(scene.lab.clock.date() + 20_000).toISOString()
  t.is(await tells(scene, { ...bobs, until }), 200)
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 5 }, 600)
  await scene.pass(60)
  const places = asked.notified.filter(({ body }) => body.includes('<gml:pos>'))
  t.true(places.length >= 3)
  t.true(places.every(({ at }) => at < Date.parse(until)))
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=rejected/)
  t.is(scene.metric('sgsn_requests_waiting'), 0)
})

test('V28, VF11: outside the place that a rule names reports are withheld; the request lives, and its asker sees no sign', async (t) => {
  const scene = await CoreScene.open()
  const far = { type: 'Point', coordinates: [2.35, 48.85], radius: 1000 } as const
  t.is(await tells(scene, { ...bobs, in: far }), 200)
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 5 }, 600)
  await scene.pass(30)
  t.deepEqual(radii(asked.notified), [])
  t.is(await tells(scene, { ...bobs, in: { ...far, coordinates: [13.405, 52.52] } }), 200)
  await scene.pass(10)
  t.true(radii(asked.notified).length >= 1)
})

test('V27: the target is asked about a request that waits; its no ends it', async (t) => {
  const scene = await CoreScene.open()
  t.is(await tells(scene, { ...bobs, mode: 'ask-deny' }), 200)
  const asked = await scene.locate('bob', alice, { type: 'periodic', period: 5 }, 600)
  await scene.pass(290)
  t.regex(asked.notified.at(-1)!.state, /^pending/)
  t.is(scene.ues.bodies('privacy-ask').length, 1)
  await scene.pass(20)
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=rejected/)
  const again = await scene.locate('bob', alice, { type: 'periodic', period: 5 }, 600)
  await scene.pass(100)
  const { question } = scene.ues.bodies('privacy-ask').at(-1)!
  t.is((await scene.message('sip:gmlc@home.example', 'privacy-answer', { question, answer: 'allow' }, alice)).status, 200)
  await scene.pass(30)
  t.true(radii(again.notified).length > 4)
  t.is(scene.ues.bodies('privacy-ask').length, 2)
})

test('wishes that make no sense are refused with the member that is at fault', async (t) => {
  const scene = await CoreScene.open()
  const refused = async (wishes: Partial<LocationRequest>, expires = 600) => {
    const { status, warning = '' } = await scene.locate('bob', alice, wishes, expires)
    return `${status} ${/"(\S+)/.exec(warning)?.[1]}`
  }
  t.is(await refused({ type: 'at' }), '400 /time')
  t.is(await refused({ type: 'available' }), '400 /on')
  t.is(await refused({ type: 'periodic' }), '400 /period')
  t.is(await refused({ type: 'periodic', period: 10, stop: '2020-01-01T00:00:00Z' }), '400 /stop')
  t.is(await refused({ type: 'area' }), '400 /type')
  t.is(await refused({ type: 'periodic', period: 10 }, 0), '400 /type')
})

for (const [what, wishes, reports] of [
  ['at', { type: 'at', time: '2026-01-01T00:00:00Z' }, 1],
  ['periodic', { type: 'periodic', period: 1, count: 2 }, 2],
] as const) {
  test(`killed at any time: ${what}: each report is told, and nothing is left behind`, async (t) => {
    for (let step = 0; step < 24; step++) {
      const scene = await CoreScene.open()
      const asked = await scene.locate('bob', alice, wishes, 600)
      await scene.lab.clock.advance(step * 5)
      await scene.restart()
      await scene.pass(40)
      const documents = new Set(asked.notified.flatMap(({ body }) => (body.includes('<gml:pos>') ? [body] : [])))
      t.is(documents.size, reports, `restarted after ${step * 5} ms`)
      t.regex(asked.notified.at(-1)!.state, /^terminated;reason=noresource/)
      t.is(scene.metric('gmlc_requests_waiting'), 0)
      t.is(scene.metric('sgsn_requests_waiting'), 0)
    }
  })
}

test('VF5: killed while it cancels: what a profile ended stays ended, and is cancelled at the core network', async (t) => {
  for (let step = 0; step < 12; step++) {
    const scene = await CoreScene.open()
    const asked = await scene.locate('bob', alice, { type: 'periodic', period: 1 }, 600)
    await scene.pass(2)
    const change = tells(scene)
    await scene.lab.clock.advance(step)
    await scene.restart()
    t.is(await change.catch(() => tells(scene)), 200)
    const before = radii(asked.notified).length
    await scene.pass(60)
    t.is(radii(asked.notified).length, before, `killed after ${step} ms`)
    t.regex(asked.notified.at(-1)!.state, /^terminated;reason=(?:rejected|deactivated)/)
    t.is(scene.metric('gmlc_requests_waiting'), 0)
    t.is(scene.metric('sgsn_requests_waiting'), 0)
  }
})

/** A core network that takes requests, and does as the test says. */
class PlayedCore implements Element {
  readonly name = 'core'
  readonly claims = [{ method: 'MESSAGE', label: 'core' }]
  readonly requests: LcsRequest[] = []
  readonly cancels: LcsCancel[] = []
  /** Status of its answers. */
  status = 202
  /** Whether it says that it has cancelled. */
  confirms = true
  private host!: Host

  start(host: Host): void {
    this.host = host
  }
  handle(exchange: Exchange): void {
    const { body, callId, contentType } = exchange.request
    exchange.reply(this.status)
    if (this.status >= 300) return
    const value: unknown = JSON.parse(String(body))
    if (contentType === mediaType('lcs-request')) this.requests.push(value as LcsRequest)
    else {
      const cancel = value as LcsCancel
      this.cancels.push(cancel)
      if (this.confirms)
        this.say('lcs-cancelled', { cancelled: cancel.requests, unknown: [], waiting: [] }, [['In-Reply-To', callId]])
    }
  }
  say(...[name, value, headers]: [...Parameters<typeof writeBody>, (readonly (readonly [string, string])[])?]): void {
    void this.host.send({
      method: 'MESSAGE',
      to: 'sip:x@gmlc.home.example',
      asserted: this.host.uri,
      body: writeBody(name, value),
      ...(headers === undefined ? {} : { headers }),
    })
  }
}

async function withPlayedCore(): Promise<readonly [CoreScene, PlayedCore]> {
  const core = new PlayedCore()
  const scene = await CoreScene.open(undefined, core)
  scene.gmlc = { cores: ['core'] }
  await scene.restart()
  await tells(scene, bobs)
  return [scene, core]
}

test('V19, V20: what a change ends is cancelled in one message, and nothing is sent about what goes on', async (t) => {
  const [scene, core] = await withPlayedCore()
  await tells(scene, bobs, { ...bobs, id: 'carol', who: { one: ['sip:carol@home.example'] } })
  for (let count = 0; count < 60; count++) await scene.locate('bob', alice, { type: 'periodic', period: 600 }, 3600)
  for (let count = 0; count < 5; count++) await scene.locate('carol', alice, { type: 'periodic', period: 600 }, 3600)
  t.is(core.requests.length, 65)
  t.is(await tells(scene, { ...bobs, who: { one: ['sip:carol@home.example'] } }), 200)
  await scene.pass(5)
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
  t.is(await tells(scene), 200)
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
