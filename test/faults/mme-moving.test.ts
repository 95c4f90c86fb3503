/** `kill -9` of the MMEs and of the proximity server while UEs move from one MME to the other and back (SPEC §3.6). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { agentNode } from '../../dialplans/running/agent-node.ts'
import { EngineAgent, Ue } from '../../elements/ue/index.ts'
import { type Node, RealClock, randomIds, silent } from '../../signalling/index.ts'
import { until } from '../support/patience.ts'
import { type ServerProcess, scratch, startServer } from '../support/server-process.ts'

const users = 8
const rounds = 3
const mmes = ['sip:mme1@sip.test', 'sip:mme2@sip.test'] as const
const faults: unknown[] = []
const clock = new RealClock((fault) => faults.push(fault))
const ids = randomIds()

function writePlan(edge: number, one: number, two: number): string {
  const folder = scratch()
  const file = join(folder, 'plan.yaml')
  const identifier = 'lifetime: 600, grace: 2'
  writeFileSync(
    file,
    `name: test
domains: [sip.test, 127.0.0.1]
data: ${join(folder, 'data')}
nodes:
  edge: { listen: [udp://127.0.0.1:${edge}], elements: [proxy, hss, prose] }
  first: { listen: [udp://127.0.0.1:${one}], elements: [mme1] }
  second: { listen: [udp://127.0.0.1:${two}], elements: [mme2] }
elements:
  proxy: { role: proxy, authenticate: none }
  hss: { role: hss, open: true }
  prose: { role: prose, code: { lifetime: 600, grace: 60 }, lifetime: 600 }
  mme1: { role: mme, check: hss, identifier: { code: '01', ${identifier} } }
  mme2: { role: mme, check: hss, identifier: { code: '02', ${identifier} } }
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
  return new Ue({ agent, clock, mme: mmes[0] })
}

test('who moves while processes are killed keeps its code and its question, and is at one MME', async (t) => {
  const [edge, one, two] = [await lastingPort(), await lastingPort(), await lastingPort()]
  const plan = writePlan(edge, one, two)
  const start = (node: string): Promise<ServerProcess> => startServer(plan, edge, ['--node', node, '--log-level', 'warn'])
  const servers = new Map<string, ServerProcess>()
  for (const node of ['edge', 'first', 'second']) servers.set(node, await start(node))
  const nodes: Node[] = []
  const ues: Ue[] = []
  const nearCounts = new Map<Ue, number>()
  const ended: number[] = []
  const moveTo = async (ue: Ue, mme: string): Promise<void> => {
    let answer: string | number = 0
    await until(`somebody moves to ${mme}`, async () => {
      answer = await ue.attach(mme)
      return typeof answer === 'string'
    })
  }
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
    for (let round = 0; round < rounds; round++) {
      const to = mmes[(round + 1) % 2]!
      const moves = ues.map(async (ue) => {
        await new Promise<void>((resolve) => clock.after(ids.fraction() * 400, resolve))
        await moveTo(ue, to)
      })
      await new Promise<void>((resolve) => clock.after(ids.fraction() * 500, resolve))
      const killed = [['first', 'second'], ['edge'], ['edge', 'first', 'second']][round]!
      await Promise.all(
        killed.map(async (node) => {
          await servers.get(node)!.end('SIGKILL')
          servers.set(node, await start(node))
        }),
      )
      await Promise.all(moves)
      for (const [i, ue] of ues.entries()) {
        const prefix = `sip:s-tmsi-0${((round + 1) % 2) + 1}`
        await until(`u${i} is attached to ${to}, not ${ue.temporary}`, () => ue.temporary?.startsWith(prefix) === true)
        const code = codes[(i + 1 + round) % users]!
        const report = async (): Promise<boolean> => (await ue.report([{ code, at: clock.date() }])).status === 200
        await until(`u${i} reports through ${to} in round ${round}`, report)
        await until(`u${i} is told of ${round + 1}`, () => nearCounts.get(ue) === round + 1)
      }
      // one that was replaced again since breaks no subscription, and is in whatever is told next (SPEC §3.6): after a refresh
      await until('each is spoken to by its new identifier', () => {
        const others = ues.filter((ue) => ue.state?.device !== ue.temporary)
        for (const ue of others) ue['request']!.refresh()
        return others.length === 0
      })
    }
    t.deepEqual(
      ues.map((ue) => ue.state?.announce?.code),
      codes,
    )
    t.deepEqual(ended, [])
    t.deepEqual(faults, [])
    t.is(new Set(ues.map((ue) => ue.temporary)).size, users)
  } catch (fault) {
    for (const [node, server] of servers) t.log(node, server.output().slice(-2000))
    throw fault
  } finally {
    for (const node of nodes) await node.stop(0)
    await Promise.all([...servers.values()].map((server) => server.end('SIGKILL')))
  }
})
