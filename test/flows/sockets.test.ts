/** Every figure of SPEC as a flow over real sockets, in a worker of its own: what computes beside it would delay its timers. */
import test from 'ava'
import { allScenarios, play } from '../support/flows.ts'

for (const { title, scenario, dialplan } of await allScenarios())
  test(`${title}, over sockets`, async (t) => {
    await t.notThrowsAsync(play(scenario, { dialplan, mode: 'sockets' }))
  })
