/** How devices are to report what they hear (SPEC §3.2): how often, confirmed or not, and by which clock. */
import test from 'ava'
import { rulesOf } from '../../../elements/prose/settings.ts'
import type { ProseMatch, ProseState, ProximityList } from '../../../elements/schemas/index.ts'
import { type AgentBody, type NotifiedState, Ue, type UserAgent, type WatchListener } from '../../../elements/ue/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { json } from '../../support/requests.ts'
import { codeOf, names, type Scene, scene, service, sip, stateOf } from './scene.ts'

test('a discoverer is told when to report a code again, nobody else is', async (t) => {
  const net = await scene({ report: { refresh: 5 } })
  t.deepEqual(stateOf(await net.join('alice')).report, { refresh: 5 })
  t.is(stateOf(await net.join('carol')).report, undefined)
  t.deepEqual(stateOf(await (await scene({ report: { confirmed: true } })).join('alice')).report, {
    refresh: 20,
    confirmed: true,
  })
})

test('an entry outlives its refresh, whichever of the two is set', (t) => {
  const of = (settings: object) => {
    const { refresh, entryLifetime } = rulesOf(settings)
    return [refresh, entryLifetime]
  }
  t.deepEqual(of({}), [20, 60_000])
  t.deepEqual(of({ report: { refresh: 5 } }), [5, 15_000])
  t.deepEqual(of({ lifetime: 15 }), [5, 15_000])
  t.deepEqual(of({ lifetime: 600 }), [20, 600_000])
  t.deepEqual(of({ lifetime: 15, report: { refresh: 20 } }), [5, 15_000])
  t.deepEqual(of({ lifetime: 30, report: { refresh: 20 } }), [20, 30_000])
})

/** A UE whose server grants what is told, and which hears the same code each second. */
function listening(report: ProseState['report'], own?: { refresh: number }) {
  const clock = new ManualClock()
  const sent: ProseMatch[] = []
  let listener: WatchListener | undefined
  const agent = {
    identity: sip('alice'),
    subscribe: (_: unknown, to: WatchListener) => {
      listener = to
      return { unsubscribe: () => undefined, refresh: () => undefined }
    },
    message: async (_: string, body: AgentBody) => {
      sent.push(JSON.parse(String(body.content)) as ProseMatch)
      return { status: 200 }
    },
    stop: async () => undefined,
  } as unknown as UserAgent
  const ue = new Ue({ agent, clock, ...(own === undefined ? {} : { report: own }) })
  void ue.requestProximity(['discoverer'])
  const state: ProseState = {
    version: 1,
    device: sip('alice'),
    roles: ['discoverer'],
    monitor: { mode: 'all', codes: [] },
    report,
  }
  const body = json('prose-state', state)
  const notified = {
    state: 'active',
    reason: undefined,
    body: Buffer.from(String(body.content)),
    contentType: body.type,
    text: () => undefined,
  }
  listener!.notified(notified as unknown as NotifiedState)
  const hears = async (seconds: number, confirmed?: boolean): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      ue.hearBroadcast({ code: '0'.repeat(46), at: clock.date(), ...(confirmed === undefined ? {} : { confirmed }) })
      await clock.advance(1000)
    }
  }
  return { sent, hears }
}

test('a UE reports as often as the server says, or oftener', async (t) => {
  for (const [granted, own, reports] of [
    [{ refresh: 5 }, undefined, 8],
    [{ refresh: 20 }, undefined, 2],
    [undefined, undefined, 2],
    [{ refresh: 20 }, { refresh: 5 }, 8],
    [{ refresh: 5 }, { refresh: 20 }, 8],
  ] as const) {
    const { sent, hears } = listening(granted, own)
    await hears(40)
    t.is(sent.length, reports, JSON.stringify([granted, own]))
    t.true(sent.every(({ sent: at }) => at !== undefined))
  }
})

test('a UE reports what is confirmed alone where that is demanded', async (t) => {
  const { sent, hears } = listening({ refresh: 5, confirmed: true })
  await hears(10)
  await hears(10, false)
  t.is(sent.length, 0)
  await hears(2, true)
  t.true(sent[0]!.heard[0]!.confirmed)
})

// ---- the server

const match = (net: Scene, user: string, body: object) =>
  net.ask('MESSAGE', service, { asserted: sip(user), body: json('prose-match', body) })

test('confirmed demanded: what is not does not count, and the Warning says so', async (t) => {
  const net = await scene({ report: { confirmed: true } })
  const [alice, carol] = [codeOf(await net.join('alice')), codeOf(await net.join('carol'))]
  await net.join('bob')
  const at = new Date(net.network.clock.date()).toISOString()
  for (const confirmed of [undefined, false]) {
    const refused = await match(net, 'bob', { heard: [{ code: alice, at, ...(confirmed === undefined ? {} : { confirmed }) }] })
    t.is(refused.status, 403)
    t.regex(refused.warning!, /no code is confirmed: challenge who broadcasts/)
  }
  const some = await match(net, 'bob', {
    heard: [
      { code: alice, at, confirmed: true },
      { code: carol, at },
    ],
  })
  t.is(some.status, 200)
  t.is(some.warning, '1 of 2 codes are not confirmed, which this server demands')
  t.deepEqual(names((await net.watch('bob')).last), [sip('alice')])
  const unknown = await match(net, 'bob', { heard: [{ code: '0'.repeat(46), at }] })
  t.is(unknown.status, 404)
})

const time = (ms: number): string => new Date(ms).toISOString()

test('a clock that is wrong, by however much: what a device says that it sends now is heard now', async (t) => {
  for (const wrong of [-86_400_000, -600_000, -70_000, -30_000, 5000, 3_600_000]) {
    const net = await scene({ report: { refresh: 20 } })
    const code = codeOf(await net.join('alice'))
    await net.join('bob')
    const watcher = await net.watch('bob')
    const { clock } = net.network
    for (let i = 0; i < 6; i++) {
      const now = clock.date() + wrong
      const answer = await match(net, 'bob', { heard: [{ code, at: time(now - 500) }], sent: time(now) })
      t.is(answer.status, 200)
      t.is(answer.warning, undefined, `${wrong}`)
      const [entry] = ((await net.watch('bob')).last as ProximityList).proximate
      t.is(entry?.lastHeard, time(clock.date() - 500), `${wrong}`)
      await clock.advance(20_000)
    }
    t.is(watcher.bodies.length, 2, `${wrong}: it came, and has never left`)
  }
})

test('the header field Date says the same', async (t) => {
  const net = await scene()
  const code = codeOf(await net.join('alice'))
  await net.join('bob')
  const slow = net.network.clock.date() - 600_000
  const body = json('prose-match', { heard: [{ code, at: time(slow) }] })
  const { status } = await net.ask('MESSAGE', service, {
    asserted: sip('bob'),
    body,
    lines: [`Date: ${new Date(slow).toUTCString()}`],
  })
  t.is(status, 200)
  t.deepEqual(names((await net.watch('bob')).last), [sip('alice')])
})

test('without either, what does not count is told with a Warning', async (t) => {
  const net = await scene()
  const code = codeOf(await net.join('alice'))
  await net.join('bob')
  const answer = await match(net, 'bob', { heard: [{ code, at: time(net.network.clock.date() - 600_000) }] })
  t.is(answer.status, 200)
  t.regex(answer.warning!, /1 of 1 codes were heard more than 60 s ago/)
})

test('a report that was long under way overtakes nothing, and is no other clock', async (t) => {
  const net = await scene()
  const [alice, carol] = [codeOf(await net.join('alice')), codeOf(await net.join('carol'))]
  await net.join('bob')
  const start = net.network.clock.date()
  const slow = (ms: number): string => time(start + ms - 600_000)
  await match(net, 'bob', { heard: [{ code: alice, at: slow(0) }], sent: slow(0) })
  await net.network.clock.advance(20_000)
  await match(net, 'bob', { heard: [{ code: alice, at: slow(20_000) }], sent: slow(20_000) })
  await match(net, 'bob', { heard: [{ code: carol, at: slow(5000) }], sent: slow(5000) }) // 15 s under way
  const near = ((await net.watch('bob')).last as ProximityList).proximate
  t.deepEqual(
    near.map(({ device, lastHeard }) => [device, lastHeard]),
    [
      [sip('alice'), time(start + 20_000)],
      [sip('carol'), time(start + 5000)],
    ],
  )
  await match(net, 'bob', { heard: [{ code: carol, at: time(start - 3_600_000) }], sent: time(start - 3_600_000) }) // set back
  const [, again] = ((await net.watch('bob')).last as ProximityList).proximate
  t.is(again!.lastHeard, time(start + 20_000))
})
