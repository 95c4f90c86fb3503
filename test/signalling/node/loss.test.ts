/** A network that loses one datagram in five, each way: what RFC 3261's timers can save is not lost. */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { seededIds } from '../../../signalling/testing.ts'
import { type Agent, Lab } from '../../support/lab.ts'
import { metric } from '../../support/wire.ts'

const server = '<sip:10.0.0.1;lr>'
const users = Array.from({ length: 20 }, (_, i) => `user${i}`)

async function lossy(seed: number) {
  const lab = new Lab()

  const settings = { authenticate: 'none', registration: 'optional' } as const
  const node = await lab.serve(
    ['localhost'],
    [createProxy('proxy', settings), createHss('hss', { open: true }), createPresence('presence', {})],
  )
  const agents: Agent[] = []
  for (const name of users) agents.push(await lab.agent(name))
  const chance = seededIds(seed)
  const lost = { count: 0, sent: 0 }
  lab.network.fate = () => {
    lost.sent++
    if (chance.fraction() >= 0.2) return [1 + 20 * chance.fraction()]
    lost.count++
    return []
  }
  const ask = (agent: Agent, method: string, to: string, headers: readonly (readonly [string, string])[] = []) =>
    agent.host.send({ method, to, from: `sip:${agent.name}@localhost`, route: [server], headers })
  return { lab, node, agents, lost, ask }
}

for (const seed of [1, 2, 3]) {
  test(`registrations, messages and subscriptions all come through, seed ${seed}`, async (t) => {
    const { lab, node, agents, lost, ask } = await lossy(seed)
    const registered = await lab.during(
      Promise.all(
        agents.map((agent) =>
          ask(agent, 'REGISTER', `sip:${agent.name}@localhost`, [['Contact', `<sip:${agent.name}@${agent.host.domains[0]}>`]]),
        ),
      ),
      32_000,
    )
    t.deepEqual(
      registered.filter(({ status }) => status !== 200),
      [],
    )
    const texts = agents.flatMap((from) => agents.filter((to) => to !== from).map((to) => [from, to] as const))
    const answers = await lab.during(
      Promise.all(texts.map(([from, to]) => ask(from, 'MESSAGE', `sip:${to.name}@localhost`))),
      64_000,
    )
    t.deepEqual(
      answers.filter(({ status }) => status !== 200),
      [],
    )
    t.is(
      agents.reduce((sum, { got }) => sum + got.length, 0),
      texts.length,
      'each once, however often it was sent',
    )

    const bodies = new Map<Agent, string[]>()
    for (const agent of agents) {
      const states: string[] = []
      bodies.set(agent, states)
      agent.host.subscribe(
        { to: 'sip:user0@localhost', event: 'presence', expires: 600, from: `sip:${agent.name}@localhost`, route: [server] },
        { notified: ({ state }) => states.push(state), ended: ({ reason }) => states.push(`ended ${reason}`) },
      )
    }
    await lab.clock.advance(64_000)
    for (const [agent, states] of bodies) t.deepEqual([agent.name, states], [agent.name, ['active']])
    t.is(metric(node, 'subscriptions_held'), users.length)
    t.true(lost.count > lost.sent / 6, `${lost.count} of ${lost.sent} were lost`)
    await lab.clock.advance(64_000)
    t.is(metric(node, 'server_transactions'), 0)
    t.is(metric(node, 'client_transactions'), 0)
    await lab.stop()
  })
}
