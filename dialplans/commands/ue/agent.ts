/** User agents of `proxima ue`: on sip.js, or on our own engine for what is more than text. */
import { lookup } from 'node:dns/promises'
import { EngineAgent, type OpenPort, SipJsAgent, type UserAgent } from '../../../elements/ue/index.ts'
import { type Clock, type HostPort, type Ids, type Log, printHostPort } from '../../../signalling/index.ts'
import { isLoopback, openTcp, openUdp, openWs } from '../../../signalling/tools.ts'
import { agentNode } from '../../running/agent-node.ts'
import { CommandRefusal } from '../support/refusal.ts'

export type UeTransport = 'udp' | 'tcp' | 'ws'

export const uePorts: { readonly [transport in UeTransport]: { readonly open: OpenPort; readonly port: number } } = {
  udp: { open: openUdp, port: 5060 },
  tcp: { open: openTcp, port: 5060 },
  ws: { open: openWs, port: 8060 },
}

interface TerminalAgentOptions {
  /** `sip:alice@localhost`. */
  readonly identity: string
  readonly password: string
  readonly server: HostPort
  readonly transport: UeTransport
  /** Name of the base station that the server is; left out: it is the proxy. */
  readonly station?: string | undefined
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
}

/** An agent, and the way to end all beneath it once it has stopped. */
interface TerminalAgent<Agent extends UserAgent = UserAgent> {
  readonly agent: Agent
  close(): Promise<void>
}

export function sipJsAgent(options: TerminalAgentOptions): TerminalAgent {
  const { server, station, transport, ...others } = options
  const protocol = transport.toUpperCase() as 'UDP' | 'TCP' | 'WS'
  return {
    agent: new SipJsAgent({
      ...others,
      ...(station === undefined ? {} : { station: `sip:${station}@${printHostPort(server)};lr` }),
      carrier: { protocol, server, open: uePorts[transport].open },
    }),
    close: async () => undefined,
  }
}

/** Throws a `CommandRefusal` where there is no way to the server. */
export async function engineAgent(options: TerminalAgentOptions): Promise<TerminalAgent<EngineAgent> & { server: HostPort }> {
  const { clock, identity, ids, log, password, server, station, transport } = options
  if (transport === 'ws') throw new CommandRefusal('--push goes by udp or tcp; say --transport tcp, or leave it out')
  const { address, family } = await addressOf(server)
  const user = station === undefined ? '' : `${station}@`
  const proxy = `sip:${user}${printHostPort({ ...server, host: address })};transport=${transport};lr`
  const agent = new EngineAgent({ identity, password, proxy })
  const every = family === 6 ? '::' : '0.0.0.0'
  const own = isLoopback(address) ? (family === 6 ? '::1' : '127.0.0.1') : every
  const listen = [{ transport: transport === 'tcp' ? ('TCP' as const) : ('UDP' as const), host: own, port: 0 }]
  const node = agentNode(agent.element, { clock, ids, log, listen })
  await node.start()
  return { agent, server: { ...server, host: address }, close: () => node.stop(0) }
}

async function addressOf({ host }: HostPort): Promise<{ readonly address: string; readonly family: number }> {
  try {
    return await lookup(host)
  } catch (error) {
    throw new CommandRefusal(`${host} has no address (${String(error)}); see --server`, error)
  }
}
