import test from 'ava'
import { agentNode } from '../../dialplans/running/agent-node.ts'
import { type Carrier, EngineAgent, type OpenPort, SipJsAgent } from '../../elements/ue/index.ts'
import { silent } from '../../signalling/index.ts'
import { openTcp, openUdp, openWs } from '../../signalling/tools.ts'
import { agentContract } from './agent.ts'
import type { MakeAgent } from './agent-ground.ts'

/** An agent that is the element of a node of its own. */
const onEngine: MakeAgent = async (ground, name, password, proxy) => {
  const agent = new EngineAgent({ identity: `sip:${name}@localhost`, password, proxy: `sip:${proxy.host}:${proxy.port};lr` })
  const virtual = ground.carried === 'MEM'
  const host = virtual ? `10.0.1.${ground.nodes.length + 1}` : '127.0.0.1'
  const node = agentNode(agent.element, {
    ...ground.common(name),
    listen: [{ transport: ground.carried, host, port: virtual ? 5060 : 0 }],
  })
  ground.nodes.push(node)
  await ground.during(node.start())
  return agent
}

function onSipJs(protocol: Carrier['protocol'], open: OpenPort): MakeAgent {
  return async (ground, name, password, server) => {
    const { clock, ids } = ground
    const carrier = { protocol, server, open }
    const agent = new SipJsAgent({ identity: `sip:${name}@localhost`, password, carrier, clock, ids, log: silent })
    await ground.during(agent.start())
    return agent
  }
}

agentContract(test, 'engine in virtual time', 'MEM', onEngine)
agentContract(test, 'engine over UDP', 'UDP', onEngine)
agentContract(test, 'sip.js over UDP', 'UDP', onSipJs('UDP', openUdp))
agentContract(test, 'sip.js over TCP', 'TCP', onSipJs('TCP', openTcp))
agentContract(test, 'sip.js over WebSocket', 'WS', onSipJs('WS', openWs))
agentContract(test, 'sip.js over its own WebSocket', 'WS', async (ground, name, password, { host, port }) => {
  const { clock, ids } = ground
  const carrier = `ws://${host}:${port}` // as in a browser
  const agent = new SipJsAgent({ identity: `sip:${name}@localhost`, password, carrier, clock, ids, log: silent })
  await ground.during(agent.start())
  return agent
})
