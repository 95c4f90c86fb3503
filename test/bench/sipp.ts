/** Load by sipp: one process a scenario of test/bench/sipp, and the statistics it leaves. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { end } from './servers.ts'

/** Upper bounds in milliseconds of a share of the response times; Infinity beyond the last of sipp's classes. */
export interface Percentiles {
  readonly p50?: number
  readonly p99?: number
}

/** What sipp counted since it started. */
export interface SippCounts extends Percentiles {
  readonly started: number
  readonly succeeded: number
  readonly failed: number
  readonly retransmissions: number
  /** `counter="1"` of the scenario. */
  readonly counted: number
  /** Seconds from its first to its last moment. */
  readonly seconds: number
}

export interface SippOptions {
  readonly scenario: string
  /** Port of the server. */
  readonly target: number
  /** Port of this sipp. */
  readonly port: number
  /** Calls a second, and how many; an answering scenario has neither. */
  readonly rate?: number
  readonly count?: number
  /** Calls at a time at most. Default 2 s of the rate. */
  readonly limit?: number
  /** `[name]` in the scenario. */
  readonly keys?: Readonly<Record<string, string>>
  /** First field of its file of values, which is gone through in order and over again. */
  readonly values?: readonly string[]
  /** Further arguments. */
  readonly more?: readonly string[]
}

export class Sipp {
  readonly pid: number
  private readonly child: ChildProcess
  private readonly folder = mkdtempSync(join(tmpdir(), 'proxima-bench-'))
  private readonly statistics = join(this.folder, 'statistics')
  private readonly exited: Promise<void>

  constructor(options: SippOptions) {
    const complaints = openSync(join(this.folder, 'complaints'), 'a')
    this.child = spawn('sipp', this.arguments(options), { stdio: ['ignore', 'ignore', complaints], cwd: this.folder })
    closeSync(complaints)
    this.pid = this.child.pid ?? 0
    this.exited = new Promise((resolve, reject) => {
      this.child.once('exit', () => resolve())
      this.child.once('error', reject)
    })
  }

  /** Waits until it has ended by itself, at most so long; then it is ended. Resolves with the last statistics. */
  async finish(seconds: number): Promise<SippCounts> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), seconds * 1000)
    await this.exited
    clearTimeout(timer)
    return this.counts()
  }

  /** As of the last second. Throws with what sipp complains of, where it does not run at all. */
  counts(): SippCounts {
    if (!existsSync(this.statistics)) throw new Error(`sipp: ${readFileSync(join(this.folder, 'complaints'), 'latin1').trim()}`)
    return readStatistics(readFileSync(this.statistics, 'latin1'))
  }

  async stop(): Promise<void> {
    await end(this.child, 'SIGKILL', 1000)
    rmSync(this.folder, { recursive: true, force: true })
  }

  private arguments(options: SippOptions): readonly string[] {
    const { scenario, target, port, rate, count, keys = {}, values, more = [] } = options
    const limit = options.limit ?? Math.max(2000, 2 * (rate ?? 0))
    const list = ['-sf', join(import.meta.dirname, 'sipp', `${scenario}.xml`), '-i', '127.0.0.1', '-p', String(port), '-t', 'u1']
    list.push('-nostdin', '-skip_rlimit', '-default_behaviors', 'none', '-deadcall_wait', '0', '-buff_size', '4194304')
    list.push('-timer_resol', '1', '-max_recv_loops', '5000', '-max_sched_loops', '5000')
    list.push('-watchdog_minor_threshold', '60000', '-watchdog_major_threshold', '120000')
    list.push('-trace_stat', '-stf', this.statistics, '-fd', '1')
    for (const [name, value] of Object.entries({ domain: 'sip.test', ...keys })) list.push('-key', name, value)
    if (rate !== undefined) list.push('-r', String(rate), '-l', String(limit))
    if (count !== undefined) list.push('-m', String(count))
    if (values !== undefined) {
      const file = join(this.folder, 'values')
      writeFileSync(file, `SEQUENTIAL\n${values.join(';\n')};\n`)
      list.push('-inf', file)
    }
    return [...list, ...more, `127.0.0.1:${target}`]
  }
}

/** The cumulative figures of sipp's -trace_stat file: a head and a line a second, fields parted by semicolons. */
export function readStatistics(text: string): SippCounts {
  const lines = text.trim().split('\n')
  const names = lines[0]?.split(';') ?? []
  const values = lines.length > 1 ? lines.at(-1)!.split(';') : []
  const field = (name: string): string => values[names.indexOf(name)] ?? ''
  const moment = (name: string): number => Number(field(name).trim().split(/\s+/).at(-1))
  const seconds = moment('CurrentTime') - moment('StartTime')
  return {
    started: Number(field('TotalCallCreated')),
    succeeded: Number(field('SuccessfulCall(C)')),
    failed: Number(field('FailedCall(C)')),
    retransmissions: Number(field('Retransmissions(C)')),
    counted: Number(field('GenericCounter1(C)')),
    seconds: Number.isFinite(seconds) ? seconds : 0,
    ...percentiles(names.map((name, index) => [name, Number(values[index])] as const)),
  }
}

/** Columns such as `ResponseTimeRepartition1_<5` and, last, `ResponseTimeRepartition1_>=1000`. */
function percentiles(columns: readonly (readonly [name: string, count: number])[]): Percentiles {
  const classes: (readonly [bound: number, count: number])[] = []
  for (const [name, count] of columns) {
    const found = /^ResponseTimeRepartition1_(<|>=?)([0-9]+)$/.exec(name)
    if (found !== null && Number.isFinite(count)) classes.push([found[1] === '<' ? Number(found[2]) : Infinity, count])
  }
  const total = classes.reduce((sum, [, count]) => sum + count, 0)
  if (total === 0) return {}
  const bound = (share: number): number => {
    let sum = 0
    return classes.find(([, count]) => (sum += count) >= share * total)?.[0] ?? Infinity
  }
  return { p50: bound(0.5), p99: bound(0.99) }
}
