/** Our own addresses: which this machine has, and by which of them a peer reaches us where a socket listens on any. */
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { unwrapped } from '../messages/ipv6.ts'

export interface MachineAddresses {
  has(host: string): boolean
  /** The source address of our packets to that peer: by it, the peer reaches us. */
  towards(peer: string): string
  /** The address for unknown peers: by the default route of that family; else any; else one of ourselves alone. */
  usual(ipv6: boolean): string
  /** Looks whether the addresses have changed since (a lease has ended, a cable was put in). */
  renew(): boolean
}

const remembered = 10_000 // peers
const discard = 9 // a port; nothing is sent
const elsewhere = { v4: '198.51.100.1', v6: '2001:db8::1' } as const // nobody's (RFC 5737, RFC 3849): there the default route leads

/** 0.0.0.0 or ::, which no peer can send to. */
export function isAnyHost(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** Of this machine, as they are now. */
export function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address))
}

/** The system's word for it. */
export class SystemAddresses implements MachineAddresses {
  private addresses: ReadonlySet<string> | undefined = undefined
  private readonly former = new Set<string>()
  private readonly sources = new Map<string, string>()

  private get all(): ReadonlySet<string> {
    return (this.addresses ??= new Set(machineAddresses()))
  }
  has(host: string): boolean {
    return this.all.has(host) || this.former.has(host) || host.startsWith('127.')
  }
  towards(peer: string): string {
    let source = this.sources.get(peer)
    if (source === undefined) {
      source = sourceTowards(peer) ?? this.usual(isIPv6(peer))
      if (this.sources.size >= remembered) this.sources.clear()
      this.sources.set(peer, source)
    }
    return source
  }
  usual(ipv6: boolean): string {
    const source = sourceTowards(ipv6 ? elsewhere.v6 : elsewhere.v4)
    if (source !== undefined) return source
    const routable = [...this.all].find((address) => isIPv6(address) === ipv6 && !isLocalAddress(address))
    return routable ?? (ipv6 ? '::1' : '127.0.0.1')
  }
  renew(): boolean {
    const now = machineAddresses()
    if (now.length === this.all.size && now.every((address) => this.all.has(address))) return false
    for (const address of this.all) this.former.add(address) // it stands in routes and dialogs
    this.addresses = new Set(now)
    this.sources.clear()
    return true
  }
}

/** A host name or address at which only this machine hears. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.[0-9.]+$/.test(host)
}

/** Nobody beyond this machine, or this cable, can send there. */
export function isLocalAddress(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('fe80:')
}

/** Without the IPv6 wrapping of an IPv4 address, and without the interface of a link-local one, which is no peer's business. */
export function ownAddress(address: string): string {
  return unwrapped(address).replace(/%.*$/, '')
}

/**
 * The source address that the kernel would choose, asked by a socket that is connected and says nothing. Undefined: no way
 * there.
 */
function sourceTowards(peer: string): string | undefined {
  const ipv6 = isIPv6(peer)
  function asIs(host: string, _options: unknown, done: (error: null, address: string, family: number) => void): void {
    done(null, host, ipv6 ? 6 : 4) // at once: so `connect` is done when it returns
  }
  const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', lookup: asIs as never })
  socket.on('error', () => undefined) // no route: its address stays any
  try {
    socket.connect(discard, peer)
    const source = ownAddress(socket.address().address)
    return isAnyHost(source) ? undefined : source
  } catch {
    return undefined // no IPv6 here, no descriptors left
  } finally {
    socket.close()
  }
}
