/** Positioning systems that come along, by the contract of all. */
import test from 'ava'
import { SimulatedPositioning } from '../../elements/ran/positioning/simulated-positioning.ts'
import { ManualClock, seededIds } from '../../signalling/testing.ts'
import { positioningContract } from './positioning.ts'

positioningContract(test, 'simulated', () => {
  const clock = new ManualClock()
  const positioning = new SimulatedPositioning(clock, seededIds(7))
  return {
    positioning,
    place: (target, point) => positioning.placeAll(new Map(point === undefined ? [] : [[target, point]])),
    now: () => clock.date(),
    async during(work, ms) {
      await clock.advance(ms)
      return work
    },
  }
})
