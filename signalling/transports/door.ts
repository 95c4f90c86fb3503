/** Where peers come in: each is counted before anything of ours is held for it, a TLS handshake or HTTP request included. */
import type { Server, Socket } from 'node:net'
import { plainAddress } from './connection.ts'
import { type Guests, usualLimits } from './guests.ts'
import type { HostPort } from './transport.ts'

/** Lets only so many in; one too many is told `refusal` and its connection ended, before the server's own listeners see it. */
export function admitBy(guests: Guests, server: Server, refusal = ''): void {
  const listeners = server.listeners('connection')
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const { host } = remoteOf(socket)
    if (guests.enter(host)) {
      socket.once('close', () => guests.leave(host))
      for (const listener of listeners) listener.call(server, socket)
      return
    }
    socket.on('error', () => socket.destroy())
    socket.end(refusal, () => socket.destroy())
  })
}

export function remoteOf(socket: Socket): HostPort {
  return { host: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 }
}

/** Milliseconds that a handshake may take. */
export function handshakeTime(guests: Guests | undefined): number {
  return (guests?.limits.head ?? usualLimits.head) * 1000
}
