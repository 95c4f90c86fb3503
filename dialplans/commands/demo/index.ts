/** `proxima demo`: UEs walk about Berlin's Alexanderplatz and are told who is near. */
import { Command, InvalidArgumentError } from 'commander'
import { type Clock, type HostPort, type Log, printHostPort, RealClock, randomIds, silent } from '../../../signalling/index.ts'
import { openPcapng, type Tap } from '../../../signalling/tools.ts'
import { networkOf } from '../../flows/index.ts'
import type { Dialplan } from '../../network/dialplan.ts'
import { type RunningNode, runNode } from '../../running/compose.ts'
import { readPlace } from '../support/arguments.ts'
import { assembleDialplan, readDialplan } from '../support/network.ts'
import { say } from '../support/output.ts'
import { CommandRefusal } from '../support/refusal.ts'
import { Crowd } from './crowd.ts'
import { demoTable } from './table.ts'

interface DemoOptions {
  readonly server?: HostPort
  readonly seconds: number
  readonly ues: number
  readonly trace: string
}

const network = networkOf({}) // the default one
const demoUsers = ['alice', 'bob', 'carol', 'dave'] // who may use proximity in the default network
const people = 'anna ben carla deniz elif felix greta hannes ida jonas kim lena milan nina omar paula ravi sofia tim ute'.split(
  ' ',
)
const patience = 10_000 // milliseconds until everybody must have been let in
/** Quick, so that in half a minute people are seen to leave as well as to come. */
const quick = { report: { refresh: 2 }, lifetime: 4 }

const examples = `
Examples:
  $ proxima demo
  $ proxima demo --ues 50 --seconds 60 --trace crowd.pcapng
  $ proxima demo --server 127.0.0.1:5060`

export function demoCommand(): Command {
  return new Command('demo')
    .description('let UEs walk about and show who is near whom, against a node of its own or a running one')
    .option(
      '--server <host:port>',
      'a running node of the default network, over UDP; alice, bob, carol and dave walk there',
      readPlace,
    )
    .option('--seconds <n>', 'how long', readCount(86_400), 30)
    .option('--ues <n>', 'how many UEs', readCount(500), 20)
    .option('--trace <file>', 'write every message to this pcapng file', 'demo.pcapng')
    .addHelpText('after', examples)
    .action(demo)
}

async function demo(options: DemoOptions): Promise<void> {
  const clock = new RealClock(() => undefined)
  const localNode = options.server === undefined ? await ownNode(options, silent) : undefined
  const foreignTap = localNode === undefined ? openPcapng({ file: options.trace, clock, log: silent }) : undefined
  const counter = { messages: 0 }
  const counting: Tap = {
    message(message) {
      counter.messages++
      foreignTap?.message(message)
    },
  }
  const show = new Show(clock)
  const server = options.server ?? localNode!.node.listening[0]!
  const crowd = new Crowd({
    names: localNode === undefined ? demoUsers.slice(0, options.ues) : namesOf(options.ues),
    domain: 'localhost',
    server,
    clock,
    ids: randomIds(),
    log: silent,
    refresh: localNode === undefined ? 20 : quick.report.refresh,
    tap: counting,
    onChange: (name, came, left) => show.changed(name, came, left),
  })
  say(
    `${crowd.walkers.length} UEs register with ${localNode === undefined ? 'the node' : 'a node of their own'} at ${printHostPort(server)} …`,
  )
  try {
    await within(
      patience,
      clock,
      crowd.gather(),
      `nobody answers at ${printHostPort(server)}; start a server (proxima start), or leave out --server`,
    )
    await show.during(options.seconds, crowd)
  } finally {
    show.end()
    await within(patience, clock, crowd.disperse(), 'not everybody could leave').catch(() => undefined)
    await localNode?.stop(0)
    await foreignTap?.close?.()
  }
  const { feedback, came, left, reported } = crowd.counts
  say(`\n${crowd.walkers.length} UEs, ${show.seconds} s: ${reported} codes reported, ${feedback} notifications of who is near,`)
  say(`${came} arrivals and ${left} departures told, ${counter.messages} SIP messages sent and received by UEs`)
  say(`capture: ${options.trace} (open it with Wireshark, or: proxima trace ${options.trace})`)
  process.exit(0)
}

/** A node of the default network on a free port, with a subscriber for everybody in the crowd. */
async function ownNode(options: DemoOptions, log: Log): Promise<RunningNode> {
  const dialplan = readDialplan(network)
  const subscribers = namesOf(options.ues).map((name) => ({
    id: `sip:${name}@localhost`,
    password: `${name}-proxima`,
    permissions: { discoverable: true, discoverer: true },
  }))
  const changed: { readonly [name: string]: object } = { hss: { subscribers }, prose: quick }
  const adapted: Dialplan = {
    ...dialplan,
    name: 'demo',
    data: 'memory',
    listen: [{ transport: 'UDP', host: '127.0.0.1', port: 0 }],
    elements: dialplan.elements.map((element) => ({
      ...element,
      settings: { ...element.settings, ...changed[element.name] },
    })),
  }
  return runNode({ dialplan: adapted, assembled: assembleDialplan(adapted), trace: options.trace, log })
}

function namesOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => people[i] ?? `walker-${i + 1}`)
}

/** A live table on a terminal; elsewhere a line for each change. */
class Show {
  seconds = 0
  private readonly clock: Clock
  private readonly live = process.stdout.isTTY === true
  private drawn = 0
  private over: (() => void) | undefined

  constructor(clock: Clock) {
    this.clock = clock
  }
  /** Resolves after so many seconds, or at Ctrl-C. */
  during(seconds: number, crowd: Crowd): Promise<void> {
    return new Promise((resolve) => {
      this.over = resolve
      process.once('SIGINT', resolve)
      process.once('SIGTERM', resolve)
      const tick = (): void => {
        if (this.over === undefined) return
        if (this.live) this.draw(demoTable(crowd.walkers, this.seconds, process.stdout.columns))
        if (this.seconds >= seconds) return resolve()
        this.clock.after(1000, () => {
          this.seconds++
          tick()
        })
      }
      tick()
    })
  }
  end(): void {
    this.over = undefined
  }
  changed(name: string, came: readonly string[], left: readonly string[]): void {
    if (this.live || this.over === undefined) return
    const parts = [...came.map((other) => `+${other}`), ...left.map((other) => `-${other}`)]
    say(`${String(this.seconds).padStart(4)} s  ${name}: ${parts.join(' ')}`)
  }
  private draw(lines: readonly string[]): void {
    const fitting = lines.slice(0, Math.max(1, process.stdout.rows - 1))
    const up = this.drawn === 0 ? '' : `\x1b[${this.drawn}A`
    process.stdout.write(`${up}${fitting.map((line) => `\x1b[2K${line}\n`).join('')}`)
    this.drawn = fitting.length
  }
}

/** The outcome of `work`, or a refusal that says `otherwise` where it takes too long or fails. */
async function within<Value>(ms: number, clock: Clock, work: Promise<Value>, otherwise: string): Promise<Value> {
  const late = new Promise<never>((_resolve, reject) => {
    clock.after(ms, () => reject(new CommandRefusal(otherwise)))
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } catch (error) {
    throw error instanceof CommandRefusal
      ? error
      : new CommandRefusal(error instanceof Error ? error.message : String(error), error)
  }
}

function readCount(most: number): (text: string) => number {
  return (text) => {
    const count = Number(text)
    if (!/^[0-9]+$/.test(text) || count < 1 || count > most)
      throw new InvalidArgumentError(`Expected a number from 1 to ${most}.`)
    return count
  }
}
