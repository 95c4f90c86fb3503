/** Every figure of SPEC as a flow, as often as it has datagrams, with another of them lost each time. */
import test from 'ava'
import { allScenarios, play } from '../support/flows.ts'

for (const { title, scenario, dialplan } of await allScenarios()) {
  // One at a time: what many plays hold at once survives collections and costs as much again.
  test.serial(`${title}, each datagram lost once`, async (t) => {
    const datagrams = await play(scenario, { dialplan, mode: 'virtual' })
    t.true(datagrams > 0)
    for (let lost = 0; lost < datagrams; lost++) {
      let count = 0
      await t.notThrowsAsync(
        play(scenario, { dialplan, mode: 'virtual', fate: () => (count++ === lost ? [] : [1]) }),
        `datagram ${lost} of ${datagrams} lost`,
      )
    }
  })
}
