/** An agent on the engine takes what comes by its own proxy, and from nobody else (A1). */
import test from 'ava'
import { agentNode } from '../../../dialplans/running/agent-node.ts'
import { EngineAgent } from '../../../elements/ue/index.ts'
import { silent } from '../../../signalling/index.ts'
import { ManualClock, MemoryNetwork, seededIds } from '../../../signalling/testing.ts'
import { type RequestParts, requestText, Wire } from '../../support/wire.ts'

for (const [proxy, host] of [
  ['sip:10.0.0.1:5060;lr', '10.0.0.1'],
  ['sip:10.0.0.1;lr', '10.0.0.1'],
  ['sip:[2001:db8::1]:5060;lr', '2001:db8::1'],
] as const)
  test(`A1: a MESSAGE from elsewhere than ${proxy} is taken by nobody, whatever it asserts`, async (t) => {
    const clock = new ManualClock()
    const network = new MemoryNetwork(clock)
    const own = host.includes(':') ? '2001:db8::9' : '10.0.1.1'
    const agent = new EngineAgent({ identity: 'sip:bob@localhost', proxy })
    const listen = [{ transport: 'MEM' as const, host: own, port: 5060 }]
    const node = agentNode(agent.element, { clock, network, listen, ids: seededIds(1), log: silent })
    await node.start()
    t.teardown(() => node.stop(0))
    const taken: string[] = []
    agent.takeMessages(async ({ asserted, from }) => (taken.push(asserted ?? from) > 0 ? 200 : 500))
    const server = { host: own, port: 5060 }
    const send = async (from: string, port: number, parts: RequestParts): Promise<number | undefined> => {
      const wire = await Wire.at({ clock, network }, from, port, server)
      const name = `${from}-${port}`.replaceAll(':', '-')
      const via = `${from.includes(':') ? `[${from}]` : from}:${port}`
      wire.send(
        requestText('MESSAGE', `sip:bob@${host.includes(':') ? `[${own}]` : own}:5060`, {
          via,
          branch: `z9hG4bK-${name}`,
          callId: name,
          ...parts,
        }),
      )
      await clock.advance(1000)
      return wire.statuses.at(-1)
    }
    const lines = ['P-Asserted-Identity: <sip:alice@localhost>', 'Content-Type: text/plain']
    const elsewhere = host.includes(':') ? '2001:db8::666' : '10.6.6.6'
    t.is(await send(elsewhere, 5060, { lines, body: 'hello' }), 403)
    t.is(await send(elsewhere, 5061, { lines: ['Content-Type: text/plain'], body: 'hello' }), 403)
    t.is(await send(host, 5061, { lines, body: 'hello' }), 403, 'another port of that host')
    t.deepEqual(taken, [])
    t.is(await send(host, 5060, { lines, body: 'hello' }), 200)
    t.deepEqual(taken, ['sip:alice@localhost'])
  })

test('a refusal is repeated like any answer: who sends again is not asked for twice, and may come by another branch', async (t) => {
  const clock = new ManualClock()
  const network = new MemoryNetwork(clock)
  const agent = new EngineAgent({ identity: 'sip:bob@localhost', proxy: 'sip:10.0.0.1:5060;lr' })
  const listen = [{ transport: 'MEM' as const, host: '10.0.1.1', port: 5060 }]
  const node = agentNode(agent.element, { clock, network, listen, ids: seededIds(1), log: silent })
  await node.start()
  t.teardown(() => node.stop(0))
  let asked = 0
  let status = 480
  agent.takeMessages(() => {
    asked++
    return new Promise((resolve) => clock.after(100, () => resolve(status)))
  })
  const wire = await Wire.at({ clock, network }, '10.0.0.1', 5060, { host: '10.0.1.1', port: 5060 })
  const send = async (branch: string): Promise<number | undefined> => {
    wire.send(requestText('MESSAGE', 'sip:bob@10.0.1.1:5060', { via: '10.0.0.1:5060', branch, body: 'x' }))
    await clock.advance(50)
    return wire.statuses.at(-1)
  }
  await send('z9hG4bK-1')
  await clock.advance(200)
  t.is(await send('z9hG4bK-1'), 480)
  t.is(asked, 1)
  status = 200
  await send('z9hG4bK-2')
  await clock.advance(200)
  t.deepEqual([wire.statuses.at(-1), asked], [200, 2])
})
