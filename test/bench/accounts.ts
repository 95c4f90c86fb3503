/** What processes use, by the operating system's account in /proc: CPU in microseconds, memory in bytes. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export interface Cpu {
  readonly user: number
  readonly system: number
}

const tick = 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** A file that may be gone, since processes end while we read. */
function readGone(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** Fields of /proc/PID/stat from the state on (field 3 of proc(5) is 0 here); none where the process is gone. */
function statOf(pid: number | 'self'): readonly string[] {
  const text = readGone(`/proc/${pid}/stat`)
  return text === '' ? [] : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function allPids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
}

/** That process and all below it. */
export function processTree(pid: number): readonly number[] {
  const children = new Map<number, number[]>()
  for (const one of allPids()) {
    const parent = Number(statOf(one)[1])
    const list = children.get(parent)
    if (list === undefined) children.set(parent, [one])
    else list.push(one)
  }
  const tree = [pid]
  for (const one of tree) tree.push(...(children.get(one) ?? []))
  return tree
}

/** User and system time of the processes, ended threads included; steps of 10 ms. */
export function cpuOf(pids: readonly number[]): Cpu {
  let [user, system] = [0, 0]
  for (const pid of pids) {
    const fields = statOf(pid)
    user += Number(fields[11] ?? 0) * tick
    system += Number(fields[12] ?? 0) * tick
  }
  return { user, system }
}

/** The same as one number; of the scheduler's account where the kernel has one, which knows nanoseconds. */
export function ranOf(pids: readonly number[]): number {
  let sum = 0
  for (const pid of pids) {
    const threads = readThreads(pid)
    if (threads.length === 0) {
      const { user, system } = cpuOf([pid])
      sum += user + system
    }
    for (const thread of threads) sum += Number(thread.split(' ', 1)[0]) / 1000
  }
  return sum
}

function readThreads(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .map((thread) => readGone(`/proc/${pid}/task/${thread}/schedstat`))
      .filter((text) => text !== '')
  } catch {
    return []
  }
}

/** User and system time of every process on the machine, by pid. */
export function everybody(): ReadonlyMap<number, number> {
  return new Map(
    allPids().map((pid) => {
      const { user, system } = cpuOf([pid])
      return [pid, user + system]
    }),
  )
}

/** What those that are not in `ours` used since `before`. */
export function othersSince(before: ReadonlyMap<number, number>, ours: ReadonlySet<number>): number {
  let sum = 0
  for (const [pid, us] of everybody()) if (!ours.has(pid)) sum += us - (before.get(pid) ?? us)
  return sum
}

/** User and system time of our children that have ended. */
export function endedChildren(): number {
  const fields = statOf('self')
  return (Number(fields[13]) + Number(fields[14])) * tick
}

/** Resident bytes, what processes share being counted once. */
export function residentOf(pids: readonly number[]): number {
  let sum = 0
  for (const pid of pids) sum += Number(/^Pss:\s*([0-9]+)/m.exec(readGone(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024
  return sum
}

/** Datagrams that the sockets on those ports had no room for. */
export function droppedAt(ports: readonly number[]): number {
  let sum = 0
  for (const line of readGone('/proc/net/udp').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/)
    if (ports.includes(Number.parseInt(fields[1]?.split(':')[1] ?? '', 16))) sum += Number(fields.at(-1))
  }
  return sum
}
