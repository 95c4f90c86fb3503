/** The campaign over processes: each operator's node is a `proxima start` that is killed with SIGKILL. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lastingPort } from '../../../dialplans/flows/stage/lasting-port.ts'
import { agentNode } from '../../../dialplans/running/agent-node.ts'
import { RealClock, randomIds, silent } from '../../../signalling/index.ts'
import { type ServerProcess, scratch, startServer } from '../../support/server-process.ts'
import { type CampaignOptions, type CampaignOutcome, ExactlyOnceCampaign } from './campaign.ts'
import { nodeOf, operators, planOf, pushUsers } from './plan.ts'
import { CampaignSenders } from './senders.ts'
import { CampaignUsers } from './users.ts'

export async function overProcesses(users: number, options: CampaignOptions): Promise<CampaignOutcome> {
  const folder = scratch()
  const file = join(folder, 'plan.yaml')
  const nodes = await Promise.all(operators.map(async () => ({ port: await lastingPort(), folder })))
  const planned = pushUsers(users)
  writeFileSync(file, planOf(planned, nodes))
  const running: (ServerProcess | undefined)[] = []
  const ids = randomIds()
  const clock = new RealClock((fault) => {
    throw fault
  })
  const start = async (operator: number): Promise<void> => {
    const more = ['--node', nodeOf(operator), '--log-level', 'error']
    running[operator] = await startServer(file, nodes[operator]!.port, more)
  }
  const kill = async (operator: number): Promise<void> => {
    await running[operator]?.end('SIGKILL')
  }
  const route = (operator: number): string => `<sip:127.0.0.1:${nodes[operator]!.port};lr>`
  const crowd: CampaignUsers = new CampaignUsers({
    users: planned,
    route,
    host: '127.0.0.1',
    port: () => node.listening[0]!.port,
  })
  const listen = [{ transport: 'UDP', host: '127.0.0.1', port: 0 }] as const
  const node = agentNode(crowd, { listen, clock, ids, log: silent })
  const senders = new CampaignSenders(route)
  const sending = agentNode(senders, { listen, clock, ids, log: silent })
  try {
    await node.start()
    await sending.start()
    for (const operator of operators.keys()) await start(operator)
    return await new ExactlyOnceCampaign({ clock, ids, kill, start }, crowd, senders, options).run()
  } finally {
    for (const operator of operators.keys()) await kill(operator)
    await node.stop(0)
    await sending.stop(0)
    rmSync(folder, { recursive: true, force: true })
  }
}
