/** Live bytes of a Push server over LMDB for each identifier, bound device and stored message, as it takes them up at a start. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStore, openLmdb, RealClock, type Store, silent } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { ownLiveMemory } from '../heap.ts'
import { OneServer, pushNode, pushUriOf, servedUsers } from './one-server.ts'
import { expectStatus } from './played.ts'
import { atMost, bytes, type PushMeasure, scaled } from './row.ts'

const most = { identifier: 600, message: 300 + 100 } // the body has 100
const usual = { identifiers: 20_000, messages: 20_000 }
const recipients = 500 // with messages
const batch = 500
const page = 1000
const settings = { store: { forUser: 100_000, ofSource: 100_000 } }

/** What a server in memory has kept by then, in a store on disk. */
async function copied(from: Store, to: Store): Promise<void> {
  const writes: Parameters<Store['write']>[0][number][] = []
  for await (const [key, { expires, value }] of from.scan('')) {
    writes.push({ key, value, ...(expires === undefined ? {} : { expires }) })
  }
  for (let at = 0; at < writes.length; at += page) await to.write(writes.slice(at, at + page))
}

/** Bytes by which a fresh process's memory grows as it takes up what is in that store. */
async function takenUp(kept: Store): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-bench-'))
  const clock = new RealClock((fault) => console.error(fault))
  const store = await openLmdb({ folder, clock, log: silent, durability: 'process' })
  try {
    await copied(kept, store)
    const held = ownLiveMemory()
    const { node } = pushNode({ settings }, { clock, store })
    await node.start()
    await new Promise((resolve) => setTimeout(resolve, 500))
    const grown = ownLiveMemory() - held
    await node.stop(0)
    return grown
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const memory: PushMeasure = {
  name: 'memory',
  about: 'live bytes of each stored identifier, bound device and stored message, over LMDB',
  async run({ scale, tell }) {
    const [identifiers, messages] = [scaled(usual.identifiers, scale, batch), scaled(usual.messages, scale, batch)]
    const clock = new ManualClock(Date.now())
    const store = memoryStore(clock)
    const server = new OneServer({ settings, clock, store })
    await server.open()
    const users = servedUsers(identifiers + batch)
    const known = async (first: number, count: number): Promise<void> => {
      await server.provision(users.slice(first, first + count))
    }
    const wait = async (first: number, count: number): Promise<void> => {
      for (let at = first; at < first + count; at += batch) {
        const requests = Array.from({ length: batch }, (_, i) => server.push(users[i]!, pushUriOf(users[(at + i) % recipients]!)))
        expectStatus((await server.played.exchange(requests)).responses, 202)
      }
    }
    const bind = async (first: number, count: number): Promise<void> => {
      for (let at = first; at < first + count; at += batch) await server.register(users.slice(at, at + batch))
    }
    /** Bytes of each beyond the first ones, which bring their maps along. */
    const grown = async (make: typeof known, count: number): Promise<number> => {
      await make(0, batch)
      const few = await takenUp(store)
      await make(batch, count)
      return ((await takenUp(store)) - few) / count
    }
    tell(`${identifiers} identifiers`)
    const identifier = await grown(known, identifiers)
    tell(`${messages} messages`)
    const message = await grown(wait, messages)
    tell(`${identifiers} bound devices`)
    server.played.answer = () => 480 // what waits stays
    const device = await grown(bind, identifiers)
    await server.close()
    const million = (each: number): string => `${bytes(each)} (${((each * 1e6) / 2 ** 20).toFixed(0)} MiB a million)`
    return [
      {
        what: 'memory: an identifier, HSS and Push server',
        figure: million(identifier),
        target: atMost(identifier, most.identifier),
      },
      { what: 'memory: its bound device, at the Push server', figure: million(device) },
      { what: 'memory: a stored message with 100 bytes', figure: million(message), target: atMost(message, most.message) },
    ]
  },
}
