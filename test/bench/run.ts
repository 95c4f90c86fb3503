/**
 * `npm run bench`: the speed of Proxima as CPU a transaction, and beside a peer in the same run; `signalling` and `growth` are
 * others of their own. `--help` says what each takes.
 */
import { writeFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { growthCommand } from './growth.ts'
import { type Measurement, measure, type Pace } from './measure.ts'
import { byFile, type CpuProfile, type Span, selfTimes } from './profile.ts'
import { pushCommand } from './push.ts'
import { type Maximum, printResults, type Results } from './report.ts'
import { missingPrograms, type ServerName } from './servers.ts'
import { signallingCommand } from './signalling.ts'
import { findMaximum, openStand, warmUp } from './stand.ts'
import { figure, table } from './table.ts'
import { takeUpCommand } from './take-up.ts'
import { type Workload, type WorkloadName, workloads } from './workloads.ts'

interface Options {
  readonly only: readonly WorkloadName[]
  readonly rate?: readonly number[]
  readonly seconds: number
  readonly runs: number
  readonly data: 'durable' | 'memory'
  readonly udp: 'auto' | 'native' | 'dgram'
  readonly peer?: 'kamailio'
  readonly max: boolean
  readonly drain: number
  readonly profile: boolean
  readonly quick: boolean
  readonly markdown: boolean
  readonly json?: string
}

const names = workloads.map(({ name }) => name)
const topFunctions = 25
const warmUpTransactions = 20_000 // what is measured has been compiled by then
const forgetAfter = 36 // seconds: Timer J of RFC 3261 §17.2.2 and somewhat more

function readNames(text: string): readonly WorkloadName[] {
  const wanted = text.split(',') as WorkloadName[]
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no ${unknown}, only ${names.join(', ')}.`)
  return wanted
}

function readNumber(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('Expected a number above 0.')
  return value
}

let speedAsked = false
const command = new Command('bench')
  .description('Measures what Proxima costs: CPU of the whole server a transaction, paced and saturated, by sipp on loopback.')
  .option('--only <workloads>', `of ${names.join(',')}`, readNames, names)
  .option('--rate <rates>', 'transactions a second, instead of each workload’s own', (text) => text.split(',').map(readNumber))
  .option('--seconds <seconds>', 'of each load', readNumber, 8)
  .option('--runs <runs>', 'of each paced load; the median is told', readNumber, 3)
  .option('--drain <seconds>', 'after the load whose CPU counts too', readNumber, 6)
  .addOption(new Option('--data <kind>', 'where Proxima keeps state').choices(['durable', 'memory']).default('durable'))
  .addOption(new Option('--udp <by>', 'what carries our datagrams').choices(['auto', 'native', 'dgram']).default('auto'))
  .addOption(new Option('--peer <name>', 'measure this beside us, in turns').choices(['kamailio']))
  .option('--no-max', 'do not look for the largest rate without loss')
  .option('--profile', 'tell also which functions the time went to; without peer, run or search beside it', false)
  .option('--quick', 'a smoke run: short, slow, its figures mean nothing', false)
  .option('--markdown', 'print Markdown', false)
  .option('--json <file>', 'write all figures there too')
  .addHelpText('after', '\nExample:\n  $ npm run bench -- --peer kamailio --only message,register --runs 3')
  .action(() => {
    speedAsked = true
  })
  .addCommand(signallingCommand())
  .addCommand(growthCommand())
  .addCommand(takeUpCommand())
  .addCommand(pushCommand())

await command.parseAsync()
const options: Options = command.opts()
const pace: Pace = options.quick
  ? { seconds: 2, warmUp: 500, idle: 0.5, drain: 1, forget: 0 }
  : {
      seconds: options.seconds,
      warmUp: warmUpTransactions,
      idle: 2,
      drain: options.drain,
      forget: options.profile ? 0 : forgetAfter,
    }
const measurements: Measurement[] = []
const maxima: Maximum[] = []
let faults = 0

/** Progress goes to standard error, so that the tables can be redirected. */
function tell(line: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
}

function serversFor({ peer, writes }: Workload): readonly ServerName[] {
  if (options.peer === undefined || peer === undefined || options.profile) return ['proxima']
  return writes === true ? ['proxima', 'kamailio', 'kamailio-sqlite'] : ['proxima', 'kamailio']
}

/** A fault ends one measurement, not the run. */
async function surviving(what: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    faults++
    tell(`${what} failed: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function paced(workload: Workload, rate: number, name: ServerName): Promise<void> {
  const stand = await openStand(workload, name, options)
  let result: Measurement | undefined
  let cpuProfile: string | undefined
  try {
    await warmUp(stand, rate, pace.warmUp)
    const forget = workload.keeps === undefined ? 0 : pace.forget
    result = await measure(workload, stand.server, stand.session, rate, { ...pace, forget })
    measurements.push(result)
  } finally {
    cpuProfile = await stand.close()
  }
  const { us, generatorUs, offered, done, others, span } = result
  const parts = [`${figure(us, 1)} us`, `generator ${figure(generatorUs, 1)} us`, `${done} of ${offered}`]
  tell(`${workload.name} ${rate}/s, ${name}: ${parts.join(', ')}, others took ${figure(others * 100)}% of a core`)
  if (cpuProfile !== undefined) printProfile(workload, JSON.parse(cpuProfile) as CpuProfile, span)
}

async function saturated(workload: Workload, name: ServerName): Promise<void> {
  const { quick } = options
  const found = await findMaximum({
    first: quick ? 1000 : Math.max(...workload.rates),
    seconds: quick ? 1 : 3,
    quick,
    overload: workload.name === 'message',
    share: workload.share,
    open: () => openStand(workload, name, options),
    tell: (line) => tell(`${workload.name}, ${name}, ${line}`),
  })
  maxima.push({ workload: workload.name, server: name, ...found })
}

function printProfile({ name }: Workload, profile: CpuProfile, span: Span): void {
  const times = selfTimes(profile, span)
  const rows = times.slice(0, topFunctions).map(({ share, name, place }) => [figure(share * 100, 1), name, place])
  const files = byFile(times).slice(0, topFunctions)
  console.log(`\nWhere the time of ${name} went (self time, idle time left out)\n`)
  console.log(table(['%', 'function', 'place'], rows, options.markdown ? 'markdown' : 'aligned'))
  console.log(`\n${files.map(({ file, share }) => `${file} ${figure(share * 100, 1)}%`).join(', ')}`)
}

async function speed(): Promise<void> {
  const missing = missingPrograms(options.peer !== undefined)
  if (missing.length > 0) {
    console.error(
      `bench: this machine lacks Debian's ${missing.join(' and ')}; install with: apt-get install ${missing.join(' ')}`,
    )
    process.exit(1)
  }
  for (const workload of workloads) {
    if (!options.only.includes(workload.name)) continue
    const rates = options.rate ?? (options.quick ? [1000] : workload.rates)
    const runs = options.quick || options.profile ? 1 : options.runs
    for (const rate of rates) {
      for (let run = 0; run < runs; run++) {
        for (const server of serversFor(workload))
          await surviving(`${workload.name} ${rate}/s by ${server}`, () => paced(workload, rate, server))
      }
    }
    if (!options.max || options.profile) continue
    for (const server of serversFor(workload))
      await surviving(`${workload.name} saturated by ${server}`, () => saturated(workload, server))
  }
  const results: Results = {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim(),
    data: options.data,
    measurements,
    maxima,
  }
  console.log(printResults(results, options.markdown ? 'markdown' : 'aligned'))
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`)
  process.exitCode = faults > 0 ? 1 : 0
}

if (speedAsked) await speed()
