/** Sockets for datagrams of a session, which come and go between peers, past the server. */
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { isLocalAddress, machineAddresses } from './machine-addresses.ts'
import type { HostPort } from './transport.ts'

export interface MediaSocket {
  /** Its addresses, by which neighbours reach it. */
  readonly hosts: readonly HostPort[]
  /** A datagram that cannot leave is lost, as any may be. */
  send(bytes: Uint8Array, to: HostPort): void
  close(): void
}

/** Opens one, at a free port; rejects where there is none. */
export type OpenMediaSocket = (received: (bytes: Buffer, from: HostPort) => void) => Promise<MediaSocket>

const mostHosts = 8

/** @param server whose family and reach count: beside one on loopback all peers are on this machine, and sockets are there alone */
export function mediaSockets(server: string): OpenMediaSocket {
  const isV6 = isIPv6(server)
  const [every, loopback] = isV6 ? ['::', '::1'] : ['0.0.0.0', '127.0.0.1']
  const isNear = isLocalAddress(server)
  return (received) =>
    new Promise((resolve, reject) => {
      const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6 })
      socket.once('error', reject)
      socket.on('message', (bytes, { address, port }) => {
        if (port > 0) received(bytes, { host: address, port }) // no answer would reach another
      })
      socket.bind({ address: isNear ? loopback : every }, () => {
        socket.off('error', reject)
        socket.on('error', () => undefined) // of one datagram: the checks see what arrives
        const { port } = socket.address()
        const routable = machineAddresses().filter((host) => isIPv6(host) === isV6 && !isLocalAddress(host))
        const hosts = isNear ? [loopback] : routable
        resolve({
          hosts: hosts.slice(0, mostHosts).map((host) => ({ host, port })),
          send: (bytes, { host, port }) => {
            if (port > 0 && port < 65_536) socket.send(bytes, port, host, () => undefined)
          },
          close: () => socket.close(),
        })
      })
    })
}
