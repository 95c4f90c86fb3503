/** One measurement: CPU of the server's whole process tree from before a load until it has drained, its idle cost taken off. */
import { cpuOf, droppedAt, endedChildren, everybody, othersSince, ranOf, residentOf } from './accounts.ts'
import { liveMemory } from './heap.ts'
import type { Span } from './profile.ts'
import { pause, type Server, type ServerName } from './servers.ts'
import type { LoadResult, Session } from './workloads.ts'

/** Seconds. */
export interface Pace {
  readonly seconds: number
  /** Transactions before, at half the rate, unmeasured. */
  readonly warmUp: number
  readonly idle: number
  readonly drain: number
  /** After the load until finished transactions are forgotten and what is live is what was asked for; 0: not counted. */
  readonly forget: number
}

export interface Measurement extends LoadResult {
  readonly workload: string
  readonly server: ServerName
  readonly rate: number
  /** Microseconds of CPU a transaction: the server's, and its generators'. */
  readonly us: number
  readonly generatorUs: number
  /** Share of the server's CPU that is not the kernel's. */
  readonly userShare: number
  /** Cores: by the server during the load and the draining, by the server when idle, by all that is not ours. */
  readonly busy: number
  readonly idle: number
  readonly others: number
  /** Datagrams that found no room at the server. */
  readonly dropped: number
  /** Bytes: of the whole server at the end, and by which it grew for each transaction. */
  readonly resident: number
  readonly grown: number
  /** Live bytes kept for each transaction, counted after a garbage collection, where the server can tell. */
  readonly live: number | undefined
  /** Of the load, on the monotonic clock. */
  readonly span: Span
}

const microseconds = (): number => Number(process.hrtime.bigint() / 1000n)

export async function measure(
  workload: { readonly name: string },
  server: Server,
  session: Session,
  rate: number,
  { seconds, warmUp, idle: idleSeconds, drain, forget }: Pace,
): Promise<Measurement> {
  await session.prepare(rate, seconds)
  // What the warm-up has left is forgotten too before it is counted.
  if (forget > 0) await pause(forget * 1000)
  const liveBefore = forget > 0 ? await liveMemory(server) : undefined
  // Counting collects garbage, and with it what had been compiled: it is warmed up again.
  const again = liveBefore === undefined ? 0 : (await session.load(rate / 2, warmUp / (rate / 2))).done
  await pause(1000)
  const pids = server.processes()
  const idleStart = { ran: ranOf(pids), at: microseconds() }
  await pause(idleSeconds * 1000)
  const idle = (ranOf(pids) - idleStart.ran) / (microseconds() - idleStart.at)

  const generators = session.generators()
  const generated = (): number => endedChildren() + sum(cpuOf(session.generators()))
  const before = {
    machine: everybody(),
    dropped: droppedAt([server.port]),
    resident: residentOf(pids),
    generated: generated(),
    cpu: cpuOf(pids),
    ran: ranOf(pids),
  }
  const from = microseconds()
  const result = await session.load(rate, seconds)
  const to = microseconds()
  const ours = new Set([...pids, ...generators, ...session.generators(), process.pid])
  const others = othersSince(before.machine, ours) / (to - from)
  await pause(drain * 1000)
  const ran = ranOf(pids) - before.ran
  const cpu = cpuOf(pids)
  const end = microseconds()
  const dropped = droppedAt([server.port]) - before.dropped
  const generatorUs = (generated() - before.generated) / result.done
  const resident = residentOf(pids)
  const [user, system] = [cpu.user - before.cpu.user, cpu.system - before.cpu.system]
  return {
    ...result,
    workload: workload.name,
    server: server.name,
    rate,
    us: (ran - idle * (end - from)) / result.done,
    generatorUs,
    userShare: user / (user + system),
    busy: ran / (to - from),
    idle,
    others,
    dropped,
    resident,
    grown: (resident - before.resident) / result.done,
    live: await kept(server, liveBefore, result.done + again, forget - drain),
    span: { from, to },
  }
}

const sum = ({ user, system }: { readonly user: number; readonly system: number }): number => user + system

async function kept(server: Server, before: number | undefined, done: number, wait: number): Promise<number | undefined> {
  if (before === undefined) return undefined
  await pause(Math.max(0, wait) * 1000)
  const after = await liveMemory(server)
  return after === undefined ? undefined : (after - before) / done
}

/** Whether nothing was lost: all done, at that share of the rate asked for, and at most one in a thousand sent again. */
export function lossless({ offered, done, retransmissions, seconds }: LoadResult, rate: number, share = 0.93): boolean {
  return done >= offered && retransmissions <= offered / 1000 && done / seconds >= share * rate
}
