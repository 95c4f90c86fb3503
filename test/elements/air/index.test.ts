/** What only one of the media has: distance, load, and forged frames. */
import test from 'ava'
import { type HeardBroadcast, memoryLink, metresBetween, multicastAir, simulatedAir } from '../../../elements/air/index.ts'
import { seal } from '../../../signalling/index.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'
import { joinMulticast } from '../../../signalling/tools.ts'

const code = (i: number): string => i.toString(16).padStart(46, '0')
const berlin = { latitude: 52.52, longitude: 13.405 }

test('distance: a degree of latitude, shrinking longitude, the date line', (t) => {
  t.true(Math.abs(metresBetween(berlin, { ...berlin, latitude: 53.52 }) - 111_195) < 200)
  t.true(Math.abs(metresBetween(berlin, { ...berlin, longitude: 14.405 }) - 67_660) < 300)
  t.true(metresBetween({ latitude: 0, longitude: 179.999 }, { latitude: 0, longitude: -179.999 }) < 230)
})

/** Whether a device that far north or east of another, at that place, hears it. */
async function hears(from: { latitude: number; longitude: number }, to: { latitude: number; longitude: number }) {
  const clock = new ManualClock()
  const air = simulatedAir({ clock })
  const heard: HeardBroadcast[] = []
  air.move('ann', from)
  air.move('ben', to)
  air.announce('ann', code(1))
  air.hear('ben', (one) => heard.push(one))
  await clock.advance(1000)
  return heard[0]?.rssi
}

test('simulated: heard to some 500 m, weaker with distance', async (t) => {
  const north = (metres: number) => ({ ...berlin, latitude: berlin.latitude + metres / 111_195 })
  const near = await hears(berlin, north(10))
  const far = await hears(berlin, north(490))
  t.is(near, -50.5)
  t.true(far! < -109 && far! >= -110)
  t.is(await hears(berlin, north(520)), undefined)
})

test('simulated: across cells, the date line, and near the poles', async (t) => {
  for (const latitude of [0, 52.52, -33.9, 84, -89.95]) {
    for (const longitude of [0, 13.405, 179.9999, -180]) {
      for (const turn of [0, 1, 2, 3, 4, 5, 6, 7]) {
        const angle = (turn * Math.PI) / 4
        const shrink = Math.cos((latitude * Math.PI) / 180)
        const to = {
          latitude: latitude + (Math.cos(angle) * 450) / 111_195,
          longitude: longitude + (Math.sin(angle) * 450) / 111_195 / shrink,
        }
        const from = { latitude, longitude }
        if (metresBetween(from, to) < 490) t.not(await hears(from, to), undefined, JSON.stringify({ from, to }))
      }
    }
  }
})

test('simulated: devices move in and out of range, and off the map', async (t) => {
  const clock = new ManualClock()
  const air = simulatedAir({ clock, period: 100, propagation: { threshold: -80 } })
  let count = 0
  air.announce('ann', code(1))
  air.hear('ben', () => count++)
  await clock.advance(100)
  t.is(count, 0)
  air.move('ann', berlin)
  air.move('ben', berlin)
  await clock.advance(100)
  t.is(count, 1)
  air.move('ben', { ...berlin, longitude: 14 })
  await clock.advance(100)
  t.is(count, 1)
  air.move('ann', { ...berlin, longitude: 14 })
  await clock.advance(100)
  t.is(count, 2)
  air.move('ann', undefined)
  await clock.advance(100)
  t.is(count, 2)
})

test('simulated: agrees with asking everybody, and nobody listens for nothing', async (t) => {
  const clock = new ManualClock()
  const ids = seededIds(11)
  const air = simulatedAir({ clock })
  const places = Array.from({ length: 400 }, () => ({
    latitude: berlin.latitude + ids.fraction() * 0.03,
    longitude: berlin.longitude + ids.fraction() * 0.05,
  }))
  const heard = places.map(() => new Set<string>())
  for (const [i, place] of places.entries()) {
    air.move(`u${i}`, place)
    air.announce(`u${i}`, code(i))
    air.hear(`u${i}`, (one) => heard[i]!.add(one.code))
  }
  await clock.advance(1000)
  for (const [i, place] of places.entries()) {
    const near = places.flatMap((other, j) => (j !== i && metresBetween(place, other) <= air.range ? [code(j)] : []))
    t.deepEqual([...heard[i]!].sort(), near.sort())
  }
  air.close()
  t.is(clock.nextDue, undefined)
})

test('multicast: noise, forged answers and foreign keys confirm nothing', async (t) => {
  const clock = new ManualClock()
  const link = memoryLink(clock)
  const ids = seededIds(5)
  const air = multicastAir({ link: link(), clock, ids, seal })
  const attacker = link()
  const seen: string[] = []
  attacker.onMessage((bytes) => seen.push(Buffer.from(bytes).toString()))
  const send = async (frame: unknown) => {
    attacker.send(Buffer.from(typeof frame === 'string' ? frame : JSON.stringify(frame)))
    await clock.settle()
  }
  const heard: HeardBroadcast[] = []
  air.hear('ben', (one) => heard.push(one))
  const noise = [
    '{',
    '[]',
    'null',
    '{"beacons":[null,1,{}]}',
    '{"beacons":[{"code":"x","key":"y"}]}',
    '{"challenge":{}}',
    '{"answer":{}}',
  ]
  for (const frame of [...noise, `{"answer":{"code":"${code(1)}","nonce":"n","proof":"p"}}`]) await send(frame)
  t.is(heard.length, 0)
  await send({ beacons: [{ code: code(1), key: 'k' }] })
  const challenge = seen.find((frame) => frame.startsWith('{"challenge":{"code"'))!
  const { nonce } = (JSON.parse(challenge) as { challenge: { nonce: string } }).challenge
  await send({ answer: { code: code(1), nonce, proof: 'wrong' } })
  await send({ answer: { code: code(1), nonce: 'other', proof: seal('k', `other|${code(1)}`, 43) } })
  t.false(heard.at(-1)!.confirmed)
  await send({ answer: { code: code(1), nonce, proof: seal('k', `${nonce}|${code(1)}`, 43) } })
  t.true(heard.at(-1)!.confirmed)
  await send({ beacons: [{ code: code(1), key: 'another' }] })
  t.false(heard.at(-1)!.confirmed)
})

test('multicast: what is heard over a real group on this machine', async (t) => {
  const clock = new ManualClock()
  const group = { host: '239.255.77.7', port: 17_707 }
  const ends = [await joinMulticast({ group }), await joinMulticast({ group })]
  const [one, other] = ends.map((link) => multicastAir({ link, clock, ids: seededIds(9), seal }))
  const confirmed = new Promise<HeardBroadcast>((resolve) => {
    other!.hear('ben', (heard) => heard.confirmed && resolve(heard))
  })
  one!.announce('ann', code(7))
  await clock.advance(1000)
  t.is((await confirmed).code, code(7))
  one!.close()
  other!.close()
})
