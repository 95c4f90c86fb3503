/** What is measured: how each workload is set up on a server, and how it loads it. */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { MatchCommand, MatchResult } from './match-load.ts'
import { end, freeUdpPort, pause, type Server, type Service } from './servers.ts'
import { type Percentiles, Sipp, type SippCounts } from './sipp.ts'

export type WorkloadName = 'register' | 'refresh' | 'message' | 'subscribe' | 'fanout' | 'match'

export interface LoadResult extends Percentiles {
  /** Transactions asked for, and those that came to their good end. */
  readonly offered: number
  readonly done: number
  /** By the generator. */
  readonly retransmissions: number
  readonly seconds: number
}

/** A workload set up on one server. */
export interface Session {
  /** What the next load needs and the measurement does not want. */
  prepare(rate: number, seconds: number): Promise<void>
  load(rate: number, seconds: number): Promise<LoadResult>
  /** Load generators that run now. */
  generators(): readonly number[]
  close(): Promise<void>
}

export interface Workload {
  readonly name: WorkloadName
  /** What one transaction is. */
  readonly per: string
  /** What of the peer serves it; none does where this is undefined. */
  readonly peer: Service | undefined
  /** It changes what is kept: a peer that writes it through is measured too. */
  readonly writes?: boolean
  /** Transactions a second by default. */
  readonly rates: readonly number[]
  /** What each transaction leaves in memory. */
  readonly keeps?: string
  /**
   * For a generator that waits for each answer before it goes on, and so never quite reaches the rate asked for: the share of
   * it that counts as kept up. Its maximum is what it reached.
   */
  readonly share?: number
  open(server: Server): Promise<Session>
}

const patience = 10 // seconds for what is under way when the last call was made
const users = 1000 // registered, or published
const watchers = 1000
const nothing = async (): Promise<void> => undefined
const numbered = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`)

export const workloads: readonly Workload[] = [
  {
    name: 'register',
    per: 'REGISTER, a new binding',
    peer: 'registrar',
    rates: [6000],
    keeps: 'binding',
    writes: true,
    async open(server) {
      let round = 0
      return sippSession(server, (rate, seconds) => {
        const keys = { prefix: `r${++round}x` }
        return { scenario: 'register', rate, count: Math.round(rate * seconds), keys }
      })
    },
  },
  {
    name: 'refresh',
    per: 'REGISTER, a binding refreshed',
    peer: 'registrar',
    rates: [6000],
    writes: true,
    open: openRefresh,
  },
  {
    name: 'message',
    per: 'MESSAGE, routed',
    peer: 'registrar',
    rates: [6000, 12_000],
    async open(server) {
      const port = await freeUdpPort()
      await once(server, port, 'register', 'u')
      const answering = new Sipp({ scenario: 'answer', target: server.port, port })
      const values = numbered('u', users)
      const scenario = 'message'
      const session = sippSession(server, (rate, seconds) => ({ scenario, rate, count: Math.round(rate * seconds), values }))
      return { ...session, generators: () => [answering.pid], close: () => answering.stop() }
    },
  },
  {
    name: 'subscribe',
    per: 'SUBSCRIBE and its NOTIFY',
    peer: 'presence',
    rates: [3000],
    keeps: 'subscription',
    async open(server) {
      await once(server, await freeUdpPort(), 'publish', 'p')
      const values = numbered('p', users)
      const scenario = 'subscribe'
      return sippSession(server, (rate, seconds) => ({ scenario, rate, count: Math.round(rate * seconds), values }))
    },
  },
  {
    name: 'fanout',
    per: `NOTIFY of ${watchers.toLocaleString('en')}`,
    peer: 'presence',
    rates: [4000],
    share: 0.6,
    open: openFanout,
  },
  {
    name: 'match',
    per: 'report and its NOTIFY',
    peer: undefined,
    rates: [5000],
    open: openMatch,
  },
]

/**
 * The same users again and again: Call-ID, contact and tag of a user stay, CSeq grows. A load refreshes as many users as it has
 * calls, all of whom `prepare` has registered.
 */
async function openRefresh(server: Server): Promise<Session> {
  const port = await freeUdpPort()
  let round = 0
  const session = sippSession(
    server,
    (rate, seconds) => ({
      scenario: 'refresh',
      rate,
      count: Math.round(rate * seconds),
      keys: { prefix: 'f', round: String(++round) },
      more: ['-cid_str', 'f%u@%s'],
    }),
    port,
  )
  return {
    ...session,
    async prepare(rate, seconds) {
      const { offered, done } = await session.load(rate, seconds)
      if (done < offered) throw new Error(`refresh: ${done} of ${offered} users are registered by ${server.name}`)
    },
  }
}

type Calls = { readonly scenario: string; readonly rate: number; readonly count: number; readonly values?: readonly string[] }

export function sippSession(
  server: Server,
  calls: (
    rate: number,
    seconds: number,
  ) => Calls & { readonly keys?: Readonly<Record<string, string>>; readonly more?: readonly string[] },
  port?: number,
): Session {
  return {
    prepare: nothing,
    generators: () => [],
    close: nothing,
    async load(rate, seconds) {
      const options = calls(rate, seconds)
      const sipp = new Sipp({ ...options, target: server.port, port: port ?? (await freeUdpPort()) })
      return { offered: options.count, ...resultOf(await finished(sipp, seconds + patience)) }
    },
  }
}

function resultOf({ succeeded, retransmissions, seconds, p50, p99 }: SippCounts): Omit<LoadResult, 'offered'> {
  return { done: succeeded, retransmissions, seconds, p50, p99 }
}

async function finished(sipp: Sipp, seconds: number): Promise<SippCounts> {
  try {
    return await sipp.finish(seconds)
  } finally {
    await sipp.stop()
  }
}

/** A call for each of `users`, all of which must succeed. */
async function once(server: Server, port: number, scenario: string, prefix: string): Promise<void> {
  const sipp = new Sipp({ scenario, target: server.port, port, rate: 1000, count: users, keys: { prefix } })
  const { succeeded } = await finished(sipp, 30)
  if (succeeded !== users) throw new Error(`${scenario}: ${succeeded} of ${users} by ${server.name}\n${server.output()}`)
}

/** Watchers stay; each load is one publication that comes, changes and goes, each of which is told to all. */
async function openFanout(server: Server): Promise<Session> {
  const target = server.port
  const presentity = { presentity: 'star' }
  const limit = watchers + 1
  const port = await freeUdpPort()
  const watching = new Sipp({ scenario: 'watch', target, port, rate: 500, count: watchers, limit, keys: presentity })
  /** Statistics are written each second. */
  const notified = async (): Promise<number> => {
    await pause(2200)
    return watching.counts().counted
  }
  await pause(1000)
  let count = 0
  for (let waited = 0; count < watchers; waited++) {
    if (waited === 10) throw new Error(`fanout: ${count} of ${watchers} watchers got a NOTIFY by ${server.name}`)
    count = await notified()
  }
  return {
    prepare: async () => {
      count = await notified()
    },
    generators: () => [watching.pid],
    close: () => watching.stop(),
    async load(rate, seconds) {
      const interval = Math.max(1, Math.round((watchers * 1000) / rate))
      const changes = Math.max(1, Math.round((seconds * 1000) / interval) - 2)
      const more = ['-set', 'changes', String(changes), '-d', String(interval)]
      const publisher = new Sipp({
        scenario: 'republish',
        target,
        port: await freeUdpPort(),
        rate: 1,
        count: 1,
        keys: presentity,
        more,
      })
      const result = resultOf(await finished(publisher, 3 * seconds + patience))
      const done = (await notified()) - count
      return { ...result, offered: (changes + 2) * watchers, done }
    },
  }
}

/** The generator of our own: see match-load.ts. */
async function openMatch(server: Server): Promise<Session> {
  const child = fork(join(import.meta.dirname, 'match-load.ts'), { stdio: 'inherit' })
  await ask(child, { do: 'open', target: server.port })
  return {
    prepare: async (rate, seconds) => {
      await ask(child, { do: 'prepare', rate, seconds })
    },
    generators: () => [child.pid!],
    close: () => end(child, 'SIGKILL', 1000),
    async load(rate, seconds) {
      const result = (await ask(child, { do: 'load', rate, seconds })) as MatchResult
      const { sent, notified, p50, p99 } = result
      return { offered: sent, done: notified, retransmissions: 0, seconds: result.seconds, p50, p99 }
    },
  }
}

function ask(child: ChildProcess, command: MatchCommand): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const exited = (code: number | null): void => reject(new Error(`the generator of match ended with ${code}`))
    child.once('exit', exited)
    child.once('message', ({ result, error }: { result?: unknown; error?: string }) => {
      child.off('exit', exited)
      if (error === undefined) resolve(result)
      else reject(new Error(`match: ${error}`))
    })
    child.send(command)
  })
}
