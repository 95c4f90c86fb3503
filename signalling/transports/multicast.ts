/** A UDP multicast group as a link for frames that are not SIP: the air between machines of a local network (SPEC §7). */
import { createSocket } from 'node:dgram'
import type { HostPort } from './transport.ts'

interface MulticastOptions {
  /** Group address and port, such as 239.255.77.7 and 7707. */
  readonly group: HostPort
  /** Own address on the network to use; default 127.0.0.1: this machine only. */
  readonly local?: string
  /** Hears of faults in sending and receiving; nothing throws. */
  readonly failed?: (why: string) => void
}

/** Every frame reaches every member of the group, its sender included, or nobody: as datagrams do. */
interface MulticastLink {
  send(bytes: Uint8Array): void
  onMessage(listener: (bytes: Uint8Array) => void): void
  close(): void
}

/** Resolves when the group is joined; rejects where the network has no multicast. */
export function joinMulticast({ group, local = '127.0.0.1', failed }: MulticastOptions): Promise<MulticastLink> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  const listeners: ((bytes: Uint8Array) => void)[] = []
  let open = true
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind({ port: group.port, address: group.host }, () => {
      try {
        socket.addMembership(group.host, local)
        socket.setMulticastInterface(local)
        socket.setMulticastLoopback(true)
        socket.setMulticastTTL(1) // does not leave the local network
      } catch (fault) {
        socket.close()
        reject(fault instanceof Error ? fault : new Error(String(fault)))
        return
      }
      socket.off('error', reject)
      socket.on('error', (fault) => failed?.(fault.message))
      socket.on('message', (bytes) => {
        for (const listener of listeners) listener(bytes)
      })
      resolve({
        send: (bytes) => {
          if (open) socket.send(bytes, group.port, group.host, (fault) => fault && failed?.(fault.message))
        },
        onMessage: (listener) => {
          listeners.push(listener)
        },
        close: () => {
          if (open) socket.close()
          open = false
        },
      })
    })
  })
}
