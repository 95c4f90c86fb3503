/** A network of several nodes, each a process of its own on ports of loopback, with its capture; any of them may be killed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { stringify } from 'yaml'
import { SubscriberClient } from '../../../dialplans/commands/hss/client.ts'
import { lastingPort } from '../../../dialplans/flows/stage/lasting-port.ts'
import { readPcapng, type TappedMessage } from '../../../signalling/tools.ts'
import { pause } from '../../support/patience.ts'
import { type Ended, program, Running } from '../../support/process.ts'
import { judge } from '../../support/tshark.ts'
import { ConsoleOperator } from './operator.ts'
import {
  type Elements,
  elementsOf,
  type NamedPeers,
  operatorIn,
  operatorOfDomain,
  type RawNetwork,
  readRaw,
  withElements,
} from './raw-network.ts'
import type { EdgePorts } from './stage.ts'

/** Element -> settings beside and instead of its own. */
export type Settings = Elements

/** A process of a node, from its start to its end. */
interface Life {
  readonly name: string
  readonly process: Running
  readonly trace: string
  /** How it ended where it was told to, and what it had counted by then; undefined: it runs, or was killed. */
  end?: { readonly ended: Ended; readonly metrics: ReadonlyMap<string, number> }
}

const quiet = 20 // milliseconds between two looks whether anything is under way
const looks = 50 // then something is asked of who is not there

interface Subscriber {
  readonly id: string
}
interface Subscribers {
  readonly subscribers?: readonly Subscriber[]
}

/** Those of a flow go before those of the dialplan, who stay. */
function subscribersOf({ subscribers: planned = [] }: Subscribers, { subscribers: changed }: Subscribers): Subscribers {
  if (changed === undefined) return {}
  const others = planned.filter(({ id }) => !changed.some((one) => one.id === id || one.id === `sip:${id}@localhost`))
  return { subscribers: [...changed, ...others] }
}

function merged(elements: Elements, settings: Settings): Elements {
  const changed = { ...elements }
  for (const [name, more] of Object.entries(settings)) {
    const own = elements[name]
    if (own === undefined) throw new Error(`there is no element ${name}`)
    changed[name] = { ...own, ...more, ...subscribersOf(own, more) }
  }
  return changed
}

export class ProcessNetwork {
  readonly names: readonly string[]
  private readonly operators = new Map<string | undefined, ConsoleOperator>()
  private readonly folder: string
  private readonly raw: RawNetwork
  /** As they are in the file now. */
  private elements: Elements
  private peers: NamedPeers = {}
  /** The lives of each node; the last one runs. */
  private readonly lives = new Map<string, Life[]>()

  private constructor(folder: string, raw: RawNetwork) {
    this.folder = folder
    this.raw = raw
    this.elements = elementsOf(raw)
    this.names = Object.keys(raw.nodes)
    for (const name of raw.operators === undefined ? [undefined] : Object.keys(raw.operators))
      this.operators.set(name, this.consoleOf(name))
  }
  private consoleOf(operator: string | undefined): ConsoleOperator {
    const full = (element: string): string => (operator === undefined ? element : `${operator}/${element}`)
    const { domains } = operator === undefined ? this.raw : this.raw.operators![operator]!
    return new ConsoleOperator({
      domain: domains![0]!,
      client: (element) => this.client(full(element)),
      planned: (element) => this.elements[full(element)]!,
      replan: (element, settings) => this.replan(full(element), settings),
      settled: async (element) => void (await this.answered(this.nodeOf(full(element)))),
    })
  }
  /** Left out: of the only operator. */
  operatorOf(name?: string): ConsoleOperator {
    const operator = this.operators.get(name)
    if (operator === undefined) throw new Error(`there is no operator ${name}`)
    return operator
  }
  get operator(): ConsoleOperator {
    return this.operatorOf()
  }
  /** Everything as the dialplan has it. */
  async undo(): Promise<void> {
    for (const operator of this.operators.values()) await operator.forgetDevices()
    await this.allAnswered()
    for (const operator of this.operators.values()) await operator.undo()
    await this.allAnswered()
  }
  private async allAnswered(): Promise<void> {
    for (const name of this.names) await this.answered(name)
  }
  /** Whether a domain is of an operator here. */
  has(domain: string): boolean {
    return Object.values(this.raw.operators ?? { only: this.raw }).some(({ domains }) => domains?.includes(domain))
  }
  /** Where UEs of a domain enter, the first node of its operator; left out: of the first one. */
  edgeOf(domain?: string): EdgePorts {
    return this.portsAt(this.nodesOf(operatorOfDomain(this.raw, domain))[0]!)
  }
  /** Where an element of a domain's operator is; left out: of the first one. */
  portsOf(element: string, domain?: string): EdgePorts {
    const operator = operatorOfDomain(this.raw, domain)
    return this.portsAt(this.nodeOf(operator === undefined ? element : `${operator}/${element}`))
  }
  private portsAt(node: string): EdgePorts {
    const { listen } = this.raw.nodes[node]!
    const port = (scheme: string): number => Number(/\d+$/.exec(listen.find((each) => each.startsWith(scheme))!)![0])
    return { udp: port('udp:'), tcp: port('tcp:'), ws: port('ws:') }
  }
  private nodesOf(operator: string | undefined): readonly string[] {
    return this.names.filter((name) => operatorIn(this.raw.nodes[name]!.elements[0]!) === operator)
  }

  /** Starts all nodes of that dialplan, with these settings; the first is the UEs' edge. */
  static async start(file: string, settings: Settings = {}): Promise<ProcessNetwork> {
    const folder = mkdtempSync(join(tmpdir(), 'proxima-network-'))
    const raw = readRaw(file)
    for (const node of Object.values(raw.nodes)) {
      node.listen = await Promise.all(node.listen.map(async (each) => each.replace(/\d+$/, String(await lastingPort()))))
      node.http = '127.0.0.1:0'
    }
    const network = new ProcessNetwork(folder, raw)
    network.write(merged(elementsOf(raw), settings))
    try {
      await network.runAll(network.names)
    } catch (fault) {
      await network.remove()
      throw fault
    }
    return network
  }

  private get plan(): string {
    return join(this.folder, 'plan.yaml')
  }
  private write(elements: Elements): void {
    this.elements = elements
    const changed = withElements(this.raw, elements, this.peers)
    writeFileSync(this.plan, stringify({ ...changed, data: join(this.folder, 'data') }))
  }
  private async runAll(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.run(name)))
  }
  private async run(name: string): Promise<void> {
    const lives = this.lives.get(name) ?? []
    const trace = join(this.folder, `${name}-${lives.length}.pcapng`)
    const args = [program, 'start', this.plan, '--node', name, '--trace', trace, '--log-level', 'info']
    const process_ = new Running(process.execPath, args, { cwd: this.folder })
    this.lives.set(name, [...lives, { name, process: process_, trace }])
    await process_.said(/^ready/m)
  }
  private life(name: string): Life {
    return this.lives.get(name)!.at(-1)!
  }
  private nodeOf(element: string): string {
    const node = this.names.find((name) => this.raw.nodes[name]!.elements.includes(element))
    if (node === undefined) throw new Error(`there is no element ${element}`)
    return node
  }

  /** SIGKILL, and a start on what is in its store. `meanwhile`: while it is away. */
  async restart(name: string, meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    await this.kill(name)
    await meanwhile()
    await this.run(name)
  }
  /** All of them killed at once, and started again. */
  async restartAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.kill(name)))
    await this.runAll(this.names)
  }
  /** All nodes of an operator killed, and started again when `meanwhile` is over. */
  async without(operator: string, meanwhile: () => Promise<void>): Promise<void> {
    const names = this.nodesOf(operator)
    await Promise.all(names.map((name) => this.kill(name)))
    await meanwhile()
    await this.runAll(names)
  }
  private async kill(name: string): Promise<void> {
    const { process: dying } = this.life(name)
    dying.signal('SIGKILL')
    await dying.ended
  }

  /** With these settings and peers from now on: nodes that they concern are stopped, and started again on what is in their store. */
  async change(settings: Settings, peers: NamedPeers = {}): Promise<void> {
    const before = this.elements
    const now = merged(elementsOf(this.raw), settings)
    const namedOf = (from: NamedPeers, element: string): string => JSON.stringify(from[operatorIn(element) ?? ''])
    const peersBefore = this.peers
    const differs = (element: string): boolean =>
      JSON.stringify(before[element]) !== JSON.stringify(now[element]) ||
      namedOf(peersBefore, element) !== namedOf(peers, element)
    const concerned = this.names.filter((name) => this.raw.nodes[name]!.elements.some(differs))
    await Promise.all(concerned.map((name) => this.stop(name)))
    this.peers = peers
    this.write(now)
    await this.runAll(concerned)
  }
  /** Politely, once every request that it has sent has its answer, unless one never will have. */
  private async stop(name: string): Promise<void> {
    const life = this.life(name)
    const metrics = await this.answered(name)
    life.end = { ended: await life.process.stop(), metrics }
  }

  /** Its metrics once every request that it has sent has its answer, or so many looks were in vain. */
  private async answered(name: string): Promise<ReadonlyMap<string, number>> {
    let metrics = await this.metrics(name)
    for (let i = 0; i < looks && metrics.get('client_transactions_unanswered') !== 0; i++) {
      await pause(quiet)
      metrics = await this.metrics(name)
    }
    return metrics
  }

  private async replan(element: string, settings: object): Promise<void> {
    this.write({ ...this.elements, [element]: settings })
    const { process: running } = this.life(this.nodeOf(element))
    const since = running.output.length
    running.signal('SIGHUP')
    const [said] = await running.said(/dialplan (?:read again|not taken[^\n]*)/, since)
    if (!said.endsWith('read again')) throw new Error(said)
  }
  private client(element: string): SubscriberClient {
    const name = this.nodeOf(element)
    const file = join(this.folder, 'data', operatorIn(element) ?? '', name, 'token')
    return new SubscriberClient(this.http(name), readFileSync(file, 'utf8').trim(), file)
  }
  private http(name: string): string {
    return /http:\/\/127\.0\.0\.1:\d+/.exec(this.life(name).process.out)![0]
  }

  /** Counters and gauges of a node's /metrics, without `proxima_`. */
  async metrics(name: string): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${this.http(name)}/metrics`)).text()
    return new Map([...text.matchAll(/^proxima_(\w+) ([0-9.e+]+)$/gm)].map(([, key, value]) => [key!, Number(value)]))
  }

  /** How many UEs are attached at all MMEs. */
  async attached(): Promise<number> {
    const all = await Promise.all(this.names.map((name) => this.metrics(name)))
    const counts = all.flatMap((metrics) =>
      [...metrics].filter(([key]) => /^mme\d*_attached$/.test(key)).map(([, count]) => count),
    )
    if (counts.length === 0 && Object.keys(this.elements).some((name) => /^mme\d*$/.test(name)))
      throw new Error('no node counts who is attached')
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** Stops all nodes, and has every capture judged: whole ones have all that passed, those of killed nodes what was written. */
  async settled(t: ExecutionContext): Promise<void> {
    for (const name of this.names) await this.stop(name) // one after the other: they talk to each other
    const captures = [...this.lives.values()].flat().map((life) => this.compare(t, life))
    const all = join(this.folder, 'all.pcapng')
    writeFileSync(all, Buffer.concat(captures.map(({ bytes }) => bytes))) // a file may have many sections
    // The same connection is there from both its ends, and again from a node's next life: only its bytes count.
    const { sip, complaints } = await judge(all, '-o', 'tcp.analyze_sequence_numbers:FALSE')
    t.is(
      sip,
      captures.reduce((sum, { messages }) => sum + messages, 0),
      'Wireshark sees as many',
    )
    t.deepEqual(complaints, [])
  }
  /** Messages that all nodes have captured, once these have stopped. */
  captured(): readonly TappedMessage[] {
    const lives = [...this.lives.values()].flat()
    return lives.flatMap(({ trace }) => readPcapng(wholeBlocks(readFileSync(trace)), () => undefined))
  }
  /** Name of the operator whose node listens at a port of this machine; undefined: none does. */
  operatorAt(port: number): string | undefined {
    const node = Object.values(this.raw.nodes).find(({ listen }) => listen.some((each) => each.endsWith(`:${port}`)))
    return node && operatorIn(node.elements[0]!)
  }
  /** What a life has captured, compared with what it says that it was. */
  private compare(t: ExecutionContext, { name, trace, end }: Life): { readonly bytes: Buffer; readonly messages: number } {
    const bytes = wholeBlocks(readFileSync(trace))
    const written = readPcapng(bytes, (text) => t.fail(`${name}: ${text}`))
    if (end !== undefined) {
      const { ended, metrics } = end
      t.is(ended.code, 0, `${name}: ${ended.err}`)
      t.is(metrics.get('faults_total'), 0, name)
      const ours = written.filter(({ direction }) => direction !== 'local').length
      const passed = metrics.get('received_total')! + metrics.get('sent_total')!
      t.true(ours >= passed, `${name}: ${ours} captured of ${passed}`)
    }
    return { bytes, messages: written.length }
  }

  /** What the nodes had to say, for a test that has failed. */
  get output(): string {
    return this.names.map((name) => `${name}: ${this.life(name).process.output}`).join('\n')
  }

  async remove(): Promise<void> {
    await Promise.all([...this.lives.values()].flat().map((life) => life.process.stop(500)))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** A capture without the block that its writer had not finished when it was killed. */
function wholeBlocks(capture: Buffer): Buffer {
  let at = 0
  while (at + 8 <= capture.length && at + capture.readUInt32LE(at + 4) <= capture.length) at += capture.readUInt32LE(at + 4)
  return capture.subarray(0, at)
}
