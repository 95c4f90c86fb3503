/** Ports for nodes that go away and come back: below those that the system hands out, so that nobody is given one meanwhile. */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { threadId } from 'node:worker_threads'

const [first, count] = [10_000, 10_000] // behind them, tests have airs and softphones
// Processes and threads that look at the same time do not look at the same ports.
let next = (process.pid * 97 + threadId * 617) % count

/** A port that is free for UDP and TCP on loopback. */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = first + next
    next = (next + 1) % count
    if ((await isFreeForTcp(port)) && (await isFreeForUdp(port))) return port
  }
}

function isFreeForTcp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function isFreeForUdp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => resolve(false))
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
  })
}
