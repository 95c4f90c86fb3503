/** Junk at 20 times (PUSH A6): CPU of an honest Push without and with it between, in turns, and what the junk itself costs. */
import type { PushSettings } from '../../../elements/push/index.ts'
import { median } from '../figures.ts'
import { OneServer, pushUriOf, type ServedUser, servedUsers } from './one-server.ts'
import type { Datagram } from './played.ts'
import { atMost, microseconds, type PushMeasure, type PushRow, scaled } from './row.ts'

const times = 20
const most = 1.1 // of the CPU of an honest one without junk: 10 % less for the same CPU
const honest = 100 // at a time, each from another source and to another user
const [all, victim] = [servedUsers(1000), { name: 'victim', id: '0a17c5d2ffffffff' }] as const

interface JunkKind {
  readonly what: string
  readonly settings: PushSettings
  /** Status of what is refused. */
  readonly status: number
  readonly junk: (server: OneServer, number: number) => Datagram
}

const good = { id: 'org.example.good', default: ['text/plain'] }
const room = { inAll: 1_000_000, forUser: 1000, ofSource: 1000 }
const sender = (number: number): ServedUser => all[500 + (number % 500)]!

const kinds: readonly JunkKind[] = [
  {
    what: 'of an unknown application',
    settings: { applications: [good], store: room },
    status: 403,
    junk: (server, number) =>
      server.push(sender(number), pushUriOf(all[number % honest]!), ['Push-Application: org.example.bad']),
  },
  {
    what: 'of an application over its rate',
    settings: { applications: [good, { id: 'org.example.loud', rate: { rate: 1, burst: 5 } }], store: room },
    status: 503,
    junk: (server, number) =>
      server.push(sender(number), pushUriOf(all[number % honest]!), ['Push-Application: org.example.loud']),
  },
  {
    what: 'of one sender to one victim',
    settings: { applications: [good], store: { ...room, ofSource: 100 } },
    status: 503,
    junk: (server) => server.push(sender(0), pushUriOf(victim)),
  },
  {
    what: 'of many senders to one victim',
    settings: { applications: [good], store: { ...room, forUser: 500 } },
    status: 480,
    junk: (server, number) => server.push(sender(number), pushUriOf(victim)),
  },
]

async function open(settings: PushSettings): Promise<OneServer> {
  const server = new OneServer({ settings, users: [...all, victim] })
  await server.open()
  for (let at = 0; at < all.length; at += 500) await server.register(all.slice(at, at + 500))
  return server
}

/** Two servers in turns: one never sees junk. */
async function runKind({ junk, settings, status, what }: JunkKind, batches: number): Promise<readonly PushRow[]> {
  const [calm, busy] = [await open(settings), await open(settings)]
  let number = 0
  /** Milliseconds of CPU. */
  const send = async (server: OneServer, requests: readonly Datagram[], expected: number): Promise<number> => {
    const { cpu, responses } = await server.played.exchange(requests)
    const answered = responses.filter((response) => response.status === expected).length
    const isFull = number > 2 * times * honest // the store of the victim
    if (isFull && answered < 0.95 * requests.length) throw new Error(`${what}: ${answered} of ${requests.length} got ${expected}`)
    return cpu
  }
  const sendHonest = (server: OneServer): Promise<number> =>
    send(
      server,
      Array.from({ length: honest }, (_, i) => server.push(all[100 + i]!, pushUriOf(all[200 + i]!))),
      200,
    )
  const sendJunk = (): Promise<number> =>
    send(
      busy,
      Array.from({ length: honest * times }, () => junk(busy, number++)),
      status,
    )
  const [without, itself, beside]: [number[], number[], number[]] = [[], [], []]
  for (let at = -batches; at < batches; at++) {
    const [a, b, c] = [await sendHonest(calm), await sendJunk(), await sendHonest(busy)]
    if (at < 0) continue // compiled by then, and the store as full as it gets
    without.push(a)
    itself.push(b)
    beside.push(c)
  }
  await calm.close()
  await busy.close()
  const us = (costs: readonly number[], count: number): number => (median(costs) * 1000) / count
  const [a, b, c] = [us(without, honest), us(itself, honest * times), us(beside, honest)]
  return [
    { what: `honest Push, no junk ${what}`, figure: microseconds(a), ratio: 1 },
    { what: `the same with ${times} times that between`, figure: microseconds(c), ratio: c / a, target: atMost(c / a, most) },
    { what: 'that junk itself', figure: microseconds(b), ratio: b / a },
  ]
}

export const junk: PushMeasure = {
  name: 'junk',
  about: 'CPU of an honest Push with junk at 20 times its rate beside it, and of the junk',
  async run({ rounds, scale, tell }) {
    const rows: PushRow[] = []
    for (const kind of kinds) {
      tell(`junk ${kind.what}`)
      rows.push(...(await runKind(kind, scaled(10 * rounds, scale))))
    }
    return rows
  },
}
