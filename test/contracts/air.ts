/** What every medium does (SPEC §7). Run it over each implementation. */
import type { TestFn } from 'ava'
import type { Air, HeardBroadcast } from '../../elements/air/index.ts'

/** Two ends of one medium, `far` out of reach of both where there is such a thing; ends may be the same object. */
export interface AirUnderTest {
  readonly one: Air
  readonly other: Air
  /** Milliseconds in which whatever can be heard is heard. */
  readonly period: number
  /** Puts a device where the others are. */
  place(device: string): void
  advance(ms: number): Promise<void>
}

const first = 'a'.repeat(46)
const second = 'b'.repeat(46)

export function airContract(test: TestFn, name: string, open: () => AirUnderTest): void {
  const listen = (air: Air, device: string) => {
    const heard: HeardBroadcast[] = []
    const stop = air.hear(device, (one) => heard.push(one))
    return { heard, stop, codes: () => [...new Set(heard.map(({ code }) => code))] }
  }
  const scene = () => {
    const medium = open()
    for (const device of ['ann', 'ben', 'cat']) medium.place(device)
    return medium
  }

  test(`${name}: a code is heard within a period, with strength and time, and again in each`, async (t) => {
    const { one, other, period, advance } = scene()
    const ben = listen(other, 'ben')
    one.announce('ann', first)
    await advance(period * 2)
    t.deepEqual(ben.codes(), [first])
    t.true(Number.isFinite(ben.heard[0]!.rssi))
    t.is(new Date(ben.heard[0]!.at).getUTCFullYear(), 2026)
    const count = ben.heard.length
    await advance(period * 3)
    t.true(ben.heard.length >= count + 3)
    t.true(ben.heard.at(-1)!.at > ben.heard[0]!.at)
  })

  test(`${name}: who answers a challenge is confirmed`, async (t) => {
    const { one, other, period, advance } = scene()
    const ben = listen(other, 'ben')
    one.announce('ann', first)
    await advance(period * 3)
    t.true(ben.heard.at(-1)!.confirmed)
  })

  test(`${name}: several devices at either end hear each other, and nobody itself`, async (t) => {
    const { one, other, period, advance } = scene()
    const ann = listen(one, 'ann')
    const ben = listen(other, 'ben')
    const cat = listen(one, 'cat')
    one.announce('ann', first)
    other.announce('ben', second)
    await advance(period * 2)
    t.deepEqual(ann.codes(), [second])
    t.deepEqual(ben.codes(), [first])
    t.deepEqual(cat.codes().sort(), [first, second])
  })

  test(`${name}: a new code takes the place of the old one; undefined is silence`, async (t) => {
    const { one, other, period, advance } = scene()
    const ben = listen(other, 'ben')
    one.announce('ann', first)
    await advance(period * 2)
    one.announce('ann', second)
    await advance(period * 2)
    ben.heard.length = 0
    await advance(period * 2)
    t.deepEqual(ben.codes(), [second])
    one.announce('ann', undefined)
    await advance(period)
    ben.heard.length = 0
    await advance(period * 2)
    t.deepEqual(ben.codes(), [])
  })

  test(`${name}: who stops listening hears nothing, others go on`, async (t) => {
    const { one, other, period, advance } = scene()
    const ben = listen(other, 'ben')
    const also = listen(other, 'ben')
    one.announce('ann', first)
    await advance(period * 2)
    t.is(ben.heard.length, also.heard.length)
    ben.stop()
    ben.stop()
    ben.heard.length = 0
    also.heard.length = 0
    await advance(period * 2)
    t.is(ben.heard.length, 0)
    t.true(also.heard.length > 0)
  })

  test(`${name}: a listener may stop, start and announce while it is told`, async (t) => {
    const { one, other, period, advance } = scene()
    const cat = listen(one, 'cat')
    const stop = other.hear('ben', () => {
      stop()
      other.announce('ben', second)
    })
    one.announce('ann', first)
    await advance(period * 4)
    t.deepEqual(cat.codes().sort(), [first, second])
  })

  test(`${name}: closed is silent and deaf`, async (t) => {
    const { one, other, period, advance } = scene()
    const ben = listen(other, 'ben')
    one.announce('ann', first)
    one.close()
    one.announce('ann', first)
    await advance(period * 2)
    t.is(ben.heard.length, 0)
    other.close()
    one.close()
    t.pass()
  })
}
