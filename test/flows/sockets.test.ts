/** Every figure of SPEC as a flow over real sockets, in a worker of its own: what computes beside it would delay its timers. */
import test from 'ava'
import { allScenarios, play } from '../support/flows.ts'
import { Places } from '../support/patience.ts'

/** All at once each would wait for the others' starts, and on a busy machine outlast its own timers. Most wait, and compute little. */
const places = new Places(24)

for (const { title, scenario, dialplan } of await allScenarios())
  test(`${title}, over sockets`, async (t) => {
    await t.notThrowsAsync(places.within(() => play(scenario, { dialplan, mode: 'sockets' })))
  })
