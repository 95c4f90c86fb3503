/** Requests of types area and moved (SPEC §8.2, §8.7), watched by the core network, and by landmarks for coarse askers (SPEC §8.6). */
import test from 'ava'
import type { LocationRequest, PrivacyProfileRule } from '../../../elements/schemas/types.ts'
import { CoreScene } from '../core-network/scene.ts'
import { alice, bobs, changesProfile, radii, withPlayedCore } from './waiting-scene.ts'

type Notified = Awaited<ReturnType<CoreScene['locate']>>['notified']

const [home, away] = [
  [13.405, 52.52],
  [13.45, 52.52], // 3 km east
] as const
const circle = (radius: number) => ({ type: 'Point' as const, coordinates: [...home] as [number, number], radius })
const crossing: Partial<LocationRequest> = { type: 'area', area: circle(1000), on: ['enter', 'leave'], repeat: 'each' }

/** State and event of each document, such as `outside leave`. */
function events(notified: Notified): readonly string[] {
  return notified.flatMap(({ body }) => {
    const [, state] = /<px:state>(\w+)/.exec(body) ?? []
    const [, event] = /<px:event>(\w+)/.exec(body) ?? []
    return state === undefined ? [] : [[state, ...(event === undefined ? [] : [event])].join(' ')]
  })
}

async function watching(rule: PrivacyProfileRule, wishes: Partial<LocationRequest>, from: readonly [number, number] = away) {
  const scene = await CoreScene.open()
  await scene.moves(...(from as [number, number]))
  await changesProfile(scene, rule)
  const asked = await scene.locate('bob', alice, wishes, 86_400)
  await scene.pass(5)
  return { scene, asked }
}

test('V30: area: the first state, then enter and leave each time, with the place; over a restart', async (t) => {
  const { asked, scene } = await watching(bobs, crossing)
  t.deepEqual(events(asked.notified), ['outside'])
  await scene.moves(...home)
  await scene.pass(150)
  t.deepEqual(events(asked.notified), ['outside', 'inside enter'])
  await scene.restart()
  await scene.pass(300)
  await scene.moves(...away)
  await scene.pass(150)
  t.deepEqual([...new Set(events(asked.notified))], ['outside', 'inside enter', 'outside leave'])
  t.true(radii(asked.notified).length >= 3)
})

test('V30: area, once: its first event ends it everywhere; event alone: no place', async (t) => {
  const { asked, scene } = await watching(bobs, { ...crossing, repeat: 'once', report: 'event' })
  await scene.moves(...home)
  await scene.pass(150)
  t.deepEqual(events(asked.notified), ['outside', 'inside enter'])
  t.deepEqual(radii(asked.notified), [])
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=noresource/)
  t.is(scene.metric('gmlc_requests_waiting'), 0)
  t.is(scene.metric('sgsn_requests_waiting'), 0)
})

test('V30: area: inside at first is event inside, and minInterval withholds', async (t) => {
  const { asked, scene } = await watching(bobs, { ...crossing, on: ['inside', 'leave'], minInterval: 600 }, home)
  t.deepEqual(events(asked.notified), ['inside inside'])
  await scene.moves(...away)
  await scene.pass(300)
  t.deepEqual(events(asked.notified), ['inside inside'])
  await scene.pass(400)
  t.deepEqual(events(asked.notified), ['inside inside', 'outside leave'])
})

test('moved: the first place, and each time when it is so far from the last one told', async (t) => {
  const { asked, scene } = await watching(bobs, { type: 'moved', distance: 2000, repeat: 'each' }, home)
  t.is(radii(asked.notified).length, 1)
  await scene.pass(600)
  t.is(radii(asked.notified).length, 1)
  await scene.moves(...away)
  await scene.pass(130)
  t.is(radii(asked.notified).length, 2)
  await scene.pass(600)
  t.is(radii(asked.notified).length, 2)
})

test('moved, once: it ends with the first move', async (t) => {
  const { asked, scene } = await watching(bobs, { type: 'moved', distance: 2000, repeat: 'once' }, home)
  await scene.moves(...away)
  await scene.pass(130)
  t.is(radii(asked.notified).length, 2)
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=noresource/)
})

test('a coarse asker of an area hears of landmarks alone: nothing while the target stays near its own', async (t) => {
  const coarse = { ...bobs, precision: 10_000 } as const
  const { asked, scene } = await watching(coarse, { ...crossing, area: circle(500) }, home)
  const first = events(asked.notified)
  t.is(first.length, 1)
  for (const [longitude, latitude] of [away, [13.39, 52.53], home] as const) {
    await scene.moves(longitude, latitude)
    await scene.pass(200)
  }
  t.deepEqual(events(asked.notified), first)
  await scene.moves(15, 53)
  await scene.pass(200)
  const { length } = events(asked.notified)
  t.true(length <= 2)
  t.true(radii(asked.notified).every((radius) => radius === '11000'))
})

test('a coarse asker of moves by a metre hears when the landmark is another', async (t) => {
  const { asked, scene } = await watching({ ...bobs, precision: 10_000 }, { type: 'moved', distance: 1, repeat: 'each' }, home)
  for (let step = 0; step < 6; step++) {
    await scene.moves(home[0] + step * 0.005, home[1])
    await scene.pass(130)
  }
  t.is(radii(asked.notified).length, 1)
  await scene.moves(14, 53)
  await scene.pass(130)
  t.is(radii(asked.notified).length, 2)
})

test('events alone: what the rule allows without a precision, from landmarks of a kilometre', async (t) => {
  const { precision: _, ...rule } = bobs
  const { asked, scene } = await watching({ ...rule, events: true }, { ...crossing, area: circle(20_000) }, [15, 53])
  t.deepEqual(events(asked.notified), ['outside'])
  await scene.moves(...home)
  await scene.pass(150)
  t.deepEqual(events(asked.notified), ['outside', 'inside enter'])
  t.deepEqual(radii(asked.notified), [])
  const place = await scene.locate('bob', alice, {})
  await scene.pass(1)
  t.is(place.notified.at(-1)!.state, 'terminated;reason=rejected')
})

test('the core network is asked for the area by who may know exactly, for moves by a tenth of the width by others', async (t) => {
  const [scene, core] = await withPlayedCore()
  await scene.locate('bob', alice, crossing, 3600)
  t.like(core.requests[0], { type: 'area', on: ['enter', 'leave'] })
  t.is(await changesProfile(scene, { ...bobs, precision: 10_000 }), 200)
  await scene.pass(1)
  t.like(core.requests[1], { type: 'moved', distance: 1000, request: core.requests[0]!.request })
  t.is(core.requests[1]!.area, undefined)
  t.is(await changesProfile(scene, bobs), 200)
  await scene.pass(1)
  t.like(core.requests[2], { type: 'area' })
  t.is(core.cancels.length, 0)
})

test('an area that has got coarser meanwhile: nothing exact is told from the 200 on', async (t) => {
  const { asked, scene } = await watching(bobs, crossing)
  t.is(await changesProfile(scene, { ...bobs, precision: 10_000 }), 200)
  const before = radii(asked.notified).length
  await scene.moves(...home)
  await scene.pass(300)
  t.true(
    radii(asked.notified)
      .slice(before)
      .every((radius) => radius === '11000'),
  )
})

test('a rule about a place: an event that may not be told ends nothing, though it was to be the only one', async (t) => {
  const office = { type: 'Point' as const, coordinates: [2.35, 48.85] as [number, number], radius: 1000 }
  const { asked, scene } = await watching({ ...bobs, in: office }, { ...crossing, on: ['enter'], repeat: 'once' })
  await scene.moves(...home)
  await scene.pass(300)
  t.deepEqual(events(asked.notified), [])
  t.regex(asked.notified.at(-1)!.state, /^active/)
  t.is(await changesProfile(scene, bobs), 200)
  await scene.moves(...away)
  await scene.pass(200)
  await scene.moves(...home)
  await scene.pass(200)
  t.is(events(asked.notified).at(-1), 'inside enter')
  t.regex(asked.notified.at(-1)!.state, /^terminated;reason=noresource/)
})

test('a coarse asker hears no repeats by which moves within a landmark could be told', async (t) => {
  const terms = { ...crossing, area: circle(20_000), maxInterval: 60 }
  const { asked, scene } = await watching({ ...bobs, precision: 10_000 }, terms, home)
  for (let step = 0; step < 10; step++) {
    await scene.moves(home[0] + (step % 2) * 0.03, home[1])
    await scene.pass(130)
  }
  t.is(events(asked.notified).length, 1)
})

test('what cannot be watched is refused with the member that is at fault', async (t) => {
  const scene = await CoreScene.open()
  const refused = async (wishes: Partial<LocationRequest>) => {
    const { status, warning = '' } = await scene.locate('bob', alice, wishes, 600)
    return `${status} ${/"(\S+)/.exec(warning)?.[1]}`
  }
  t.is(await refused({ ...crossing, repeat: undefined as never }), '400 /repeat')
  t.is(await refused({ type: 'area', repeat: 'once', on: ['enter'] }), '400 /area')
  t.is(await refused({ ...crossing, on: undefined as never }), '400 /on')
  t.is(await refused({ ...crossing, area: { ...circle(0) } }), '400 /area/radius')
  t.is(await refused({ type: 'moved', repeat: 'each' }), '400 /distance')
  t.is(await refused({ ...crossing, maxInterval: 1 }), '400 /maxInterval')
  const ring = Array.from({ length: 200 }, (_, i): [number, number] => [Math.cos(i / 32), Math.sin(i / 32)])
  t.is(await refused({ ...crossing, area: { type: 'Polygon', coordinates: [[...ring, ring[0]!]] } }), '400 /area/coordinates')
})
