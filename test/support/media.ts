/** Sockets of sessions behind a NAT in the network in memory (RFC 4787). */
import type { HostPort, OpenMediaSocket } from '../../signalling/index.ts'
import type { MemoryNetwork, Transport } from '../../signalling/testing.ts'

type Received = (bytes: Buffer, from: HostPort) => void

async function listening(network: MemoryNetwork, here: HostPort, received: Received): Promise<Transport> {
  const transport = network.transport({
    listen: here,
    isTrusted: () => false,
    sink: { received: (bytes, flow) => received(bytes, flow.remote), closed: () => undefined, failed: () => undefined },
  })
  await transport.listen()
  return transport
}

/**
 * One public address for all sockets behind it. What comes from whom its socket has not sent to is dropped.
 * `cone`: each socket has one port outside; `symmetric`: one for each peer.
 */
export class MemoryNat {
  private readonly network: MemoryNetwork
  private readonly host: string
  private readonly kind: 'cone' | 'symmetric'
  private port = 50_000
  private inside = 40_000
  /** Datagrams that it let in. */
  passed = 0
  dropped = 0

  constructor(network: MemoryNetwork, host: string, kind: 'cone' | 'symmetric') {
    this.network = network
    this.host = host
    this.kind = kind
  }
  /** Sockets of a host behind it: nobody outside reaches that address. */
  mediaOf(privateHost: string): OpenMediaSocket {
    return async (received) => {
      const doors = new Map<string, Promise<Transport>>()
      const sentTo = new Set<string>()
      const doorTo = (to: HostPort): Promise<Transport> => {
        const name = this.kind === 'cone' ? 'all' : `${to.host} ${to.port}`
        let door = doors.get(name)
        if (door === undefined) {
          const outside = { host: this.host, port: this.port++ }
          door = listening(this.network, outside, (bytes, from) => {
            if (!sentTo.has(`${from.host} ${from.port}`)) return void this.dropped++
            this.passed++
            received(bytes, from)
          })
          doors.set(name, door)
        }
        return door
      }
      return {
        hosts: [{ host: privateHost, port: this.inside++ }],
        send: (bytes, to) => {
          sentTo.add(`${to.host} ${to.port}`)
          void doorTo(to).then((door) => door.connect(to).send(bytes))
        },
        close: () => {
          for (const door of doors.values()) void door.then((transport) => transport.close())
        },
      }
    }
  }
}
