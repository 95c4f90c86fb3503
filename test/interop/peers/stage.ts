/** A stage for flows: a node, or a network of them, in processes of their own, and UEs on sip.js around it. */
import { ClockedStage } from '../../../dialplans/flows/stage/clocked-stage.ts'
import type { Scenario, Stage } from '../../../dialplans/flows/stage/flow.ts'
import type { Operator } from '../../../dialplans/flows/stage/operator.ts'
import { type Carrier, type OpenPort, SipJsAgent, Ue, type UeOptions } from '../../../elements/ue/index.ts'
import { type Clock, RealClock, randomIds, silent } from '../../../signalling/index.ts'
import { openTcp, openUdp, openWs } from '../../../signalling/tools.ts'
import { onceIdle, Patience } from '../../support/patience.ts'
import { passwordOf } from './peer.ts'

export type Protocol = Carrier['protocol']

const openers: { readonly [protocol in Protocol]: OpenPort } = { UDP: openUdp, TCP: openTcp, WS: openWs }

/** Whether a scenario needs an operator, or the server killed. */
export function needsOperator({ run }: Scenario): boolean {
  return /stage\.(?:operator|restart)\b/.test(String(run))
}

/** Where the UEs' edge listens, who operates the network, and how it is killed and started again. */
export interface Edge {
  readonly udp: number
  readonly tcp: number
  readonly ws: number
  readonly operator?: Operator
  restartAll?(): Promise<void>
}

export class ProcessStage extends ClockedStage implements Stage {
  private readonly node: Edge
  private readonly protocol: Protocol
  readonly clock: Clock
  private readonly ues: Ue[] = []
  /** Whether it has been restarted. */
  killed = false

  constructor(node: Edge, protocol: Protocol) {
    super()
    this.node = node
    this.protocol = protocol
    this.clock = new RealClock((fault) => {
      throw fault
    })
  }
  async ue(name: string, options: Pick<UeOptions, 'report' | 'mme' | 'prose'> = {}): Promise<Ue> {
    const { clock, protocol, node } = this
    const port = { UDP: node.udp, TCP: node.tcp, WS: node.ws }[protocol]
    const agent = new SipJsAgent({
      identity: `sip:${name}@localhost`,
      password: passwordOf(name),
      carrier: { protocol, server: { host: '127.0.0.1', port }, open: openers[protocol] },
      clock,
      ids: randomIds(),
      log: silent,
    })
    const { status } = await agent.register()
    this.expect(`${name} registers`, status === 200)
    const ue = new Ue({ agent, clock, ...options })
    this.ues.push(ue)
    return ue
  }
  protected override patience(seconds: number): () => boolean {
    const patience = new Patience(seconds)
    return () => patience.isOver
  }
  get operator(): Operator {
    const { operator } = this.node
    if (operator === undefined) throw new Error('nobody operates this node')
    return operator
  }
  during<Value>(work: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const callOff = onceIdle(() => reject(new Error('no answer')))
      work.then(resolve, reject).finally(callOff)
    })
  }
  async restart(): Promise<void> {
    if (this.node.restartAll === undefined) throw new Error('test/faults kills nodes')
    this.killed = true
    await this.node.restartAll()
  }
  /** The UEs leave. */
  async leave(): Promise<void> {
    for (const ue of this.ues.splice(0)) await ue.stop()
  }
}
