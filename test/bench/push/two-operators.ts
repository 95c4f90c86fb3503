/** Two operators with a Push server each, in one process and virtual time; all users are registered at one address that is played. */
import { agentNode } from '../../../dialplans/running/agent-node.ts'
import { type Node, silent } from '../../../signalling/index.ts'
import { ManualClock, MemoryNetwork, seededIds } from '../../../signalling/testing.ts'
import { operators, type PushUser } from '../../faults/exactly-once/plan.ts'
import { CampaignUsers } from '../../faults/exactly-once/users.ts'
import { VirtualServers } from '../../faults/exactly-once/virtual-servers.ts'
import { type Datagram, expectStatus, PlayedHosts, written } from './played.ts'

const client = { host: '10.0.1.1', port: 5060 }
export const batch = 500 // requests under way at a time
const refill = 2000 // milliseconds between batches, in which rates recover
const text = 'x'.repeat(100)

export class TwoOperators {
  readonly users: readonly PushUser[]
  readonly clock = new ManualClock()
  readonly played: PlayedHosts
  private readonly network = new MemoryNetwork(this.clock)
  private readonly ids = seededIds(1)
  private readonly crowd: CampaignUsers
  private servers!: VirtualServers
  private node!: Node
  private sent = 0

  constructor(users: readonly PushUser[]) {
    this.users = users
    this.crowd = new CampaignUsers({
      users,
      route: (operator) => this.servers.route(operator),
      host: client.host,
      port: () => client.port,
    })
    this.played = new PlayedHosts(this.clock, this.network, [client.host])
  }
  async open(): Promise<void> {
    const { clock, ids, network } = this
    this.servers = await VirtualServers.plan({ clock, ids, network, users: this.users })
    for (const operator of operators.keys()) await this.servers.start(operator)
    this.node = agentNode(this.crowd, { clock, ids, network, log: silent, listen: [{ transport: 'MEM', ...client }] })
    await this.node.start()
    await this.register(3600)
  }
  /** @param first number of the first user who does */
  async register(expires: number, first = 0): Promise<void> {
    for (let at = first; at < this.crowd.all.length; at += batch) {
      const all = this.crowd.all.slice(at, at + batch).map((one) => this.crowd.register(one, expires))
      await this.clock.advance(refill)
      for (const status of await Promise.all(all)) if (status !== 200) throw new Error(`a REGISTER got ${status}`)
    }
  }
  async close(): Promise<void> {
    await this.node.stop(0)
    for (const operator of operators.keys()) await this.servers.stop(operator)
  }

  /**
   * Microseconds of CPU of each MESSAGE, by users of the first half.
   * @param to the Request-URI of a message from that user
   */
  async run(count: number, to: (from: number) => string, status: number): Promise<number> {
    let cpu = 0
    const half = this.users.length / 2
    for (let at = 0; at < count; at += batch) {
      const requests = Array.from({ length: batch }, (_, i) => this.message(i % half, to(i % half)))
      const outcome = await this.played.exchange(requests)
      expectStatus(outcome.responses, status)
      cpu += outcome.cpu
    }
    return (cpu * 1000) / count
  }
  private message(from: number, to: string): Datagram {
    const { operator, uri } = this.users[from]!
    const number = ++this.sent
    const lines = [
      `MESSAGE ${to} SIP/2.0`,
      `Via: SIP/2.0/UDP ${client.host}:${client.port};branch=z9hG4bKbench${number}`,
      'Max-Forwards: 70',
      `From: <${uri}>;tag=f${number}`,
      `To: <${to}>`,
      `Call-ID: bench-${number}`,
      'CSeq: 1 MESSAGE',
      'Content-Type: text/plain',
    ]
    return this.toOperator(operator, written(lines, text))
  }
  /** From the address of the users to the server of an operator. */
  toOperator(operator: number, bytes: Buffer): Datagram {
    return { bytes, from: client.host, to: this.servers.places[operator]!.host }
  }
  /** Delivers all that waits, by a REGISTER of everybody; microseconds of CPU of each message, the devices' included. */
  async deliverWaiting(count: number): Promise<number> {
    const before = process.cpuUsage()
    const got = (): number => this.crowd.all.reduce((sum, one) => sum + one.got.length, 0)
    const had = got()
    for (const one of this.crowd.all) one.awake = true
    await this.register(3600, this.users.length / 2)
    for (let rounds = 0; got() < had + count && rounds < 1000; rounds++) await this.clock.advance(100)
    const { system, user } = process.cpuUsage(before)
    if (got() < had + count) throw new Error(`${got() - had} of ${count} are delivered`)
    return (system + user) / count
  }
}
