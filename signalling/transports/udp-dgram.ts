/** UDP by Node's `dgram`: everywhere, one callback a datagram. */
import { createSocket, type RemoteInfo } from 'node:dgram'
import { isIP, isIPv6 } from 'node:net'
import { unwrapped } from '../messages/ipv6.ts'
import type { HostPort } from './transport.ts'
import { type DatagramSocket, type DatagramUser, longestDatagram, type UdpFlow } from './udp-flow.ts'

const kernelBuffer = 8 * 1024 * 1024 // bytes, as much of it as the system gives

export function dgramSocket(listen: HostPort, user: DatagramUser): DatagramSocket {
  const ipv6 = isIPv6(listen.host)
  const longest = ipv6 ? longestDatagram.v6 : longestDatagram.v4
  /** Addresses come as numbers already: the resolver is not asked (test/bench/README.md). */
  function asIs(host: string, _options: unknown, done: (error: null, address: string, family: number) => void): void {
    done(null, ipv6 && !host.includes(':') ? `::ffff:${host}` : host, ipv6 ? 6 : 4)
  }
  const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', lookup: asIs as never })

  let closed: Promise<void> | undefined

  function onMessage(bytes: Buffer, from: RemoteInfo): void {
    const host = ipv6 ? unwrapped(from.address) : from.address
    if (from.port !== 0) user.received(bytes, user.flowTo(host, from.port))
  }
  return {
    kind: 'dgram',
    bind: () =>
      new Promise((resolve, reject) => {
        socket.once('error', reject)
        socket.bind({ port: listen.port, address: listen.host }, () => {
          socket.off('error', reject)
          socket.on('error', (fault) => user.failed(undefined, String(fault)))
          socket.on('message', onMessage)
          socket.setRecvBufferSize(kernelBuffer)
          socket.setSendBufferSize(kernelBuffer)
          resolve(socket.address().port)
        })
      }),
    send(bytes: Uint8Array, flow: UdpFlow): boolean {
      try {
        if (bytes.length > longest) throw new RangeError('EMSGSIZE: longer than a datagram can be')
        flow.known ||= isIP(flow.remote.host) !== 0
        if (!flow.known) throw new TypeError('no address') // of which the socket itself would say nothing
        socket.send(bytes, 0, bytes.length, flow.remote.port, flow.remote.host)
      } catch (fault) {
        user.failed(flow, String(fault)) // a port of 0, a closed socket
        return false
      }
      return true
    },
    close: () => (closed ??= new Promise((resolve) => socket.close(() => resolve()))), // once, however often it is asked
  }
}
