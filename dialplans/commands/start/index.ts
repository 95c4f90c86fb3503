/** `proxima start`: runs the node of a dialplan until it is told to stop. */
import { Command, Option } from 'commander'
import { type HostPort, type Log, RealClock } from '../../../signalling/index.ts'
import { type Endpoint, isAnyHost, type Tap } from '../../../signalling/tools.ts'
import { type Dialplan, printListen } from '../../network/dialplan.ts'
import { withPeers } from '../../network/peers.ts'
import { edgeOf } from '../../network/roles.ts'
import { withLabPassword } from '../../running/lab-password.ts'
import { operatorTap } from '../../running/operator-tap.ts'
import { openTrace, type TapOptions } from '../../running/taps.ts'
import { readCollector, readCount, readOnce, readSize, usualDialplan } from '../support/arguments.ts'
import { checkCollector } from '../support/collector.ts'
import { locateListening } from '../support/listening.ts'
import { logLevelOption, openLog } from '../support/logging.ts'
import { assembleDialplan, choose, dialplanArgument, readOperators } from '../support/network.ts'
import { isKeptByJournal, say } from '../support/output.ts'
import { addOverrides, type DialplanOverrides, overrideAll } from '../support/overrides.ts'
import { CommandRefusal } from '../support/refusal.ts'
import { datagramCarrier } from './datagrams.ts'
import { exposure, exposureByWord, isPublishedOnLoopback, type Surroundings } from './exposure.ts'
import { RunningOperator } from './operator.ts'
import { reloadOnSignal } from './reloading.ts'
import { type Pulse, ServiceManager } from './service-manager.ts'

interface StartOptions extends DialplanOverrides, TapOptions {
  readonly hep?: HostPort
  readonly durability: 'process' | 'power'
  readonly node?: string
  readonly operator?: string
  readonly udp: 'auto' | 'native' | 'dgram'
  readonly logLevel: string
}

const graceMs = 3000 // for exchanges under way
const patienceMs = 4500 // then the process ends in any case: SIGTERM to exit takes less than 5 s

const examples = `
Examples:
  $ proxima start                                       # the default network
  $ proxima start --port-udp 5070 --port-tcp 5070 --trace calls.pcapng --mask
  $ proxima start mine.yaml --listen udp://127.0.0.1:0 --no-http --data memory
  $ proxima start direct.yaml --node prose`

export function startCommand(): Command {
  const command = new Command('start')
    .description('run the node of a dialplan')
    .argument('[dialplan]', dialplanArgument, usualDialplan)
  return addOverrides(command)
    .option(
      '--operator <name>',
      'run this one of the operators that the dialplan has; without it one process runs them all',
      readOnce,
    )
    .option('--node <name>', 'run this one of the nodes that the dialplan has; without it one process runs them all')
    .addOption(
      new Option('--durability <of>', 'what an acknowledged change survives: a killed process, or power loss too')
        .choices(['process', 'power'])
        .default('process'),
    )
    .addOption(
      new Option('--udp <by>', 'what carries datagrams; auto: the native module where it could be built')
        .choices(['auto', 'native', 'dgram'])
        .default('auto'),
    )
    .option('--trace <file>', 'write every message to this pcapng file')
    .option('--trace-size <size>', 'begin a new trace file after so much, e.g. 100MB', readSize)
    .option('--trace-files <count>', 'keep so many trace files (default: 10)', readCount)
    .option(
      '--hep <collector>',
      'mirror every message to a HEP collector such as Homer or sngrep, e.g. 127.0.0.1:9060',
      readCollector,
    )
    .option('--mask', 'hide digest responses and other secrets in the trace')
    .addOption(logLevelOption())
    .addHelpText('after', examples)
    .action(start)
}

async function start(file: string, options: StartOptions): Promise<void> {
  const read = (): Promise<readonly Dialplan[]> => readChosen(file, options)
  const surroundings = { isPublishedOnLoopback: isPublishedOnLoopback(process.env) }
  const dialplans = await read()
  for (const dialplan of dialplans) {
    checkOptions(dialplan, options)
    await checkMirror(dialplan, options)
    const exposed = exposure(dialplan, surroundings)
    if (exposed !== undefined) throw new CommandRefusal(exposed)
    assembleDialplan(dialplan)
  }
  const carrier = await datagramCarrier(options.udp)
  const log = await openLog(options.logLevel)
  for (const note of dialplans.flatMap(({ notes = [] }) => notes)) log.warn({ line: note.line }, note.text)
  for (const warning of dialplans.flatMap((each) => exposureByWord(each, surroundings) ?? [])) log.warn({}, warning)
  const started = await startAll(dialplans, { ...options, surroundings }, log)
  const { operators } = started
  const { clock } = operators[0]!.running
  const manager = new ServiceManager({ environment: process.env, processes: [process.pid, process.ppid], clock, log })
  surviveFaults(log)
  stopOnSignal(started, manager, log)
  const check = async (next: Dialplan): Promise<void> => checkMirror(next, options)
  reloadOnSignal({ operators, read, check, manager, log })
  for (const each of operators) for (const line of each.announcement(carrier, isKeptByJournal(1))) say(line)
  manager.ready(pulseOf(operators))
}

function pulseOf(operators: readonly RunningOperator[]): Pulse {
  return {
    answers: () => Promise.all(operators.map(({ running }) => running.storeAnswers())),
    status: () => operators.map(({ status }) => status).join('; '),
  }
}

/** Operators that run in this process. */
interface StartedOperators {
  readonly operators: readonly RunningOperator[]
  /** The trace file that several share. */
  readonly trace: Tap | undefined
}

async function startAll(
  dialplans: readonly Dialplan[],
  options: StartOptions & { readonly surroundings: Surroundings },
  log: Log,
): Promise<StartedOperators> {
  const alone = dialplans.length === 1
  const { trace: file, ...others } = options
  const trace = alone
    ? undefined
    : openTrace(options, new RealClock((fault) => log.error({ err: fault }, 'fault in a timer')), log)
  const operators: RunningOperator[] = []
  for (const dialplan of dialplans) {
    const { operator } = dialplan
    const naming =
      operator === undefined
        ? {}
        : { nameTap: (tap: Tap) => operatorTap(tap, operator, (end) => nameAmong(operators, operator, end)) }
    const tracing = alone ? { trace: file } : { shared: trace }
    const own = alone ? log : log.child({ operator })
    operators.push(await RunningOperator.start(dialplan, { ...others, ...tracing, ...naming, log: own }))
  }
  return { operators, trace }
}

/** The proxy of the operator, other than `own`, that listens at an address. */
function nameAmong(operators: readonly RunningOperator[], own: string, { address, port }: Endpoint): string | undefined {
  const listensThere = ({ running }: RunningOperator): boolean =>
    running.node.listening.some((each) => each.port === port && (each.host === address || isAnyHost(each.host)))
  const met = operators.find((each) => each.dialplan.operator !== own && listensThere(each))
  return met && `${met.dialplan.operator}/${edgeOf(met.dialplan.elements) ?? ''}`
}

/** The dialplans to run, as the options change them; each knows its peers by where they listen then. */
async function readChosen(file: string, options: StartOptions): Promise<readonly Dialplan[]> {
  const all = await Promise.all(readOperators(file).map((dialplan) => locateListening(dialplan)))
  const overridden = overrideAll(choose(all, options), options)
  const chosen = await Promise.all(overridden.map((dialplan) => locateListening(mirrored(dialplan, options))))
  const now = all.map((each) => chosen.find(({ operator }) => operator === each.operator) ?? each)
  return chosen.map((dialplan) => withLabPassword(withPeers(dialplan, now), process.env))
}

/** Mirror settings of the command line win over those of the dialplan. */
function mirrored(dialplan: Dialplan, { hep, mask }: StartOptions): Dialplan {
  const capture = { ...dialplan.capture, ...(hep === undefined ? {} : { hep }), ...(mask === true ? { mask } : {}) }
  return { ...dialplan, capture }
}
async function checkMirror({ capture }: Dialplan, { hep }: StartOptions): Promise<void> {
  if (capture?.hep !== undefined) await checkCollector(capture.hep, undefined, hep === undefined ? 'capture.hep' : '--hep')
}

/** A check of options that are right by themselves, but not together. */
function checkOptions({ listen, tls }: Dialplan, { trace, traceSize, traceFiles }: StartOptions): void {
  if (trace === undefined && (traceSize ?? traceFiles) !== undefined)
    throw new CommandRefusal('--trace-size and --trace-files say how --trace <file> is kept; add that, or leave them out')
  if (traceFiles !== undefined && traceSize === undefined) throw new CommandRefusal('--trace-files goes with --trace-size <size>')
  const secure = listen.find(({ transport }) => transport === 'TLS' || transport === 'WSS')
  if (secure !== undefined && tls === undefined) {
    const what = 'tls: { certificate: FILE, key: FILE }'
    throw new CommandRefusal(
      `${printListen(secure)} needs a certificate: put ${what} into the dialplan; \`proxima cert\` makes a pair for trying`,
    )
  }
}

/** No input ends a process (SPEC §2.6): a fault nobody caught is logged, and all else goes on. */
function surviveFaults(log: Log): void {
  process.on('uncaughtException', (error) => log.error({ err: error }, 'uncaught fault'))
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'))
}

function stopOnSignal({ operators, trace }: StartedOperators, manager: ServiceManager, log: Log): void {
  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(0) // told twice: at once
    stopping = true
    log.info({ signal }, 'stopping')
    manager.stopping()
    operators[0]!.running.clock.after(patienceMs, () => {
      log.warn({}, 'something would not close; stopping all the same')
      process.exit(0)
    })
    const stopped = Promise.all(operators.map((each) => each.stop(graceMs))).then(() => trace?.close?.())
    stopped.then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'could not close everything')
        process.exit(0)
      },
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}
