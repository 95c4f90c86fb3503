/** Sockets from which nothing gets past the servers: those of a client behind a NAT that cannot be passed. */
import type { HostPort, OpenMediaSocket } from '../../../signalling/index.ts'

export function cutOff(open: OpenMediaSocket, servers: readonly HostPort[]): OpenMediaSocket {
  const isServer = ({ host, port }: HostPort): boolean => servers.some((server) => server.host === host && server.port === port)
  return async (received) => {
    const socket = await open((bytes, from) => isServer(from) && received(bytes, from))
    return { ...socket, send: (bytes, to) => isServer(to) && socket.send(bytes, to) }
  }
}
