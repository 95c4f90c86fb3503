/** Every figure of SPEC as a flow: in order, reordered, with each message lost once; and over real sockets. */
import test from 'ava'
import type { Scenario } from '../dialplans/flows/flow.ts'
import { loadFlows } from '../dialplans/flows/index.ts'
import { type StageOptions, StageSet } from '../dialplans/flows/stage-set.ts'
import { loadDialplan } from '../dialplans/load.ts'
import { seededIds } from '../signalling/index.ts'

const [whole, split] = ['default.yaml', 'direct.yaml'].map((file) => {
  const loaded = loadDialplan(new URL(`../dialplans/${file}`, import.meta.url).pathname)
  if (loaded.faults !== undefined) throw new Error(`${file} has faults`)
  return loaded.value
})

const flows = await loadFlows()

/** Plays a scenario and returns how many datagrams it took. */
async function play(scenario: Scenario, options: Omit<StageOptions, 'dialplan'>, dialplan = whole!): Promise<number> {
  const stage = new StageSet({ dialplan, ...options }, scenario)
  try {
    await stage.open()
    await scenario.run(stage)
  } finally {
    await stage.close()
  }
  return stage.datagrams
}

for (const flow of flows) {
  for (const scenario of flow.scenarios) {
    const title = `${flow.id}: ${scenario.name}`
    test(`${title}, in virtual time`, async (t) => {
      const datagrams = await play(scenario, { mode: 'virtual' })
      for (let lost = 0; lost < datagrams; lost++) {
        let count = 0
        await t.notThrowsAsync(
          play(scenario, { mode: 'virtual', fate: () => (count++ === lost ? [] : [1]) }),
          `datagram ${lost} lost`,
        )
      }
      for (const seed of [1, 2, 3]) {
        const ids = seededIds(seed)
        await t.notThrowsAsync(
          play(scenario, { mode: 'virtual', fate: () => [1 + ids.fraction() * 80] }),
          `reordered by seed ${seed}`,
        )
      }
    })
    test(`${title}, each element in a node of its own`, async (t) => {
      await t.notThrowsAsync(play(scenario, { mode: 'virtual' }, split))
    })
    test(`${title}, over sockets`, async (t) => {
      await t.notThrowsAsync(play(scenario, { mode: 'sockets' }))
    })
  }
}
