/** The campaign in virtual time over a network in memory that loses and reorders; one seed gives one course of events. */
import { agentNode } from '../../../dialplans/running/agent-node.ts'
import { silent } from '../../../signalling/index.ts'
import { ManualClock, MemoryNetwork, seededIds } from '../../../signalling/testing.ts'
import { type CampaignOptions, type CampaignOutcome, ExactlyOnceCampaign } from './campaign.ts'
import { crashingStore } from './crashing-store.ts'
import { operators, pushUsers } from './plan.ts'
import { CampaignSenders } from './senders.ts'
import { CampaignUsers } from './users.ts'
import { VirtualServers } from './virtual-servers.ts'

const lossOf = 0.02 // of all datagrams
const longestDelay = 20 // milliseconds
const step = 50 // milliseconds

export async function inVirtualTime(seed: number, count: number, options: CampaignOptions): Promise<CampaignOutcome> {
  const users = pushUsers(count)
  const [clock, ids] = [new ManualClock(), seededIds(seed)]
  const network = new MemoryNetwork(clock)
  const dead = new Set<string>()
  network.fate = (from, to) => {
    if (dead.has(from.host) || dead.has(to.host) || ids.fraction() < lossOf) return []
    return [1 + ids.fraction() * longestDelay]
  }
  const crashes: (() => void)[] = []
  const servers = await VirtualServers.plan({
    ...{ clock, ids, network, users },
    handle: (operator, kept) => {
      const { crash, store } = crashingStore(kept, clock, ids)
      crashes[operator] = crash
      return store
    },
  })
  const start = async (operator: number): Promise<void> => {
    dead.delete(servers.places[operator]!.host)
    await servers.start(operator)
  }
  const kill = async (operator: number): Promise<void> => {
    dead.add(servers.places[operator]!.host) // nothing that it says at its end is heard
    crashes[operator]!()
    await servers.stop(operator)
  }
  const { route } = servers
  const common = { clock, ids, log: silent, network }
  const host = '10.0.1.1'
  const crowd = new CampaignUsers({ users, route, host, port: () => 5060 })
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
