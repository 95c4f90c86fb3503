/** `kill -9` of an MME in a process of its own, while identifiers are replaced: attachments, mappings and questions go on (SPEC §3.6). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { agentNode } from '../../dialplans/running/agent-node.ts'
import { EngineAgent, Ue } from '../../elements/ue/index.ts'
import { type Node, RealClock, randomIds, silent } from '../../signalling/index.ts'
import { until } from '../support/patience.ts'
import { type ServerProcess, scratch, startServer } from '../support/server-process.ts'

const users = 12
const kills = 4
const mme = 'sip:mme@sip.test'
const faults: unknown[] = []
const clock = new RealClock((fault) => faults.push(fault))
const ids = randomIds()

function writePlan(edge: number, other: number): string {
  const folder = scratch()
  const file = join(folder, 'plan.yaml')
  writeFileSync(
    file,
    `name: test
domains: [sip.test, 127.0.0.1]
data: ${join(folder, 'data')}
nodes:
  edge: { listen: [udp://127.0.0.1:${edge}], elements: [proxy, hss, prose] }
  radio: { listen: [udp://127.0.0.1:${other}], elements: [mme] }
elements:
  proxy: { role: proxy, authenticate: none }
  hss: { role: hss, open: true }
  prose: { role: prose, code: { lifetime: 600, grace: 60 }, lifetime: 600 }
  mme: { role: mme, check: hss, identifier: { lifetime: 4, grace: 2 } }
`,
  )
  return file
}

async function openUe(name: string, port: number, nodes: Node[]): Promise<Ue> {
  const agent = new EngineAgent({ identity: `sip:${name}@sip.test`, proxy: `sip:127.0.0.1:${port};lr` })
  const listen = [{ transport: 'UDP' as const, host: '127.0.0.1', port: 0 }]
  const node = agentNode(agent.element, { listen, clock, ids, log: silent })
  nodes.push(node)
  await node.start()
  await agent.register()
  return new Ue({ agent, clock, mme })
}

test('who was attached is, code and relations live, and a question goes on through the new process', async (t) => {
  const [edge, other] = [await lastingPort(), await lastingPort()]
  const plan = writePlan(edge, other)
  const start = (node: string): Promise<ServerProcess> => startServer(plan, edge, ['--node', node, '--log-level', 'warn'])
  let [server, radio] = await Promise.all([start('edge'), start('radio')])
  const nodes: Node[] = []
  const ues: Ue[] = []
  const nearCounts = new Map<Ue, number>()
  const ended: number[] = []
  try {
    for (let i = 0; i < users; i++) {
      const ue = await openUe(`u${i}`, edge, nodes)
      t.is(typeof (await ue.attach()), 'string')
      t.is(typeof (await ue.requestProximity(['discoverable', 'discoverer'])), 'object')
      ue.watch(
        {},
        ({ proximate }) => nearCounts.set(ue, proximate.length),
        (status) => ended.push(status),
      )
      ues.push(ue)
    }
    const codes = ues.map((ue) => ue.state!.announce!.code)
    for (let kill = 0; kill < kills; kill++) {
      await new Promise<void>((resolve) => clock.after(300 + ids.fraction() * 3000, resolve))
      await radio.end('SIGKILL')
      if (kill === kills - 1) {
        await server.end('SIGKILL')
        server = await start('edge')
      }
      radio = await start('radio')
      for (const [i, ue] of ues.entries()) {
        const code = codes[(i + 1 + kill) % users]!
        const report = async (): Promise<boolean> => (await ue.report([{ code, at: clock.date() }])).status === 200
        await until(`u${i} reports through the MME`, report)
        await until(`u${i} is told of ${kill + 1}`, () => nearCounts.get(ue) === kill + 1)
      }
    }
    t.deepEqual(
      ues.map((ue) => ue.state?.announce?.code),
      codes,
    )
    t.deepEqual(ended, [])
    t.deepEqual(faults, [])
    t.is(new Set(ues.map((ue) => ue.temporary)).size, users)
  } catch (fault) {
    t.log(radio.output().slice(-2000))
    throw fault
  } finally {
    for (const node of nodes) await node.stop(0)
    await Promise.all([server.end('SIGKILL'), radio.end('SIGKILL')])
  }
})
