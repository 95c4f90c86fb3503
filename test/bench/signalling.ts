/**
 * `npm run bench -- signalling`: what the method of proximity saves in signalling, and where it does not. In virtual time: the same
 * seed gives the same figures on every machine.
 */
import { Command, InvalidArgumentError } from 'commander'
import type { Dialplan } from '../../dialplans/network/dialplan.ts'
import { loadDialplan } from '../../dialplans/network/load.ts'
import type { Count } from './signalling-counts.ts'
import { nameOf, pace, Town } from './signalling-town.ts'
import { figure, type Layout, table } from './table.ts'

interface Options {
  readonly ues: number
  readonly minutes: number
  readonly seed: number
  readonly edge: number
  readonly range: number
  readonly friends: number
  readonly period: number
  readonly markdown: boolean
}

/** One run of a town. Figures are of one listener in one hour. */
interface Run {
  readonly what: string
  readonly mode?: 'all' | 'listed'
  readonly listeners?: number
  readonly edge?: number
  /** What the application server does; left out: nobody uses it. */
  readonly feedback?: 'poll' | 'period' | 'change' | 'gap'
  /** Of users of the application: look for friends alone. */
  readonly friendsOnly?: boolean
  /** UEs ask the proximity server themselves, for whole lists and for differences. */
  readonly watch?: boolean
}

const refresh = 20 // seconds before a code is reported again, and a third of what an entry lives
const settling = 60 // seconds before anything is counted
const stride = 47 // between two friends, in the order of joining
const sample = { friends: 100, all: 40, differences: 40 } // UEs that listen, where a figure does not depend on how many do
const proximity = ['proximity', 'proximity-diff']

function readNumber(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('Expected a number above 0.')
  return value
}

export function signallingCommand(): Command {
  return new Command('signalling')
    .description('Counts the signalling of UEs that walk about, in virtual time: with and without the means that save it.')
    .option('--ues <count>', 'that walk about', readNumber, 1000)
    .option('--minutes <count>', 'simulated', readNumber, 60)
    .option('--seed <number>', 'of everything that is left to chance', readNumber, 1)
    .option('--edge <metres>', 'of the square', readNumber, 2500)
    .option('--range <metres>', 'as far as a code is heard', readNumber, 60)
    .option('--friends <count>', 'of each user', readNumber, 20)
    .option('--period <seconds>', 'between two questions, or two reports', readNumber, 30)
    .option('--markdown', 'print Markdown', false)
    .action(signalling)
}

async function signalling(options: Options): Promise<void> {
  const loaded = loadDialplan(new URL('../../dialplans/direct.yaml', import.meta.url).pathname)
  if (loaded.faults !== undefined) throw new Error('direct.yaml has faults')
  const { ues, minutes, seed, edge, range, friends, period } = options
  const near = (metres: number): string => figure(((ues - 1) * Math.PI * range ** 2) / metres ** 2, 1)
  const square = `${ues} UEs walk ${minutes} min (${pace.slowest} to ${pace.fastest} m/s, seed ${seed}) on ${edge} m x ${edge} m`
  console.log(`${square}, are heard to ${range} m: some ${near(edge)} are near each; a code is reported each ${refresh} s.`)
  console.log(`Messages are requests and responses, counted for a UE and an hour; each user has ${friends} friends.\n`)
  const layout: Layout = options.markdown ? 'markdown' : 'aligned'
  const started = performance.now()
  const play = (run: Run): Promise<Town> => walk(loaded.value, options, run)
  console.log(await reports(options, play, layout))
  console.log(await feedback(options, play, layout))
  console.log(await differences(options, play, layout, near))
  process.stderr.write(`${figure((performance.now() - started) / 1000)} s; period ${period} s\n`)
}

/** Plays one run; what has been counted is in the town that it returns, which is closed. */
async function walk(dialplan: Dialplan, options: Options, run: Run): Promise<Town> {
  const { ues, minutes, seed, range, friends, period } = options
  const { mode = 'listed', listeners = ues, edge = options.edge, feedback } = run
  const started = performance.now()
  const identity = (index: number): string => `sip:${nameOf(((index % ues) + ues) % ues)}@${dialplan.domains[0]}`
  /** As many to either side, none who joined at the same time; who stands next to whom is left to chance. */
  const friendsOf = (index: number): string[] =>
    Array.from({ length: Math.min(friends, ues - 1) }, (_, i) =>
      identity(index + stride * (i % 2 === 0 ? 1 : -1) * (1 + (i >> 1))),
    )
  const names = Array.from({ length: ues }, (_, index) => index)
  const town = new Town({
    dialplan,
    ...{ ues, listeners: Math.min(listeners, ues), edge, range, refresh, seed },
    settings: {
      hss: {
        subscribers: names.map((index) => ({
          id: nameOf(index),
          password: nameOf(index),
          permissions: { discoverable: true, discoverer: true },
        })),
      },
      prose: {
        ...{ mode, report: { refresh }, lifetime: 3 * refresh, code: { lifetime: 3600, grace: 60 } },
        monitors: mode === 'all' ? {} : Object.fromEntries(names.map((index) => [identity(index), friendsOf(index)])),
      },
      as: feedback === 'gap' ? { feedback: 'change', gap: period } : { feedback: feedback ?? 'change', period },
    },
  })
  await town.open()
  await town.each(feedback === undefined ? 0 : ues, async ({ ue, application }) => {
    const { status } = await application.register()
    if (status !== 200) throw new Error(`${ue.device} is no user: ${status}`)
  })
  await town.each(town.listeners, async ({ ue, application }, index) => {
    if (run.watch) for (const diff of [false, true]) ue.watch({ diff }, () => undefined)
    if (feedback === undefined) return
    if (run.friendsOnly) await application.register({ friends: friendsOf(index) })
    application.watch(() => undefined, undefined, feedback === 'gap' ? { gap: period } : {})
  })
  await town.clock.advance(settling * 1000)
  town.counts.begin()
  await town.clock.advance(minutes * 60_000)
  await town.close()
  process.stderr.write(`${run.what}: ${figure((performance.now() - started) / 1000)} s\n`)
  return town
}

/** Of one listener in one hour. */
function hourly({ minutes }: Options, { listeners }: Town, count: Count): Count {
  const share = 60 / minutes / listeners
  return { messages: count.messages * share, bytes: count.bytes * share, bodies: count.bodies * share }
}

const kilobytes = (bytes: number): string => figure(bytes / 1000, 1)
const ratio = (a: number, b: number): string => figure(a / b, 2)

async function reports(options: Options, play: (run: Run) => Promise<Town>, layout: Layout): Promise<string> {
  const rows: string[][] = []
  let first: Count | undefined
  for (const mode of ['all', 'listed'] as const) {
    const town = await play({ what: `reports, mode ${mode}`, mode })
    const of = (topic: string): Count => hourly(options, town, town.counts.between('edge', 'ue', [topic]))
    const [report, list] = [of('report'), of('prose')]
    const sum = { messages: report.messages + list.messages, bytes: report.bytes + list.bytes, bodies: 0 }
    first ??= sum
    rows.push([
      mode === 'all' ? 'mode all: every code' : `mode listed: codes of ${options.friends} friends`,
      ...[report.messages, list.messages, sum.messages].map((value) => figure(value, 1)),
      kilobytes(sum.bytes),
      ratio(sum.messages, first.messages),
      ratio(sum.bytes, first.bytes),
    ])
  }
  const head = ['match reports', 'reports', 'codes and lists', 'messages', 'kB', 'of all', 'kB of all']
  return `${table(head, rows, layout)}\n`
}

async function feedback(options: Options, play: (run: Run) => Promise<Town>, layout: Layout): Promise<string> {
  const rows: string[][] = []
  const { period, friends } = options
  const names = {
    poll: `poll each ${period} s`,
    period: `on change and each ${period} s`,
    change: 'on change',
    gap: `on change, at most each ${period} s`,
  }
  for (const friendsOnly of [true, false]) {
    let first: number | undefined
    for (const feedback of ['poll', 'period', 'change', 'gap'] as const) {
      const mode = friendsOnly ? 'listed' : 'all'
      const what = `${friendsOnly ? `${friends} friends` : 'all users'}, ${names[feedback]}`
      const town = await play({ what, mode, feedback, friendsOnly, listeners: friendsOnly ? sample.friends : sample.all })
      const of = (a: string, b: string, topics: readonly string[]): Count =>
        hourly(options, town, town.counts.between(a, b, topics))
      const [asked, told] = [of('as', 'prose', proximity), of('edge', 'ue', ['proximate-users'])]
      const sum = asked.messages + told.messages
      first ??= sum
      const bytes = [asked.bytes, told.bytes].map(kilobytes)
      rows.push([what, ...[asked.messages, told.messages, sum].map((value) => figure(value, 1)), ...bytes, ratio(sum, first)])
    }
  }
  const head = ['application server', 'AS and ProSe', 'UE', 'messages', 'kB AS and ProSe', 'kB UE', 'of poll']
  return `${table(head, rows, layout)}\n`
}

async function differences(
  options: Options,
  play: (run: Run) => Promise<Town>,
  layout: Layout,
  near: (edge: number) => string,
): Promise<string> {
  const rows: string[][] = []
  for (const share of [1, 2, 4]) {
    const edge = options.edge / share
    const town = await play({
      what: `differences, ${edge} m`,
      mode: 'all',
      edge,
      watch: true,
      listeners: sample.differences / share,
    })
    const of = (topic: string): Count => hourly(options, town, town.counts.between('edge', 'ue', [topic]))
    const [full, diff] = [of('proximity'), of('proximity-diff')]
    rows.push([
      `${near(edge)} near each`,
      figure(full.messages, 1),
      ...[full.bodies, diff.bodies].map(kilobytes),
      ratio(diff.bodies, full.bodies),
      ratio(diff.bytes, full.bytes),
    ])
  }
  const head = ['feedback to a UE', 'messages', 'kB of full bodies', 'kB of differences', 'diff of full', 'with headers']
  return `${table(head, rows, layout)}\n`
}
