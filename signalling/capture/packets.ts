/** IP, UDP and TCP as bytes, with the checksums that Wireshark verifies. */
import { isIPv4, isIPv6 } from 'node:net'
import type { Endpoint } from './tap.ts'

/** An address and a port, ready to be written: 4 or 16 bytes, the same at both ends. */
export interface PacketAddress {
  readonly address: Buffer
  readonly port: number
}

type TcpFlag = 'SYN' | 'PSH' | 'ACK'
const flagBits: Record<TcpFlag, number> = { SYN: 2, PSH: 8, ACK: 16 }

/** Largest payload of one UDP packet over IPv4. */
export const largestDatagram = 65_535 - 20 - 8
/** Payload of the segments that long messages are cut into. */
export const segmentSize = 16_384

const UDP = 17
const TCP = 6

/** The bytes of an IP address; undefined for other text. A zone is dropped. */
export function addressBytes(address: string): Buffer | undefined {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  const plain = address.split('%', 1)[0]!
  if (!isIPv6(plain)) return undefined
  const text = plain.replace(/\d+\.\d+\.\d+\.\d+$/, (four) => {
    const [a = 0, b = 0, c = 0, d = 0] = four.split('.').map(Number)
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  })
  const [front = '', back] = text.split('::')
  const left = front === '' ? [] : front.split(':')
  const right = back === undefined || back === '' ? [] : back.split(':')
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  const result = Buffer.alloc(16)
  for (const [i, group] of groups.entries()) result.writeUInt16BE(Number.parseInt(group, 16), 2 * i)
  return result
}

/** `127.0.0.1:5060`, `[::1]:5060`. */
export function hostPort({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** IPv4 as IPv6, for a packet whose other end has no IPv4 address. */
export function mapped(address: Buffer): Buffer {
  return address.length === 16 ? address : Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), address])
}

/** Readable form of 4 or 16 bytes. */
export function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16))
  const zeros = [...groups.join(':').matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)]
    .map(([run]) => run)
    .sort((a, b) => b.length - a.length)[0]
  if (zeros === undefined) return groups.join(':')
  const [front = '', back = ''] = splitOnce(groups.join(':'), zeros)
  return `${front}::${back.replace(/^:/, '')}`
}
function splitOnce(text: string, by: string): string[] {
  const at = text.indexOf(by)
  return [text.slice(0, at), text.slice(at + by.length)]
}

/** One's complement sum of 16-bit words (RFC 1071), not yet folded. */
function sum(bytes: Uint8Array, start: number, end: number, from = 0): number {
  let total = from
  let i = start
  for (; i + 1 < end; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!
  if (i < end) total += bytes[i]! << 8
  return total
}
function folded(total: number): number {
  let rest = total
  while (rest > 0xffff) rest = (rest & 0xffff) + Math.floor(rest / 0x10000)
  return ~rest & 0xffff
}

/** An IP packet with room for `length` bytes of transport header and payload; returns it and the index of that room. */
function ipPacket(
  protocol: number,
  from: PacketAddress,
  to: PacketAddress,
  length: number,
  id: number,
): { packet: Buffer; start: number } {
  const four = from.address.length === 4
  const start = four ? 20 : 40
  const packet = Buffer.alloc(start + length)
  if (four) {
    packet[0] = 0x45
    packet.writeUInt16BE(start + length, 2)
    packet.writeUInt16BE(id & 0xffff, 4)
    packet[6] = 0x40 // do not fragment
    packet[8] = 64
    packet[9] = protocol
    from.address.copy(packet, 12)
    to.address.copy(packet, 16)
    packet.writeUInt16BE(folded(sum(packet, 0, 20)), 10)
  } else {
    packet[0] = 0x60
    packet.writeUInt16BE(length, 4)
    packet[6] = protocol
    packet[7] = 64
    from.address.copy(packet, 8)
    to.address.copy(packet, 24)
  }
  packet.writeUInt16BE(from.port, start)
  packet.writeUInt16BE(to.port, start + 2)
  return { packet, start }
}

/** Checksum over pseudo header and transport part; the field itself is still zero. */
function transportChecksum(packet: Buffer, start: number, protocol: number): number {
  const addresses = packet[0] === 0x45 ? 12 : 8
  const pseudo = sum(packet, addresses, start, protocol + packet.length - start)
  return folded(sum(packet, start, packet.length, pseudo))
}

/** @param id of the IP packet; any rising number */
export function udpPacket(from: PacketAddress, to: PacketAddress, payload: Uint8Array, id: number): Buffer {
  const { packet, start } = ipPacket(UDP, from, to, 8 + payload.length, id)
  packet.writeUInt16BE(8 + payload.length, start + 4)
  packet.set(payload, start + 8)
  packet.writeUInt16BE(transportChecksum(packet, start, UDP) || 0xffff, start + 6)
  return packet
}

interface TcpSegment {
  readonly sequence: number
  readonly acknowledged: number
  readonly flags: readonly TcpFlag[]
  readonly payload?: Uint8Array
}
export function tcpPacket(from: PacketAddress, to: PacketAddress, segment: TcpSegment, id: number): Buffer {
  const payload = segment.payload ?? new Uint8Array(0)
  const { packet, start } = ipPacket(TCP, from, to, 20 + payload.length, id)
  packet.writeUInt32BE(segment.sequence >>> 0, start + 4)
  packet.writeUInt32BE(segment.acknowledged >>> 0, start + 8)
  packet[start + 12] = 5 << 4
  for (const flag of segment.flags) packet[start + 13]! |= flagBits[flag]
  packet.writeUInt16BE(0xffff, start + 14)
  packet.set(payload, start + 20)
  packet.writeUInt16BE(transportChecksum(packet, start, TCP), start + 16)
  return packet
}

/** The content of a packet. */
export interface UnpackedPacket {
  readonly protocol: 'UDP' | 'TCP'
  readonly from: { readonly address: string; readonly port: number }
  readonly to: { readonly address: string; readonly port: number }
  /** TCP only. */
  readonly sequence: number
  readonly opens: boolean
  readonly payload: Buffer
}

/** The inside of an IP packet; undefined for a packet that carries neither UDP nor TCP, is a fragment or is cut short. */
export function unpack(packet: Buffer): UnpackedPacket | undefined {
  const version = (packet[0] ?? 0) >> 4
  const four = version === 4
  if ((!four && version !== 6) || packet.length < (four ? 20 : 40)) return undefined
  const start = four ? (packet[0]! & 15) * 4 : 40
  const end = four ? packet.readUInt16BE(2) : 40 + packet.readUInt16BE(4)
  const protocol = packet[four ? 9 : 6]
  if (end > packet.length || (four && (packet.readUInt16BE(6) & 0x3fff) !== 0)) return undefined
  const least = protocol === UDP ? 8 : 20
  if ((protocol !== UDP && protocol !== TCP) || start < 20 || end < start + least) return undefined
  const data = protocol === UDP ? start + 8 : start + (packet[start + 12]! >> 4) * 4
  if (data > end) return undefined
  return {
    protocol: protocol === UDP ? 'UDP' : 'TCP',
    from: { address: addressText(packet.subarray(four ? 12 : 8, four ? 16 : 24)), port: packet.readUInt16BE(start) },
    to: { address: addressText(packet.subarray(four ? 16 : 24, four ? 20 : 40)), port: packet.readUInt16BE(start + 2) },
    sequence: protocol === TCP ? packet.readUInt32BE(start + 4) : 0,
    opens: protocol === TCP && (packet[start + 13]! & flagBits.SYN) !== 0,
    payload: packet.subarray(data, end),
  }
}
