/** What a run of the benchmark prints in the end: where and how it ran, figures of each server, and what they are to each other. */
import { existsSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { median } from './figures.ts'
import type { Measurement } from './measure.ts'
import type { ServerName } from './servers.ts'
import { figure, type Layout, table } from './table.ts'
import { type Target, targetOf } from './targets.ts'
import { type WorkloadName, workloads } from './workloads.ts'

/** The largest rate without loss that was found. */
export interface Maximum {
  readonly workload: WorkloadName
  readonly server: ServerName
  readonly rate: number
  /** Done a second when twice that was offered. */
  readonly overloaded: number | undefined
}

export interface Results {
  readonly date: string
  readonly command: string
  readonly data: string
  readonly measurements: readonly Measurement[]
  readonly maxima: readonly Maximum[]
}

/** All of it, as paragraphs. */
export function printResults(results: Results, layout: Layout): string {
  const parts = [printCircumstances(results, layout), printMeasurements(results.measurements, layout)]
  if (results.maxima.length > 0) parts.push(printMaxima(results.maxima, layout))
  parts.push(printVerdicts(results, layout))
  return parts.filter((part) => part !== '').join('\n\n')
}

function printCircumstances({ date, command, data }: Results, layout: Layout): string {
  const processors = cpus()
  const quote = layout === 'markdown' ? '`' : ''
  return [
    `${quote}${command}${quote}, ${date}; state ${data === 'memory' ? 'in memory' : 'in the durable store'}, peer in memory.`,
    `${processors.length} cores of ${processorName()}; Node ${process.version}; loopback.`,
    'CPU in microseconds a transaction, user and system of the whole server; generator beside it; only ratios of one run count.',
  ].join('\n')
}

/** Ratios move by a factor of four from one kind to another: family and model tell them apart, where the name does not. */
function processorName(): string {
  const name = cpus()[0]?.model.trim() ?? 'an unknown kind'
  const cpuInfo = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : ''
  const of = (field: string): string | undefined => new RegExp(`^${field}\\s*: (\\d+)$`, 'm').exec(cpuInfo)?.[1]
  const [family, model] = [of('cpu family'), of('model')]
  return family === undefined ? name : `${name} (family ${family}, model ${model})`
}

/** Medians over the runs of one workload, rate and server. */
function groups(measurements: readonly Measurement[]): readonly (readonly Measurement[])[] {
  const found = new Map<string, Measurement[]>()
  for (const one of measurements) {
    const key = `${one.workload} ${one.rate} ${one.server}`
    const group = found.get(key)
    if (group === undefined) found.set(key, [one])
    else group.push(one)
  }
  return [...found.values()]
}

const heads = ['workload', 'offered/s', 'server', 'us', 'of it user', 'done/s', 'lost', 'resent', 'p50 ms', 'p99 ms']
const heads2 = ['generator us', 'others %', 'RSS MB', 'bytes grown', 'bytes live']

function printMeasurements(measurements: readonly Measurement[], layout: Layout): string {
  const rows = groups(measurements).map((group) => {
    const middle = (pick: (one: Measurement) => number | undefined): number => median(group.map((one) => pick(one) ?? Number.NaN))
    const first = group[0]!
    const keeps = workloads.find(({ name }) => name === first.workload)?.keeps !== undefined
    return [
      first.workload,
      String(first.rate),
      first.server,
      figure(
        middle(({ us }) => us),
        1,
      ),
      `${figure(middle(({ userShare }) => userShare * 100))}%`,
      figure(middle(({ done, seconds }) => done / seconds)),
      figure(middle(({ offered, done }) => offered - done)),
      figure(middle(({ retransmissions }) => retransmissions)),
      bound(
        middle(({ p50 }) => p50),
        first.workload,
      ),
      bound(
        middle(({ p99 }) => p99),
        first.workload,
      ),
      figure(
        middle(({ generatorUs }) => generatorUs),
        1,
      ),
      figure(middle(({ others }) => others * 100)),
      figure(middle(({ resident }) => resident / 1e6)),
      keeps ? figure(middle(({ grown }) => grown)) : '',
      keeps ? figure(middle(({ live }) => live)) : '',
    ]
  })
  return table([...heads, ...heads2], rows, layout)
}

/** sipp knows upper bounds only. */
function bound(value: number, workload: string): string {
  if (workload === 'match') return figure(value, 1)
  return Number.isFinite(value) ? `<${figure(value)}` : figure(value)
}

function printMaxima(maxima: readonly Maximum[], layout: Layout): string {
  const rows = maxima.map(({ workload, server, rate, overloaded }) => [
    workload,
    server,
    String(rate),
    figure(overloaded),
    figure(overloaded === undefined ? undefined : (100 * overloaded) / rate),
  ])
  return table(['saturated', 'server', 'largest/s without loss', 'done/s at twice that', '% of it'], rows, layout)
}

/** Ratios to the peer, and what was wanted. */
function printVerdicts({ measurements, maxima }: Results, layout: Layout): string {
  const rows: (readonly string[])[] = []
  for (const group of groups(measurements)) {
    const { workload, rate, server } = group[0]!
    if (server !== 'proxima') continue
    const name = workload as WorkloadName
    const target = targetOf(name, rate)
    const us = median(group.map((one) => one.us))
    const what = `${workload} ${rate}/s, CPU`
    for (const [peer, wanted] of peers(target)) {
      const theirs = median(
        measurements.filter((one) => one.workload === workload && one.rate === rate && one.server === peer).map((one) => one.us),
      )
      const beside = peer === 'kamailio' ? what : `${what}, ${peer}`
      if (!Number.isNaN(theirs)) rows.push(verdict(beside, `${figure(us, 1)} us`, `${figure(theirs, 1)} us`, us / theirs, wanted))
    }
    if (target.us !== undefined) rows.push(verdict(`${what} in us`, `${figure(us, 1)} us`, '', us, target.us))
    const live = median(group.map((one) => one.live ?? Number.NaN))
    if (target.live !== undefined && !Number.isNaN(live))
      rows.push(verdict(`${workload}, bytes live`, `${figure(live)} B`, '', live, target.live))
  }
  for (const { workload, server, rate } of maxima) {
    if (server !== 'proxima') continue
    const theirs = maxima.find((one) => one.workload === workload && one.server === 'kamailio')
    const { maximum } = targetOf(workload)
    if (theirs === undefined) continue
    const row = verdict(`${workload}, largest rate`, `${rate}/s`, `${theirs.rate}/s`, rate / theirs.rate, undefined)
    const met = maximum === undefined ? '' : rate >= maximum * theirs.rate ? 'yes' : 'no'
    rows.push([...row.slice(0, 4), maximum === undefined ? '' : `>= ${maximum}`, met])
  }
  if (rows.length === 0) return ''
  return table(['compared', 'proxima', 'peer', 'ratio', 'target', 'met'], rows, layout)
}

/** Whom we are compared with, and what is wanted beside each. */
function peers({ ratio, durableRatio }: Target): readonly (readonly [ServerName, number | undefined])[] {
  return [
    ['kamailio', ratio],
    ['kamailio-sqlite', durableRatio],
  ]
}

/** Where there is no peer the figure itself stands as the ratio. */
function verdict(what: string, ours: string, theirs: string, ratio: number, target: number | undefined): readonly string[] {
  const met = target === undefined ? '' : ratio <= target ? 'yes' : 'no'
  return [what, ours, theirs, theirs === '' ? '' : figure(ratio, 2), target === undefined ? '' : `<= ${target}`, met]
}
