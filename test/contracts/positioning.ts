/** Contract of positioning systems (SPEC §8.1). Run it over each implementation. */
import type { TestFn } from 'ava'
import type { MeasuredPosition, Positioning } from '../../elements/ran/positioning/positioning.ts'
import { distance, type GeoPoint } from '../../elements/shared/location/sphere.ts'

export interface PositioningUnderTest {
  readonly positioning: Positioning
  /** Puts a target where it then is; undefined: nowhere. */
  place(target: string, point: GeoPoint | undefined): void
  /** Milliseconds since the epoch. */
  now(): number
  /** Lets the answer come. */
  during<Value>(work: Promise<Value>, ms: number): Promise<Value>
}

const target = 'sip:ue1@home.example'
const berlin = { latitude: 52.52, longitude: 13.405 }
const sydney = { latitude: -33.86, longitude: 151.2111 }

export function positioningContract(test: TestFn, name: string, open: () => PositioningUnderTest): void {
  const measured = async (
    system: PositioningUnderTest,
    accuracy?: number,
    within = 15_000,
  ): Promise<MeasuredPosition | undefined> => system.during(system.positioning.measure(target, { accuracy, within }), within)

  test(`${name}: a target that is nowhere cannot be found`, async (t) => {
    const system = open()
    t.is(await measured(system), undefined)
    system.place(target, berlin)
    t.truthy(await measured(system))
    system.place(target, undefined)
    t.is(await measured(system), undefined)
  })

  test(`${name}: it is found where it is, with an error that is told`, async (t) => {
    const system = open()
    for (const point of [berlin, sydney, { latitude: 0, longitude: 180 }, { latitude: 89.9999, longitude: -75 }]) {
      system.place(target, point)
      const before = system.now()
      const found = await measured(system)
      t.true(found !== undefined && distance(found, point) <= 3 * found.radius + 0.001)
      t.true(found!.at >= before && found!.at <= system.now())
      t.true(found!.confidence > 0 && found!.confidence <= 100)
      t.regex(found!.method, /^[\w.-]{1,32}$/)
      t.true(found!.longitude > -180 && found!.longitude <= 180 && Math.abs(found!.latitude) <= 90)
    }
  })

  test(`${name}: as many measurements as it says are as near as it says`, async (t) => {
    const system = open()
    system.place(target, berlin)
    let near = 0
    let confidence = 0
    for (let time = 0; time < 400; time++) {
      const found = (await measured(system))!
      confidence = found.confidence
      if (distance(found, berlin) <= found.radius) near++
    }
    t.true(near >= (confidence - 5) * 4, `${near} of 400 are within the radius, and ${confidence} of 100 should be`)
  })

  test(`${name}: the accuracy that is asked for is met where the time allows it, and the time is kept`, async (t) => {
    const system = open()
    system.place(target, berlin)
    const rough = (await measured(system, 100_000))!
    const fine = (await measured(system, 10, 60_000))!
    t.true(fine.radius <= 10 && fine.radius <= rough.radius)
    const before = system.now()
    let isSettled = false
    const short = system.positioning.measure(target, { accuracy: 1, within: 1000 }).finally(() => {
      isSettled = true
    })
    await system.during(Promise.resolve(), 1000)
    t.true(isSettled, 'in time')
    const found = await short
    t.true(found === undefined || (found.radius >= fine.radius && found.at - before <= 1000))
  })

  test(`${name}: once it has stopped nothing is found, and nothing waits for ever`, async (t) => {
    const system = open()
    system.place(target, berlin)
    const begun = system.positioning.measure(target, { accuracy: undefined, within: 15_000 })
    system.positioning.stop()
    t.is(await system.during(begun, 15_000), undefined)
  })
}
