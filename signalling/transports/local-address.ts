/** The local address of one socket: as bound, and as peers are told. */
import { isAnyHost, type MachineAddresses, ownAddress, SystemAddresses } from './machine-addresses.ts'
import type { HostPort } from './transport.ts'

export class LocalAddress {
  /** As bound: perhaps on any address. */
  local: HostPort
  /** The address that we write instead of it; undefined: the bound one. */
  sentBy: HostPort | undefined
  private readonly addresses: MachineAddresses
  private readonly places = new Map<string, HostPort>()

  /**
   * @param advertise our address as peers are told; port 0: ours
   */
  constructor(listen: HostPort, addresses: MachineAddresses = new SystemAddresses(), advertise?: HostPort) {
    this.local = listen
    this.addresses = addresses
    this.sentBy = advertise
    this.bound(listen)
  }
  bound(local: HostPort): void {
    this.local = local
    this.places.clear()
    if (this.sentBy?.port === 0) this.sentBy = { host: this.sentBy.host, port: local.port }
  }
  /** Our address as that peer has to know it. */
  towards(peer: string): HostPort {
    return isAnyHost(this.local.host) ? this.at(this.addresses.towards(peer)) : this.local
  }
  /** Our address as a connection has it; undefined where the connection does not know any more. */
  of(address: string | undefined, peer: string): HostPort {
    if (!isAnyHost(this.local.host)) return this.local
    return address === undefined ? this.towards(peer) : this.at(ownAddress(address))
  }
  /** One object for each address. */
  private at(host: string): HostPort {
    let place = this.places.get(host)
    if (place === undefined) this.places.set(host, (place = { host, port: this.local.port }))
    return place
  }
}
