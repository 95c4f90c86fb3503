/**
 * A listener for connections of peers. Each is counted before anything is held for it, a TLS handshake or HTTP
 * request included.
 */
import type { Server, Socket } from 'node:net'
import { unwrapped } from '../messages/ipv6.ts'
import { type ConnectionLimits, defaultConnectionSettings } from './connection-limits.ts'
import type { HostPort } from './transport.ts'

const patience = 1000 // milliseconds in which peers may read the last bytes and say goodbye, once we close

export class Listener {
  private readonly server: Server
  /** All sockets, accepted and opened. */
  private readonly sockets = new Set<Socket>()

  /** Lets only so many in; one too many is told `refusal` and its connection ended, before the server's own listeners see it. */
  constructor(server: Server, limits: ConnectionLimits | undefined, refusal = '') {
    this.server = server
    const listeners = server.listeners('connection')
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      const { host } = remoteOf(socket)
      if (limits?.enter(host) === false) {
        socket.on('error', () => socket.destroy())
        socket.end(refusal, () => socket.destroy())
        return
      }
      this.watch(socket)
      if (limits !== undefined) socket.once('close', () => limits.leave(host))
      for (const listener of listeners) listener.call(server, socket)
    })
  }
  /** Gives where it is, with the port that the system chose for 0; rejects with a system error such as EADDRINUSE. */
  listen({ host, port }: HostPort): Promise<HostPort> {
    const { server } = this
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, host }, () => {
        server.off('error', reject)
        server.on('error', () => undefined) // accept failures (too many files) pass; the next accept is tried
        const address = server.address()
        resolve({ host, port: typeof address === 'object' && address !== null ? address.port : 0 })
      })
    })
  }
  watch(socket: Socket): void {
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
  }
  /** Lets nobody in any more. Resolves when all sockets are closed: a peer that does not close is cut off. */
  async close(): Promise<void> {
    const timer = setTimeout(() => {
      for (const socket of this.sockets) socket.destroy()
    }, patience)
    const ends = [...this.sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
    if (this.server.listening) ends.push(new Promise((resolve) => this.server.close(resolve)))
    await Promise.all(ends)
    clearTimeout(timer)
  }
}

export function remoteOf(socket: Socket): HostPort {
  return { host: unwrapped(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
}

/** Milliseconds that a handshake may take. */
export function handshakeTime(limits: ConnectionLimits | undefined): number {
  return (limits?.limits.head ?? defaultConnectionSettings.head) * 1000
}
