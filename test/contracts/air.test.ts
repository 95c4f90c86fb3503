import test from 'ava'
import { memoryLink, multicastAir, simulatedAir } from '../../elements/air/index.ts'
import { seal } from '../../signalling/ids.ts'
import { ManualClock, seededIds } from '../../signalling/testing.ts'
import { airContract } from './air.ts'

airContract(test, 'simulated', () => {
  const clock = new ManualClock()
  const air = simulatedAir({ clock })
  return {
    one: air,
    other: air,
    period: 1000,
    place: (device) => air.move(device, { latitude: 52.52, longitude: 13.405 + device.length / 10_000 }),
    advance: (ms) => clock.advance(ms),
  }
})

airContract(test, 'multicast', () => {
  const clock = new ManualClock()
  const link = memoryLink(clock)
  const ids = seededIds(5)
  const end = () => multicastAir({ link: link(), clock, ids, seal, period: 500 })
  return { one: end(), other: end(), period: 500, place: () => undefined, advance: (ms) => clock.advance(ms) }
})
