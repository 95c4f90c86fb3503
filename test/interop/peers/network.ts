/** A network of several nodes, each a process of its own on free ports of loopback, with its capture; any of them may be killed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { parse, stringify } from 'yaml'
import { readPcapng } from '../../../signalling/capture/pcapng.ts'
import { program, Running } from '../../support/process.ts'
import { freePort } from '../../support/server-process.ts'
import { judge } from '../../support/tshark.ts'

interface RawNetwork {
  readonly nodes: { readonly [name: string]: { listen: string[]; http: string; readonly elements: readonly string[] } }
  readonly elements: { readonly [name: string]: object }
}

interface NetworkNode {
  process: Running
  /** Of each of its lives. */
  readonly traces: string[]
}

const quiet = 20 // milliseconds between two looks whether anything is under way

interface Subscriber {
  readonly id: string
}
interface Subscribers {
  readonly subscribers?: readonly Subscriber[]
}

/** Those of a flow go before those of the dialplan, who stay. */
function subscribersOf({ subscribers: planned = [] }: Subscribers, { subscribers: changed }: Subscribers): Subscribers {
  if (changed === undefined) return {}
  const others = planned.filter(({ id }) => !changed.some((one) => one.id === `sip:${id}@localhost`))
  return { subscribers: [...changed, ...others] }
}

export class ProcessNetwork {
  readonly udp: number
  readonly tcp: number
  readonly ws: number
  readonly names: readonly string[]
  private readonly folder: string
  private readonly plan: string
  private readonly nodes = new Map<string, NetworkNode>()

  private constructor(folder: string, plan: string, names: readonly string[], edge: readonly string[]) {
    this.folder = folder
    this.plan = plan
    this.names = names
    const port = (scheme: string): number =>
      Number(
        edge
          .find((each) => each.startsWith(scheme))
          ?.split(':')
          .at(-1),
      )
    this.udp = port('udp:')
    this.tcp = port('tcp:')
    this.ws = port('ws:')
  }

  /** Starts all nodes of that dialplan, with these settings beside and instead of its elements' own; the first is the UEs' edge. */
  static async start(file: string, settings: { readonly [element: string]: object } = {}): Promise<ProcessNetwork> {
    const folder = mkdtempSync(join(tmpdir(), 'proxima-network-'))
    const raw = parse(readFileSync(file, 'utf8')) as RawNetwork
    for (const node of Object.values(raw.nodes)) {
      node.listen = await Promise.all(node.listen.map(async (each) => each.replace(/\d+$/, String(await freePort()))))
      node.http = '127.0.0.1:0'
    }
    for (const [name, changed] of Object.entries(settings)) {
      const element = raw.elements[name]!
      Object.assign(element, changed, subscribersOf(element, changed))
    }
    const plan = join(folder, 'plan.yaml')
    writeFileSync(plan, stringify({ ...raw, data: join(folder, 'data') }))
    const names = Object.keys(raw.nodes)
    const network = new ProcessNetwork(folder, plan, names, raw.nodes[names[0]!]!.listen)
    try {
      await Promise.all(names.map((name) => network.run(name)))
    } catch (fault) {
      await network.remove()
      throw fault
    }
    return network
  }

  private async run(name: string): Promise<void> {
    const known = this.nodes.get(name)
    const traces = known?.traces ?? []
    const trace = join(this.folder, `${name}-${traces.length}.pcapng`)
    const args = [program, 'start', this.plan, '--node', name, '--trace', trace, '--log-level', 'warn']
    const process_ = new Running(process.execPath, args, { cwd: this.folder })
    traces.push(trace)
    if (known === undefined) this.nodes.set(name, { process: process_, traces })
    else known.process = process_
    await process_.said(/^ready/m)
  }

  /** SIGKILL, and a start on what is in its store. `meanwhile`: while it is away. */
  async restart(name: string, meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    const { process: dying } = this.nodes.get(name)!
    dying.signal('SIGKILL')
    await dying.ended
    await meanwhile()
    await this.run(name)
  }

  /** Counters and gauges of a node's /metrics, without `proxima_`. */
  async metrics(name: string): Promise<ReadonlyMap<string, number>> {
    const { out } = this.nodes.get(name)!.process
    const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(out)?.[1]
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    return new Map([...text.matchAll(/^proxima_(\w+) ([0-9.e+]+)$/gm)].map(([, key, value]) => [key!, Number(value)]))
  }

  /** Waits until every request has its answer, stops all nodes, and has every whole capture judged. */
  async settled(t: ExecutionContext): Promise<void> {
    const passed = new Map<string, number>()
    for (const name of this.names) {
      let metrics = await this.metrics(name)
      while (metrics.get('client_transactions_unanswered') !== 0) {
        await new Promise((resolve) => setTimeout(resolve, quiet))
        metrics = await this.metrics(name)
      }
      t.is(metrics.get('faults_total'), 0, name)
      passed.set(name, metrics.get('received_total')! + metrics.get('sent_total')!)
    }
    await Promise.all(
      this.names.map(async (name) => {
        const node = this.nodes.get(name)!
        const { code, err } = await node.process.stop()
        t.is(code, 0, `${name}: ${err}`)
        const whole = node.traces.at(-1)!
        const written = readPcapng(readFileSync(whole), (text) => t.fail(`${name}: ${text}`))
        const { sip, complaints } = await judge(whole)
        t.is(sip, written.length, `${name}: Wireshark sees as many`)
        const ours = written.filter(({ direction }) => direction !== 'local').length
        t.true(ours >= passed.get(name)!, `${name}: ${ours} captured of ${passed.get(name)}`)
        t.deepEqual(complaints, [], name)
      }),
    )
  }

  /** What the nodes had to say, for a test that has failed. */
  get output(): string {
    return [...this.nodes].map(([name, { process }]) => `${name}: ${process.output}`).join('\n')
  }

  async remove(): Promise<void> {
    await Promise.all([...this.nodes.values()].map(({ process }) => process.stop(500)))
    rmSync(this.folder, { recursive: true, force: true })
  }
}
