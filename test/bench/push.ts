/**
 * CPU of Pushes in one process and virtual time (`npm run bench -- push`): through one server and two, stored and delivered
 * later, beside plain MESSAGEs of the same size. The clients' work is not counted.
 */
import { Command } from 'commander'
import { agentNode } from '../../dialplans/running/agent-node.ts'
import { type Node, SipRequest, silent } from '../../signalling/index.ts'
import { buildResponse, ManualClock, MemoryNetwork, seededIds } from '../../signalling/testing.ts'
import { scan } from '../../signalling/tools.ts'
import { operators, type PushUser, pushUsers } from '../faults/exactly-once/plan.ts'
import { CampaignUsers } from '../faults/exactly-once/users.ts'
import { VirtualServers } from '../faults/exactly-once/virtual-servers.ts'
import { policyHead, policyRows } from './push-policies.ts'
import { figure, table } from './table.ts'

interface Datagram {
  readonly bytes: Buffer
  readonly to: string
}

const client = { host: '10.0.1.1', port: 5060 }
const batch = 500 // MESSAGEs under way at a time
const refill = 2000 // milliseconds between batches, in which rates recover

/** One network of two operators, its users registered at one address that this class plays. */
class PushBench {
  readonly users: readonly PushUser[]
  readonly clock = new ManualClock()
  private readonly network = new MemoryNetwork(this.clock)
  private readonly ids = seededIds(1)
  private readonly crowd: CampaignUsers
  private servers!: VirtualServers
  private node!: Node
  /** Datagrams to the clients; undefined: they get them. */
  private caught: Datagram[] | undefined
  private sent = 0
  /** Milliseconds of CPU that count. */
  private cpu = 0

  constructor(count: number) {
    this.users = pushUsers(count)
    this.crowd = new CampaignUsers({
      users: this.users,
      route: (operator) => this.servers.route(operator),
      host: client.host,
      port: () => client.port,
    })
    this.network.fate = (from, to, bytes) => {
      if (to.host !== client.host || this.caught === undefined) return [1]
      this.caught.push({ bytes: Buffer.from(bytes), to: from.host })
      return []
    }
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
    this.caught = undefined
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
    this.cpu = 0
    for (let at = 0; at < count; at += batch) await this.exchange(batch, to, status)
    return (this.cpu * 1000) / count
  }
  private async exchange(count: number, to: (from: number) => string, status: number): Promise<void> {
    this.caught = []
    const half = this.users.length / 2
    const requests = Array.from({ length: count }, (_, i) => this.request(i % half, to(i % half)))
    for (const { bytes, to: host } of requests) this.network.carry(client, { host, port: 5060 }, bytes)
    let done = 0
    for (let rounds = 0; done < count && rounds < 20; rounds++) {
      const came = await this.counted()
      const answers: Datagram[] = []
      for (const { bytes, to: host } of came) {
        const message = scan(bytes)
        if (message instanceof SipRequest) answers.push({ bytes: buildResponse(message, 200, { toTag: 'p' }), to: host })
        else if (message !== undefined && 'status' in message && message.status >= 200) {
          done++
          if (message.status !== status) throw new Error(`a MESSAGE got ${message.status}; expected ${status}`)
        }
      }
      for (const { bytes, to: host } of answers) this.network.carry(client, { host, port: 5060 }, bytes)
    }
    if (done < count) throw new Error(`${done} of ${count} MESSAGEs are answered`)
    await this.clock.advance(refill)
  }
  /** Lets the servers work, whose CPU counts. */
  private async counted(): Promise<readonly Datagram[]> {
    const before = process.cpuUsage()
    await this.clock.advance(5)
    const { system, user } = process.cpuUsage(before)
    this.cpu += (system + user) / 1000
    const came = this.caught!
    this.caught = []
    return came
  }
  private request(from: number, to: string): Datagram {
    const { operator, uri } = this.users[from]!
    const number = ++this.sent
    const head = [
      `MESSAGE ${to} SIP/2.0`,
      `Via: SIP/2.0/UDP ${client.host}:${client.port};branch=z9hG4bKbench${number}`,
      'Max-Forwards: 70',
      `From: <${uri}>;tag=f${number}`,
      `To: <${to}>`,
      `Call-ID: bench-${number}`,
      'CSeq: 1 MESSAGE',
      'Content-Type: text/plain',
      `Content-Length: ${text.length}`,
      '',
      text,
    ]
    return { bytes: Buffer.from(head.join('\r\n')), to: this.servers.places[operator]!.host }
  }
  /** Delivers all that waits, by a REGISTER of everybody; microseconds of CPU of each message. */
  async deliverWaiting(count: number): Promise<number> {
    const before = process.cpuUsage()
    const had = this.crowd.all.reduce((sum, { got }) => sum + got.length, 0)
    for (const one of this.crowd.all) one.awake = true
    await this.register(3600, this.users.length / 2)
    let all = had
    for (let rounds = 0; all < had + count && rounds < 1000; rounds++) {
      await this.clock.advance(100)
      all = this.crowd.all.reduce((sum, { got }) => sum + got.length, 0)
    }
    const { system, user } = process.cpuUsage(before)
    if (all < had + count) throw new Error(`${all - had} of ${count} are delivered`)
    return (system + user) / count
  }
}

const text = 'x'.repeat(100)

async function measure(count: number, rounds: number): Promise<readonly (readonly string[])[]> {
  const bench = new PushBench(200)
  await bench.open()
  const at = (from: number, by: number): PushUser =>
    bench.users[bench.users.length / 2 + ((from + by) % (bench.users.length / 2))]!
  const kinds = [
    ['MESSAGE, same server', (from: number) => at(from, 2).uri],
    ['Push, same server', (from: number) => at(from, 2).push],
    ['Push, two servers', (from: number) => at(from, 3).push],
  ] as const
  for (const [, to] of kinds) await bench.run(count, to, 200) // compiled by then
  const costs = kinds.map((): number[] => [])
  for (let round = 0; round < rounds; round++)
    for (const [i, [, to]] of kinds.entries()) costs[i]!.push(await bench.run(count, to, 200))
  const medians = costs.map(median)
  const rows = kinds.map(([name], i) => [name, `${figure(medians[i]!)} us`, ratio(medians[i]!, medians[0]!), targets[i]!])
  await bench.register(0, bench.users.length / 2)
  const stored = Math.min(count, 4000)
  const accept = await bench.run(stored, (from) => at(from, 2).push, 202)
  const delivery = await bench.deliverWaiting(stored)
  await bench.close()
  return [
    ...rows,
    ['stored, to the 202', `${figure(accept)} us`, ratio(accept, medians[0]!), ''],
    ['delivered later, client included', `${figure(delivery)} us`, ratio(delivery, medians[0]!), ''],
  ]
}

/** Of the plain MESSAGE's CPU, at most. */
const targets = ['', '<= 1.5', '<= 2.2']

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

interface PushBenchOptions {
  readonly count: number
  readonly csv: boolean
  readonly policies: number
  readonly rounds: number
}

export function pushCommand(): Command {
  return new Command('push')
    .description(
      'CPU of a Push through one server and two, and of one that is stored, beside a plain MESSAGE; in memory, in virtual time',
    )
    .option('--count <number>', 'messages of each kind and round', Number, 5000)
    .option('--rounds <number>', 'of which the median is told', Number, 3)
    .option('--policies <number>', 'messages to a device that sleeps, by each policy of waking; 0: none', Number, 200)
    .option('--csv', 'as comma-separated values', false)
    .action(async ({ count, csv, policies, rounds }: PushBenchOptions) => {
      const print = (head: readonly string[], rows: readonly (readonly string[])[]): void =>
        console.log(csv ? [head, ...rows].map((row) => row.join(',')).join('\n') : table(head, rows), '\n')
      print(['work', 'CPU', 'of a MESSAGE', 'target'], await measure(count, rounds))
      if (policies > 0) print(policyHead, await policyRows(policies))
    })
}

function ratio(value: number, to: number): string {
  return (value / to).toFixed(2)
}
