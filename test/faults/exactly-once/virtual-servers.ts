/** The two operators of a campaign in virtual time: each a node over a network in memory, with a store that outlives it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerPlace, StagePlan } from '../../../dialplans/flows/stage/stage-plan.ts'
import type { Dialplan } from '../../../dialplans/network/dialplan.ts'
import { loadOperators } from '../../../dialplans/network/load.ts'
import { type Clock, createNode, type Ids, memoryStore, type Node, type Store, silent } from '../../../signalling/index.ts'
import type { MemoryNetwork } from '../../../signalling/testing.ts'
import { operators, type PushUser, planOf } from './plan.ts'

interface VirtualServersParts {
  readonly clock: Clock
  readonly ids: Ids
  readonly network: MemoryNetwork
  readonly users: readonly PushUser[]
  /** The store as a process has it that runs over it. Left out: itself. */
  readonly handle?: (operator: number, kept: Store) => Store
}

export class VirtualServers {
  readonly places: readonly ServerPlace[]
  private readonly parts: VirtualServersParts
  private readonly plan: StagePlan
  private readonly stores: readonly Store[]
  private readonly running: (Node | undefined)[] = []

  private constructor(parts: VirtualServersParts, plan: StagePlan, places: readonly ServerPlace[]) {
    this.parts = parts
    this.plan = plan
    this.places = places
    this.stores = places.map(() => memoryStore(parts.clock))
  }
  /** None of them runs yet. */
  static async plan(parts: VirtualServersParts): Promise<VirtualServers> {
    const plan = new StagePlan(dialplansOf(parts.users), { name: 'exactly once', run: async () => undefined })
    return new VirtualServers(parts, plan, await plan.place(undefined))
  }
  /** Route of an operator's proxy, in brackets. */
  readonly route = (operator: number): string => `<sip:${this.places[operator]!.host}:5060;lr>`

  async start(operator: number): Promise<void> {
    const { clock, handle = (_, kept) => kept, ids, network } = this.parts
    const place = this.places[operator]!
    const { dialplan, assembled, placement } = this.plan.at(place, this.places)
    const { elements, plan } = assembled
    const node = createNode({
      ...{ name: operators[operator]!, clock, ids, log: silent, network, trusted: [] },
      ...{ plan, elements, domains: dialplan.domains, store: handle(operator, this.stores[operator]!) },
      ...{ otherNodes: placement?.others ?? [], peers: dialplan.met ?? [] },
      listen: [{ transport: 'MEM', host: place.host, port: place.port }],
    })
    this.running[operator] = node
    await node.start()
  }
  async stop(operator: number): Promise<void> {
    await this.running[operator]?.stop(0)
  }
}

function dialplansOf(users: readonly PushUser[]): readonly Dialplan[] {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-test-'))
  const file = join(folder, 'plan.yaml')
  const nodes = operators.map((_, index) => ({ port: 5060 + index, folder }))
  try {
    writeFileSync(file, planOf(users, nodes))
    const loaded = loadOperators(file)
    if (loaded.faults !== undefined) throw new Error(loaded.faults.map(({ text }) => text).join('; '))
    return loaded.value.map((dialplan) => ({ ...dialplan, nodes: [] }))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
