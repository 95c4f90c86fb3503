/** A fresh server with one workload set up on it, and the search for the rate it can stand. */
import { largestRate } from './figures.ts'
import { lossless } from './measure.ts'
import type { Maximum } from './report.ts'
import { type ProximaOptions, pause, type Server, type ServerName, startKamailio, startProxima } from './servers.ts'
import type { Session, Workload } from './workloads.ts'

export interface Stand {
  readonly server: Server
  readonly session: Session
  /** Ends both. Resolves with the text of the server's CPU profile, if it was asked for one. */
  close(): Promise<string | undefined>
}

/** Starts the server and sets the workload up; nothing stays running where that fails. */
export async function openStand(workload: Workload, name: ServerName, options: ProximaOptions): Promise<Stand> {
  const server = await (name === 'proxima' ? startProxima(options) : startKamailio(workload.peer!, name))
  try {
    const session = await workload.open(server)
    const close = async (): Promise<string | undefined> => {
      await session.close()
      return server.stop()
    }
    return { server, session, close }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** So many transactions at half the rate: what is measured afterwards has been compiled. */
export async function warmUp({ session }: Stand, rate: number, transactions: number): Promise<void> {
  const seconds = transactions / (rate / 2)
  await session.prepare(rate / 2, seconds)
  await session.load(rate / 2, seconds)
  await pause(1000)
}

export interface Searching {
  /** First rate, and for how many seconds each is tried. */
  readonly first: number
  readonly seconds: number
  /** Few rates only. */
  readonly quick: boolean
  /** Also what is left of it when twice the maximum is offered. */
  readonly overload: boolean
  /** See `Workload.share`. */
  readonly share: number | undefined
  readonly open: () => Promise<Stand>
  readonly tell: (line: string) => void
}

interface Attempt {
  readonly good: boolean
  readonly throughput: number
}

/**
 * The largest rate without loss. A rate that loses is given a second chance, since a machine that is also used for something
 * else loses now and then; each loss is followed by a fresh server, since some do not recover within minutes.
 */
export async function findMaximum({
  first,
  seconds,
  quick,
  overload,
  share,
  open,
  tell,
}: Searching): Promise<Pick<Maximum, 'rate' | 'overloaded'>> {
  let stand: Stand | undefined
  const reached = new Map<number, number>()
  async function attempt(rate: number): Promise<Attempt> {
    if (stand === undefined) {
      stand = await open()
      await warmUp(stand, first, quick ? first / 4 : first)
    }
    const { session } = stand
    await session.prepare(rate, seconds)
    const result = await session.load(rate, seconds)
    const good = lossless(result, rate, share)
    if (good) reached.set(rate, Math.round(result.done / result.seconds))
    tell(`${rate}/s: ${result.done} of ${result.offered}, ${result.retransmissions} resent${good ? '' : ': not without loss'}`)
    if (good) await pause(1000)
    else await leave()
    return { good, throughput: result.done / result.seconds }
  }
  async function leave(): Promise<void> {
    await stand?.close()
    stand = undefined
  }
  try {
    const search = { start: first, ...(quick ? { reach: 2, halvings: 0 } : {}) }
    const rate = await largestRate(search, async (rate) => (await attempt(rate)).good || (await attempt(rate)).good)
    const most = share === undefined ? rate : (reached.get(rate) ?? 0)
    return { rate: most, overloaded: overload && rate > 0 ? (await attempt(2 * rate)).throughput : undefined }
  } finally {
    await leave()
  }
}
