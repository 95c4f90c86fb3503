/** Every figure of SPEC as a flow: in order, reordered, with each message lost once; and over real sockets. */
import test from 'ava'
import type { Dialplan } from '../dialplans/dialplan.ts'
import type { Scenario } from '../dialplans/flows/flow.ts'
import { loadFlows, networkOf } from '../dialplans/flows/index.ts'
import { type StageOptions, StageSet } from '../dialplans/flows/stage-set.ts'
import { loadDialplan } from '../dialplans/load.ts'
import { seededIds } from '../signalling/index.ts'

function network(file: string): Dialplan {
  const loaded = loadDialplan(file)
  if (loaded.faults !== undefined) throw new Error(`${file} has faults`)
  return loaded.value
}
const direct = network(networkOf({ network: 'direct.yaml' }))

const flows = await loadFlows()

/** Plays a scenario and returns how many datagrams it took. */
async function play(scenario: Scenario, options: StageOptions): Promise<number> {
  const stage = new StageSet(options, scenario)
  try {
    await stage.open()
    await scenario.run(stage)
  } finally {
    await stage.close()
  }
  return stage.datagrams
}

for (const flow of flows) {
  const planned = network(networkOf(flow))
  const dialplan = { ...planned, nodes: [] }
  const split = planned.nodes.length > 0 ? planned : direct
  for (const scenario of flow.scenarios) {
    const title = `${flow.id}: ${scenario.name}`
    test(`${title}, in virtual time`, async (t) => {
      const datagrams = await play(scenario, { dialplan, mode: 'virtual' })
      for (let lost = 0; lost < datagrams; lost++) {
        let count = 0
        await t.notThrowsAsync(
          play(scenario, { dialplan, mode: 'virtual', fate: () => (count++ === lost ? [] : [1]) }),
          `datagram ${lost} lost`,
        )
      }
      for (const seed of [1, 2, 3]) {
        const ids = seededIds(seed)
        await t.notThrowsAsync(
          play(scenario, { dialplan, mode: 'virtual', fate: () => [1 + ids.fraction() * 80] }),
          `reordered by seed ${seed}`,
        )
      }
    })
    test(`${title}, each element in a node of its own`, async (t) => {
      await t.notThrowsAsync(play(scenario, { dialplan: split, mode: 'virtual' }))
    })
    test(`${title}, over sockets`, async (t) => {
      await t.notThrowsAsync(play(scenario, { dialplan, mode: 'sockets' }))
    })
  }
}
