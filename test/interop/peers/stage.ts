/** A stage for flows: a node in a process of its own, and UEs on sip.js around it. */
import type { Stage } from '../../../dialplans/flows/flow.ts'
import { type Carrier, type OpenPort, SipJsAgent, Ue, type UeOptions } from '../../../elements/ue/index.ts'
import { type Clock, type Element, RealClock, randomIds, silent } from '../../../signalling/index.ts'
import { openTcp, openUdp, openWs } from '../../../signalling/transports/ue-sockets.ts'
import type { NodeProcess } from '../../support/process.ts'
import { passwordOf } from './peer.ts'

export type Protocol = Carrier['protocol']

const step = 20 // milliseconds between two looks at whether something has happened
const openers: { readonly [protocol in Protocol]: OpenPort } = { UDP: openUdp, TCP: openTcp, WS: openWs }

export class ProcessStage implements Stage {
  private readonly node: NodeProcess
  private readonly protocol: Protocol
  private readonly clock: Clock
  private readonly ues: Ue[] = []

  constructor(node: NodeProcess, protocol: Protocol) {
    this.node = node
    this.protocol = protocol
    this.clock = new RealClock((fault) => {
      throw fault
    })
  }
  async ue(name: string, options: Pick<UeOptions, 'report'> = {}): Promise<Ue> {
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
  element(name: string): Element {
    throw new Error(`${name} is in another process`)
  }
  now(): number {
    return this.clock.date()
  }
  pass(seconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.after(seconds * 1000, resolve)
    })
  }
  async until<Value>(what: string, happened: () => Value | undefined | false, seconds = 40): Promise<Value> {
    const end = this.clock.now() + seconds * 1000
    for (;;) {
      const value = happened()
      if (value !== undefined && value !== false) return value
      if (this.clock.now() >= end) throw new Error(`not within ${seconds} s: ${what}`)
      await this.pass(step / 1000)
    }
  }
  during<Value>(work: Promise<Value>): Promise<Value> {
    return work
  }
  expect(what: string, holds: boolean): void {
    if (!holds) throw new Error(`not so: ${what}`)
  }
  restart(): Promise<void> {
    throw new Error('test/faults kills nodes')
  }
  /** The UEs leave. */
  async leave(): Promise<void> {
    for (const ue of this.ues.splice(0)) await ue.stop()
  }
}
