/** Push over sockets and LMDB, beside our own plain MESSAGE and Kamailio's of equal size in the same run; and what storing takes. */
import { type PushUser, pushUsers } from '../../faults/exactly-once/plan.ts'
import { processTree, ranOf } from '../accounts.ts'
import { median } from '../figures.ts'
import { type Measurement, measure, type Pace } from '../measure.ts'
import { freeUdpPort, missingPrograms, type Server } from '../servers.ts'
import { Sipp } from '../sipp.ts'
import { openStand, warmUp } from '../stand.ts'
import { type Session, sippSession, workloads } from '../workloads.ts'
import { RawClient } from './client.ts'
import { PushProcesses } from './processes.ts'
import { atMost, microseconds, type PushMeasure, type PushRow, scaled } from './row.ts'

const [rate, storedRate] = [1500, 1000] // a second
const [sources, destinations, away] = [50, 400, 1000] // users of one operator
const together = 10 // REGISTERs under way
const quiet = 3000 // milliseconds without a message after which all have come
const most = { same: 1.5, two: 2.2 } // of our own plain MESSAGE
const kamailioText = 'A line of text as long as those that people send to each other, about a hundred bytes:'
const kamailioUri = 'sip:u500@sip.test'

/** What is sent to whom, and whose CPU counts. */
interface Load {
  readonly what: string
  readonly rate: number
  readonly from: readonly PushUser[]
  readonly to: readonly PushUser[]
  readonly asPush: boolean
  /** Operators whose servers have work. */
  readonly operators: readonly number[]
}

class PushStand {
  private readonly processes: PushProcesses
  private readonly senderPort: number
  private readonly tell: (line: string) => void

  constructor(processes: PushProcesses, senderPort: number, tell: (line: string) => void) {
    this.tell = tell
    this.processes = processes
    this.senderPort = senderPort
  }
  server(operators: readonly number[]): Server {
    const ours = operators.map((operator) => this.processes.servers[operator]!)
    return {
      ...{ name: 'proxima', pid: ours[0]!.pid, port: this.processes.servers[0]!.port },
      processes: () => ours.flatMap(({ pid }) => processTree(pid)),
      output: () => ours.map(({ output }) => output()).join(''),
      stop: async () => undefined,
    }
  }
  session({ asPush, from, operators, to }: Load, generators: readonly number[]): Session {
    const domainOf = ({ uri }: PushUser): string => uri.slice(uri.indexOf('@') + 1)
    const host = `${asPush ? 'push.' : ''}${domainOf(to[0]!)}`
    const parameters = asPush ? ';user=push' : ''
    const values = to.map((one, i) => `${userPart(asPush ? one.push : one.uri)};${from[i % from.length]!.name}`)
    const longer = `sip:${values[0]!.split(';')[0]}@${host}${parameters}`.length - kamailioUri.length
    const text = kamailioText.slice(0, kamailioText.length - 2 * longer) // the URI stands in it twice
    const keys = { host, parameters, text, domain: domainOf(from[0]!) }
    const calls = (rate: number, seconds: number) => {
      return { scenario: 'push', rate, count: Math.round(rate * seconds), values, keys }
    }
    return { ...sippSession(this.server(operators), calls, this.senderPort), generators: () => generators }
  }
  async run(load: Load, pace: Pace, generators: readonly number[]): Promise<Measurement> {
    const server = this.server(load.operators)
    const session = this.session(load, generators)
    await warmUp({ server, session, close: async () => undefined }, load.rate, pace.warmUp)
    const result = await measure({ name: load.what }, server, session, load.rate, pace)
    const { done, offered } = result
    if (done < 0.95 * offered) throw new Error(`${load.what}: ${done} of ${offered} are answered 2xx`)
    if (done < offered) this.tell(`${load.what}: ${offered - done} of ${offered} are refused, or lost`)
    return result
  }
}

function userPart(uri: string): string {
  return uri.slice('sip:'.length, uri.indexOf('@'))
}

async function registerAt(port: number, processes: PushProcesses, users: readonly PushUser[]): Promise<void> {
  const client = await RawClient.open(processes.servers, port)
  try {
    await registerAll(client, users)
  } finally {
    client.close()
  }
}
async function registerAll(client: RawClient, users: readonly PushUser[]): Promise<void> {
  for (let at = 0; at < users.length; at += together)
    await Promise.all(users.slice(at, at + together).map((user) => registerOne(client, user)))
}
/** Again where the server, which has just started, is overloaded. */
async function registerOne(client: RawClient, user: PushUser, tries = 5): Promise<void> {
  const { response } = await client.register(user)
  if (response.status === 200) return
  if (response.status !== 503 || tries === 0) throw new Error(`a REGISTER got ${response.status}`)
  await new Promise((resolve) => setTimeout(resolve, 1000))
  return registerOne(client, user, tries - 1)
}

/** CPU in microseconds for each message that waits: all that its user's REGISTER brings about. @param count how many at least */
async function deliver(processes: PushProcesses, users: readonly PushUser[], count: number): Promise<number> {
  const client = await RawClient.open(processes.servers)
  let came = 0
  client.answer = () => {
    came++
    return 200
  }
  try {
    const pids = processTree(processes.servers[0]!.pid)
    const before = ranOf(pids)
    await registerAll(client, users)
    for (let had = -1; came > had || came < count; ) {
      had = came
      await new Promise((resolve) => setTimeout(resolve, quiet))
      if (came === had && came < count) throw new Error(`${came} of ${count} that waited have come`)
    }
    return (ranOf(pids) - before) / came
  } finally {
    client.close()
  }
}

async function kamailio(pace: Pace): Promise<Measurement> {
  const message = workloads.find(({ name }) => name === 'message')!
  const stand = await openStand(message, 'kamailio', { data: 'memory', profile: false, udp: 'auto' })
  try {
    await warmUp(stand, rate, pace.warmUp)
    return await measure(message, stand.server, stand.session, rate, pace)
  } finally {
    await stand.close()
  }
}

const latency = ({ p50, p99 }: Measurement): string => `half < ${p50} ms, p99 < ${p99} ms`

export const sockets: PushMeasure = {
  name: 'sockets',
  about: 'CPU of a Push by sipp over sockets and LMDB, beside our plain MESSAGE and Kamailio’s; storing, with the p99 of its 202',
  async run({ rounds, scale, tell }) {
    const missing = missingPrograms(false)
    if (missing.length > 0) throw new Error(`this machine lacks Debian's ${missing.join(' and ')}`)
    const hasKamailio = missingPrograms(true).length === 0
    if (!hasKamailio) tell('without Kamailio, whose packages are not installed')
    const pace = { seconds: Math.max(2, 8 * scale), warmUp: scaled(10_000, scale), idle: 2, drain: 4, forget: 0 }
    const all = pushUsers(2 * (sources + destinations + away))
    const of = (operator: number, first: number, count: number): readonly PushUser[] =>
      all.filter((user) => user.operator === operator).slice(first, first + count)
    const [from, there, far] = [of(0, 0, sources), of(0, sources, destinations), of(1, sources, destinations)]
    const sleeping = of(0, sources + destinations, away)
    const processes = await PushProcesses.start(all)
    const answering: Sipp[] = []
    try {
      const [senderPort, receiverPort] = [await freeUdpPort(), await freeUdpPort()]
      await registerAt(senderPort, processes, from)
      await registerAt(receiverPort, processes, [...there, ...far])
      answering.push(new Sipp({ scenario: 'answer', target: processes.servers[0]!.port, port: receiverPort }))
      const stand = new PushStand(processes, senderPort, tell)
      const loads: readonly Load[] = [
        { what: 'MESSAGE, same server', rate, from, to: there, asPush: false, operators: [0] },
        { what: 'Push, same server', rate, from, to: there, asPush: true, operators: [0] },
        { what: 'Push, two servers, both added', rate, from, to: far, asPush: true, operators: [0, 1] },
      ]
      const results = loads.map((): Measurement[] => [])
      const theirs: Measurement[] = []
      for (let round = 0; round < rounds; round++) {
        if (hasKamailio) {
          tell('MESSAGE by Kamailio')
          theirs.push(await kamailio(pace))
        }
        for (const [i, load] of loads.entries()) {
          tell(load.what)
          results[i]!.push(
            await stand.run(
              load,
              pace,
              answering.map(({ pid }) => pid),
            ),
          )
        }
      }
      const costs = results.map((list) => median(list.map(({ us }) => us)))
      const peer = median(theirs.map(({ us }) => us))
      const [plain] = costs as [number]
      const targets = [undefined, most.same, most.two]
      const rows = loads.map(({ what }, i): PushRow => {
        const [cost, target] = [costs[i]!, targets[i]]
        const judged = target === undefined ? {} : { target: atMost(cost / plain, target) }
        return { what: `sockets: ${what}, ${rate}/s`, figure: microseconds(cost), ratio: cost / plain, ...judged }
      })
      const beside = hasKamailio
        ? [
            { what: `Kamailio: MESSAGE, ${rate}/s`, figure: microseconds(peer), ratio: peer / plain },
            { what: 'our Push, same server, of Kamailio’s MESSAGE', figure: '', ratio: costs[1]! / peer },
            { what: 'our Push, two servers, of Kamailio’s MESSAGE', figure: '', ratio: costs[2]! / peer },
          ]
        : []
      tell('stored')
      const storing = { what: 'stored', rate: storedRate, from, to: sleeping, asPush: true, operators: [0] }
      const stored = await stand.run(storing, pace, [])
      const count = stored.done // and those of the warm-up
      tell(`${count} are delivered`)
      const delivery = await deliver(processes, sleeping, count)
      return [
        ...rows,
        ...beside,
        { what: `LMDB: stored, to the 202, ${storedRate}/s`, figure: microseconds(stored.us), ratio: stored.us / plain },
        { what: 'LMDB: the 202', figure: latency(stored) },
        { what: 'LMDB: delivered later, REGISTER included', figure: microseconds(delivery), ratio: delivery / plain },
      ]
    } finally {
      for (const sipp of answering) await sipp.stop()
      await processes.stop()
    }
  },
}
