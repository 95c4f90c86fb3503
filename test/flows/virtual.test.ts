/** Every figure of SPEC as a flow: in order, reordered, with and each element in a node of its own. */
import test from 'ava'
import { seededIds } from '../../signalling/testing.ts'
import { allScenarios, play } from '../support/flows.ts'

for (const { title, scenario, dialplan, split } of await allScenarios()) {
  test.serial(`${title}, in virtual time`, async (t) => {
    await t.notThrowsAsync(play(scenario, { dialplan, mode: 'virtual' }))
    for (const seed of [1, 2, 3]) {
      const ids = seededIds(seed)
      await t.notThrowsAsync(
        play(scenario, { dialplan, mode: 'virtual', fate: () => [1 + ids.fraction() * 80] }),
        `reordered by seed ${seed}`,
      )
    }
  })
  test.serial(`${title}, each element in a node of its own`, async (t) => {
    await t.notThrowsAsync(play(scenario, { dialplan: split, mode: 'virtual' }))
  })
}
