/** `npm run bench`: the speed of Proxima as CPU a transaction, and beside a peer in the same run. `--help` says what it takes. */
import { writeFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { largestRate } from './figures.ts'
import { lossless, type Measurement, measure, type Pace } from './measure.ts'
import { byFile, type CpuProfile, type Span, selfTimes } from './profile.ts'
import { type Maximum, printResults, type Results } from './report.ts'
import { missingPrograms, pause, type Server, type ServerName, startKamailio, startProxima } from './servers.ts'
import { figure, table } from './table.ts'
import { type Session, type Workload, type WorkloadName, workloads } from './workloads.ts'

interface Options {
  readonly only: readonly WorkloadName[]
  readonly rate?: readonly number[]
  readonly seconds: number
  readonly runs: number
  readonly data: 'durable' | 'memory'
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

const command = new Command('bench')
  .description('Measures what Proxima costs: CPU of the whole server a transaction, paced and saturated, by sipp on loopback.')
  .option('--only <workloads>', `of ${names.join(',')}`, readNames, names)
  .option('--rate <rates>', 'transactions a second, instead of each workload’s own', (text) => text.split(',').map(readNumber))
  .option('--seconds <seconds>', 'of each load', readNumber, 8)
  .option('--runs <runs>', 'of each paced load; the median is told', readNumber, 3)
  .option('--drain <seconds>', 'after the load whose CPU counts too', readNumber, 6)
  .addOption(new Option('--data <kind>', 'where Proxima keeps state').choices(['durable', 'memory']).default('durable'))
  .addOption(new Option('--peer <name>', 'measure this beside us, in turns').choices(['kamailio']))
  .option('--no-max', 'do not look for the largest rate without loss')
  .option('--profile', 'tell also which functions the time went to; without peer, run or search beside it', false)
  .option('--quick', 'a smoke run: short, slow, its figures mean nothing', false)
  .option('--markdown', 'print Markdown', false)
  .option('--json <file>', 'write all figures there too')
  .addHelpText('after', '\nExample:\n  $ npm run bench -- --peer kamailio --only message,register --runs 3')

const options: Options = command.parse().opts()
const pace: Pace = options.quick
  ? { seconds: 2, warmUp: 0.5, idle: 0.5, drain: 1, forget: 0 }
  : { seconds: options.seconds, warmUp: 2, idle: 2, drain: options.drain, forget: options.profile ? 0 : forgetAfter }
const measurements: Measurement[] = []
const maxima: Maximum[] = []
let faults = 0

/** Progress goes to standard error, so that the tables can be redirected. */
function tell(line: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
}

function serversFor({ peer }: Workload): readonly ServerName[] {
  return options.peer === undefined || peer === undefined || options.profile ? ['proxima'] : ['proxima', options.peer]
}

/** Gives a fresh server with the workload set up on it to `use`; both are ended whatever happens. */
async function withServer(
  workload: Workload,
  name: ServerName,
  use: (server: Server, session: Session) => Promise<Span | undefined>,
) {
  const { data, profile } = options
  const server = await (name === 'proxima' ? startProxima({ data, profile }) : startKamailio(workload.peer!))
  let span: Span | undefined
  let cpuProfile: string | undefined
  try {
    const session = await workload.open(server)
    try {
      span = await use(server, session)
    } finally {
      await session.close()
    }
  } catch (error) {
    faults++
    tell(`${workload.name} by ${name} failed: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    cpuProfile = await server.stop()
  }
  if (cpuProfile !== undefined && span) printProfile(workload, JSON.parse(cpuProfile) as CpuProfile, span)
}

async function warmUp(session: Session, rate: number): Promise<void> {
  if (pace.warmUp === 0) return
  await session.prepare(rate / 2, pace.warmUp)
  await session.load(rate / 2, pace.warmUp)
  await pause(1000)
}

async function paced(workload: Workload, rate: number, name: ServerName): Promise<void> {
  await withServer(workload, name, async (server, session) => {
    await warmUp(session, rate)
    const forget = workload.keeps === undefined ? 0 : pace.forget
    const result = await measure(workload, server, session, rate, { ...pace, forget })
    measurements.push(result)
    const { us, generatorUs, offered, done, others } = result
    const parts = [`${figure(us, 1)} us`, `generator ${figure(generatorUs, 1)} us`, `${done} of ${offered}`]
    tell(`${workload.name} ${rate}/s, ${name}: ${parts.join(', ')}, others took ${figure(others * 100)}% of a core`)
    return result.span
  })
}

/** Each rate is given a second chance, since a machine that is also used for something else loses now and then. */
async function saturated(workload: Workload, name: ServerName): Promise<void> {
  const seconds = options.quick ? 1 : 3
  const first = options.quick ? 1000 : Math.max(...workload.rates)
  await withServer(workload, name, async (_server, session) => {
    await warmUp(session, first)
    const attempt = async (rate: number): Promise<{ readonly good: boolean; readonly throughput: number }> => {
      await session.prepare(rate, seconds)
      const result = await session.load(rate, seconds)
      const good = lossless(result, rate)
      const throughput = result.done / result.seconds
      tell(`${workload.name} ${rate}/s, ${name}: ${result.done} of ${result.offered}${good ? '' : ', not without loss'}`)
      await pause(good ? 1000 : 5000)
      return { good, throughput }
    }
    const search = { start: first, ...(options.quick ? { reach: 2, halvings: 0 } : {}) }
    const rate = await largestRate(search, async (rate) => (await attempt(rate)).good || (await attempt(rate)).good)
    const overloaded = workload.name === 'message' && rate > 0 ? (await attempt(2 * rate)).throughput : undefined
    maxima.push({ workload: workload.name, server: name, rate, overloaded })
    return undefined
  })
}

function printProfile({ name }: Workload, profile: CpuProfile, span: Span): void {
  const times = selfTimes(profile, span)
  const rows = times.slice(0, topFunctions).map(({ share, name, place }) => [figure(share * 100, 1), name, place])
  const files = byFile(times).slice(0, topFunctions)
  console.log(`\nWhere the time of ${name} went (self time, idle time left out)\n`)
  console.log(table(['%', 'function', 'place'], rows, options.markdown ? 'markdown' : 'aligned'))
  console.log(`\n${files.map(({ file, share }) => `${file} ${figure(share * 100, 1)}%`).join(', ')}`)
}

const missing = missingPrograms(options.peer !== undefined)
if (missing.length > 0) {
  console.error(`bench: this machine lacks Debian's ${missing.join(' and ')}; install with: apt-get install ${missing.join(' ')}`)
  process.exit(1)
}
for (const workload of workloads) {
  if (!options.only.includes(workload.name)) continue
  const rates = options.rate ?? (options.quick ? [1000] : workload.rates)
  const runs = options.quick || options.profile ? 1 : options.runs
  for (const rate of rates) {
    for (let run = 0; run < runs; run++) for (const server of serversFor(workload)) await paced(workload, rate, server)
  }
  if (!options.max || options.profile) continue
  for (const server of serversFor(workload)) await saturated(workload, server)
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
