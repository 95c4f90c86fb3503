/** All scenarios of all flows, and how a test plays one. */

import { loadFlows, networkOf } from '../../dialplans/flows/index.ts'
import type { Scenario } from '../../dialplans/flows/stage/flow.ts'
import { type StageOptions, StageSet } from '../../dialplans/flows/stage/stage-set.ts'
import type { Dialplan } from '../../dialplans/network/dialplan.ts'
import { loadOperators } from '../../dialplans/network/load.ts'
import { Patience } from './patience.ts'
import { inNodes } from './split.ts'

export interface Part {
  readonly title: string
  readonly scenario: Scenario
  /** Its network in one node, or one for each operator. */
  readonly dialplan: readonly Dialplan[]
  /** In several, each element in one of its own where the network itself is not split. */
  readonly split: readonly Dialplan[]
}

export async function allScenarios(): Promise<readonly Part[]> {
  return (await loadFlows()).flatMap((flow) => {
    const planned = network(networkOf(flow))
    const dialplan = planned.map((each) => ({ ...each, nodes: [] }))
    const split = planned.map(inNodes)
    return flow.scenarios.map((scenario) => ({ title: `${flow.id}: ${scenario.name}`, scenario, dialplan, split }))
  })
}

/** Over sockets it waits as long as the machine is at work. */
export class PatientStageSet extends StageSet {
  private readonly waits: boolean

  constructor(options: StageOptions, scenario: Scenario) {
    super(options, scenario)
    this.waits = options.mode === 'sockets'
  }
  protected override patience(seconds: number): () => boolean {
    if (!this.waits) return super.patience(seconds)
    const patience = new Patience(seconds)
    return () => patience.isOver
  }
}

/** Plays a scenario and returns how many datagrams it took. */
export async function play(scenario: Scenario, options: StageOptions): Promise<number> {
  const stage = new PatientStageSet(options, scenario)
  try {
    await stage.open()
    await scenario.run(stage)
  } finally {
    await stage.close()
  }
  return stage.datagrams
}

function network(file: string): readonly Dialplan[] {
  const loaded = loadOperators(file)
  if (loaded.faults !== undefined) throw new Error(`${file} has faults`)
  return loaded.value
}
