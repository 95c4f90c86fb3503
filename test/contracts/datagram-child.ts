/**
 * A process of its own for what must be seen from outside: `storm FILE SEED` drives the module with random datagrams until
 * all have come or the kernel says it dropped them; `throw KIND`, `workers FILE` and `idle KIND` see how it ends.
 */
import { Worker } from 'node:worker_threads'
import type { UdpKind } from '../../signalling/transports/udp.ts'
import { openEnd, until } from './datagrams.ts'

const [doing, what = ''] = process.argv.slice(2)
const seed = Number(process.argv[4] ?? 1)

/** Numbers from 0 to below `limit`, the same for the same seed. */
function numbers(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

/** Ends that open, close, send anything to anybody, and echo; what they got must be what was sent. */
async function storm(file: string): Promise<void> {
  const pick = numbers(seed)
  const sizes = [0, 1, 20, 400, 1400, 9000, 65_507]
  let wrong = 0
  for (let round = 0; round < 12; round++) {
    const host = round % 3 === 2 ? '::1' : '127.0.0.1'
    const ends = await Promise.all([0, 1, 2].map(() => openEnd({ host, kind: 'native', file })))
    for (let burst = 0; burst < 12; burst++) {
      for (let i = pick(150); i >= 0; i--) {
        const [from, to] = [ends[pick(3)]!, ends[pick(3)]!]
        const bytes = Buffer.alloc(sizes[pick(burst === 5 ? 7 : 5)]!, 1 + pick(250))
        from.to(to).send(bytes)
      }
      // An address of this machine where nobody listens, so that no other test hears of it.
      ends[0]!.transport.connect({ host: '127.0.0.2', port: 1 + pick(65_535) }).send(Buffer.from('to nobody'))
      ends[0]!.transport.connect({ host: 'nobody', port: 1 + pick(65_535) }).send(Buffer.from('to nobody'))
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (pick(2) === 0) await until(() => ends.every((end) => end.got.length > 0))
    for (const { got } of ends) for (const { bytes } of got) if (bytes.some((byte) => byte !== bytes[0])) wrong++
    await Promise.all(ends.map((end) => end.transport.close()))
  }
  console.log(`wrong ${wrong}`)
}

async function workers(file: string): Promise<void> {
  for (let i = 0; i < 5; i++) {
    const worker = new Worker(new URL('./datagram-child.ts', import.meta.url), { argv: ['hold', file] })
    await new Promise((resolve) => worker.once('message', resolve))
    await worker.terminate()
  }
  console.log('alive')
}

async function hold(file: string): Promise<void> {
  const { parentPort } = await import('node:worker_threads')
  const end = await openEnd({ kind: 'native', file })
  const send = (): void => {
    for (let i = 0; i < 100; i++) end.to(end).send(Buffer.alloc(300))
    setImmediate(send)
  }
  send()
  await until(() => end.got.length > 100)
  parentPort?.postMessage('held')
}

/** The receiver throws at the first of three: they are told as uncaught, and the others come all the same. */
async function throwing(kind: UdpKind): Promise<void> {
  process.on('uncaughtException', (error) => console.log(`uncaught ${error.message}`))
  const [a, b] = [await openEnd({ kind, throwAt: 'one' }), await openEnd({ kind })]
  for (const text of ['one', 'two', 'three']) b.to(a).send(Buffer.from(text))
  await until(() => a.got.length === 3)
  console.log(a.texts.join(' '))
  await Promise.all([a.transport.close(), b.transport.close()])
}

if (doing === 'storm') await storm(what)
else if (doing === 'workers') await workers(what)
else if (doing === 'hold') await hold(what)
else if (doing === 'throw') await throwing(what as UdpKind)
