/** `proxima start`: runs the node of a dialplan until it is told to stop. */
import { Command, Option } from 'commander'
import type { HostPort, Log } from '../../../signalling/index.ts'
import { keepToken } from '../../http/access.ts'
import { type ApiOptions, hasRoutes, routesOf } from '../../http/options.ts'
import { type Health, type HttpSide, openHttp } from '../../http/server.ts'
import { type Dialplan, printListen } from '../../network/dialplan.ts'
import { type RunningNode, runNode } from '../../running/compose.ts'
import { Metrics } from '../../running/metrics.ts'
import { reload } from '../../running/reload.ts'
import type { TapOptions } from '../../running/taps.ts'
import { readCollector, readCount, readSize } from '../support/arguments.ts'
import { checkCollector } from '../support/collector.ts'
import { locateListening } from '../support/listening.ts'
import { logLevelOption, openLog } from '../support/logging.ts'
import { assembleDialplan, readDialplan } from '../support/network.ts'
import { say } from '../support/output.ts'
import { addOverrides, type DialplanOverrides, override } from '../support/overrides.ts'
import { CommandRefusal, refuseFaults } from '../support/refusal.ts'
import { announcement, exposure } from './announcement.ts'

interface StartOptions extends DialplanOverrides, TapOptions {
  readonly hep?: HostPort
  readonly durability: 'process' | 'power'
  readonly node?: string
  readonly udp: 'auto' | 'native' | 'dgram'
  readonly logLevel: string
}

const graceMs = 3000 // for exchanges under way
const patienceMs = 4500 // then the process ends in any case: SIGTERM to exit takes less than 5 s

const examples = `
Examples:
  $ proxima start dialplans/default.yaml
  $ proxima start dialplans/default.yaml --port-udp 5070 --port-tcp 5070 --trace calls.pcapng --mask
  $ proxima start dialplans/default.yaml --listen udp://127.0.0.1:0 --no-http --data memory
  $ proxima start dialplans/direct.yaml --node prose`

export function startCommand(): Command {
  const command = new Command('start').description('run the node of a dialplan').argument('<dialplan>', 'a dialplan')
  return addOverrides(command)
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
  const read = (): Promise<Dialplan> => locateListening(mirrored(override(readDialplan(file, options.node), options), options))
  const dialplan = await read()
  checkOptions(dialplan, options)
  await checkMirror(dialplan, options)
  const exposed = exposure(dialplan)
  if (exposed !== undefined) throw new CommandRefusal(exposed)
  const assembled = assembleDialplan(dialplan)
  const log = await openLog(options.logLevel)
  for (const note of dialplan.notes ?? []) log.warn({ line: note.line }, note.text)
  let running: RunningNode | undefined
  let api: ApiOptions | undefined
  const http = await serveHttp(
    dialplan,
    () => running,
    () => api,
    log,
  )
  running = await runNode({ ...options, dialplan, assembled, log })
  if (http !== undefined) api = apiOf(dialplan, running, log)
  surviveFaults(log)
  stopOnSignal(running, http, log)
  const again = async (): Promise<Dialplan> => {
    const next = await read()
    await checkMirror(next, options)
    return next
  }
  reloadOnSignal(running, dialplan, again, log)
  for (const line of announcement(dialplan, running.node.listening, http?.listening)) say(line)
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

/** Opened before the node, so that a port in use is told before anything is touched; unhealthy until the node runs. */
async function serveHttp(
  { name, http, elements }: Dialplan,
  running: () => RunningNode | undefined,
  api: () => ApiOptions | undefined,
  log: Log,
): Promise<HttpSide | undefined> {
  if (http === undefined) return undefined
  const health = (): Health => {
    const store = running()?.storeFault()
    return {
      healthy: running() !== undefined && store === undefined,
      store,
      network: name,
      elements: elements.map(({ name, role }) => ({ name, role })),
      listening: running()?.node.listening ?? [],
      upSeconds: Math.round(process.uptime()),
    }
  }
  return openHttp({ listen: http, health, metrics: new Metrics(() => running()?.node.metrics() ?? []), api, log })
}

/** The interface to what the elements of this node serve over HTTP; none where they serve nothing. */
function apiOf({ elements, data, api = {} }: Dialplan, running: RunningNode, log: Log): ApiOptions | undefined {
  const here = running.elements.flatMap((element) => {
    const planned = elements.find(({ name }) => name === element.name)
    return planned === undefined ? [] : [{ role: planned.role, element }]
  })
  if (!hasRoutes(here)) return undefined
  const token = api.token ?? (data === 'memory' ? undefined : keepToken(data))
  return { routes: routesOf(here), access: { token, open: api.open ?? false }, log }
}

/** No input ends a process (SPEC §2.6): a fault nobody caught is logged, and all else goes on. */
function surviveFaults(log: Log): void {
  process.on('uncaughtException', (error) => log.error({ err: error }, 'uncaught fault'))
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'))
}

/** SIGHUP: the file is read again. Where it has faults, each is told and the plan that runs stays in force. */
function reloadOnSignal(running: RunningNode, started: Dialplan, read: () => Promise<Dialplan>, log: Log): void {
  const { file } = started
  let before = started
  const again = async (): Promise<void> => {
    try {
      const next = await read()
      const exposed = exposure({ ...next, listen: started.listen })
      if (exposed !== undefined) throw new CommandRefusal(exposed)
      const outcome = await reload(running, started, next, before)
      if (outcome.faults !== undefined) throw refuseFaults(outcome.faults)
      running.capture(next.capture)
      before = next
      log.info({ file }, 'dialplan read again')
      const { waiting } = outcome
      if (waiting.length > 0) log.warn({ waiting }, `these changes take effect at the next start: ${waiting.join(', ')}`)
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      for (const line of text.split('\n')) log.error({ file }, `dialplan not taken, the one before stays in force: ${line}`)
    }
  }
  let last = Promise.resolve()
  process.on('SIGHUP', () => {
    last = last.then(again) // one after the other
  })
}

function stopOnSignal(running: RunningNode, http: HttpSide | undefined, log: Log): void {
  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(0) // told twice: at once
    stopping = true
    log.info({ signal }, 'stopping')
    running.clock.after(patienceMs, () => {
      log.warn({}, 'something would not close; stopping all the same')
      process.exit(0)
    })
    Promise.all([http?.close(), running.stop(graceMs)]).then(
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
