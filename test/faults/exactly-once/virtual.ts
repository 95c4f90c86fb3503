/** The campaign in virtual time over a network in memory that loses and reorders; one seed gives one course of events. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StagePlan } from '../../../dialplans/flows/stage/stage-plan.ts'
import { loadOperators } from '../../../dialplans/network/load.ts'
import { agentNode } from '../../../dialplans/running/agent-node.ts'
import { createNode, memoryStore, type Node, silent } from '../../../signalling/index.ts'
import { ManualClock, MemoryNetwork, seededIds } from '../../../signalling/testing.ts'
import { scratch } from '../../support/server-process.ts'
import { type CampaignOptions, type CampaignOutcome, ExactlyOnceCampaign } from './campaign.ts'
import { crashingStore } from './crashing-store.ts'
import { operators, type PushUser, planOf, pushUsers } from './plan.ts'
import { CampaignSenders } from './senders.ts'
import { CampaignUsers } from './users.ts'

interface RunningNode {
  readonly node: Node
  readonly crash: () => void
}

const lossOf = 0.02 // of all datagrams
const longestDelay = 20 // milliseconds
const step = 50 // milliseconds

export async function inVirtualTime(seed: number, users: number, options: CampaignOptions): Promise<CampaignOutcome> {
  const planned = pushUsers(users)
  const [clock, ids] = [new ManualClock(), seededIds(seed)]
  const network = new MemoryNetwork(clock)
  const dead = new Set<string>()
  network.fate = (from, to) => {
    if (dead.has(from.host) || dead.has(to.host) || ids.fraction() < lossOf) return []
    return [1 + ids.fraction() * longestDelay]
  }
  const plan = new StagePlan(dialplansOf(planned), { name: 'exactly once', run: async () => undefined })
  const places = await plan.place(undefined)
  const stores = places.map(() => memoryStore(clock))
  const running: RunningNode[] = []
  const common = { clock, ids, log: silent, network, trusted: [] }
  const start = async (operator: number): Promise<void> => {
    const place = places[operator]!
    const { dialplan, assembled, placement } = plan.at(place, places)
    const { store, crash } = crashingStore(stores[operator]!, clock, ids)
    const node = createNode({
      ...common,
      ...{ name: operators[operator]!, plan: assembled.plan, elements: assembled.elements, domains: dialplan.domains, store },
      ...{ otherNodes: placement?.others ?? [], peers: dialplan.met ?? [] },
      listen: [{ transport: 'MEM', host: place.host, port: place.port }],
    })
    dead.delete(place.host)
    running[operator] = { node, crash }
    await node.start()
  }
  const kill = async (operator: number): Promise<void> => {
    dead.add(places[operator]!.host) // nothing that it says at its end is heard
    running[operator]!.crash()
    await running[operator]!.node.stop(0)
  }
  const route = (operator: number): string => `<sip:${places[operator]!.host}:5060;lr>`
  const host = '10.0.1.1'
  const crowd = new CampaignUsers({ users: planned, route, host, port: () => 5060 })
  const node = agentNode(crowd, { ...common, listen: [{ transport: 'MEM', host, port: 5060 }] })
  const senders = new CampaignSenders(route)
  const sending = agentNode(senders, { ...common, listen: [{ transport: 'MEM', host: '10.0.1.2', port: 5060 }] })
  const campaign = async (): Promise<CampaignOutcome> => {
    await node.start()
    await sending.start()
    for (const operator of operators.keys()) await start(operator)
    return new ExactlyOnceCampaign({ clock, ids, kill, start }, crowd, senders, options).run()
  }
  let isOver = false
  const work = campaign().finally(() => {
    isOver = true
  })
  work.catch(() => undefined) // told below
  while (!isOver) await clock.advance(step)
  return work
}

function dialplansOf(users: readonly PushUser[]) {
  const folder = scratch()
  const file = join(folder, 'plan.yaml')
  try {
    writeFileSync(
      file,
      planOf(
        users,
        operators.map((_, index) => ({ port: 5060 + index, folder })),
      ),
    )
    const loaded = loadOperators(file)
    if (loaded.faults !== undefined) throw new Error(loaded.faults.map(({ text }) => text).join('; '))
    return loaded.value.map((dialplan) => ({ ...dialplan, nodes: [] }))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
