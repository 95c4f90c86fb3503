/** The addresses of both ends of a message as a capture shows them. */
import { addressBytes, mapped, type PacketAddress } from './packets.ts'
import type { TappedMessage } from './tap.ts'

export class Parties {
  private readonly invented = new Map<string, Buffer>()

  /** Both of one family, sender first. */
  of({ from, to }: TappedMessage): [PacketAddress, PacketAddress] {
    const same = from.port === to.port && from.address === to.address // elements of one node: told apart by name
    let source = this.address(same ? (from.name ?? from.address) : from.address)
    let target = this.address(same ? (to.name ?? to.address) : to.address)
    if (source.length !== target.length) [source, target] = [mapped(source), mapped(target)]
    return [
      { address: source, port: from.port || 5060 },
      { address: target, port: to.port || 5060 },
    ]
  }
  /** A name gets an address of its own, out of the block for benchmarks (RFC 2544). */
  private address(address: string): Buffer {
    const bytes = addressBytes(address) ?? this.invented.get(address)
    if (bytes !== undefined) return bytes
    const number = (this.invented.size % 65_534) + 1
    const next = Buffer.from([198, 18, number >> 8, number & 255])
    this.invented.set(address, next)
    return next
  }
}
