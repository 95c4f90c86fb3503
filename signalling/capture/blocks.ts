/** pcapng blocks: one section, one interface of raw IP packets with microseconds. */

const sectionHeader = 0x0a0d0d0a
const interfaceDescription = 1
const simplePacket = 3
const enhancedPacket = 6
const byteOrder = 0x1a2b3c4d
/** LINKTYPE_RAW: the packet begins with its IP header. */
export const rawIp = 101

const commentOption = 1
const flagsOption = 2
const resolutionOption = 9

function option(code: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + padded(value.length))
  bytes.writeUInt16LE(code, 0)
  bytes.writeUInt16LE(value.length, 2)
  value.copy(bytes, 4)
  return bytes
}
function padded(length: number): number {
  return (length + 3) & ~3
}
function block(type: number, parts: readonly Buffer[], options: readonly Buffer[]): Buffer {
  const end = options.length === 0 ? [] : [Buffer.alloc(4)] // opt_endofopt
  let length = 12
  for (const part of parts) length += padded(part.length)
  for (const part of options) length += part.length
  length += end.length * 4
  const bytes = Buffer.alloc(length)
  bytes.writeUInt32LE(type, 0)
  bytes.writeUInt32LE(length, 4)
  let at = 8
  for (const part of parts) {
    part.copy(bytes, at)
    at += padded(part.length)
  }
  for (const part of options) at += part.copy(bytes, at)
  bytes.writeUInt32LE(length, length - 4)
  return bytes
}

/** The beginning of every file. */
export function fileStart(program: string): Buffer {
  const section = Buffer.alloc(16)
  section.writeUInt32LE(byteOrder, 0)
  section.writeUInt16LE(1, 4)
  section.fill(0xff, 8) // length of the section: not known
  const link = Buffer.alloc(8)
  link.writeUInt16LE(rawIp, 0)
  return Buffer.concat([
    block(sectionHeader, [section], [option(4, Buffer.from(program))]),
    block(interfaceDescription, [link], [option(2, Buffer.from('sip')), option(resolutionOption, Buffer.from([6]))]),
  ])
}

type PacketDirection = 'in' | 'out' | undefined
const directionBits = { in: 1, out: 2 } as const

/** One packet. @param at milliseconds since the epoch */
export function packetBlock(at: number, packet: Buffer, direction: PacketDirection, comment: string | undefined): Buffer {
  const head = Buffer.alloc(20)
  const micros = Math.round(at * 1000)
  head.writeUInt32LE(Math.floor(micros / 2 ** 32), 4)
  head.writeUInt32LE(micros % 2 ** 32, 8)
  head.writeUInt32LE(packet.length, 12)
  head.writeUInt32LE(packet.length, 16)
  const options: Buffer[] = []
  if (comment !== undefined) options.push(option(commentOption, Buffer.from(comment)))
  if (direction !== undefined) options.push(option(flagsOption, Buffer.from([directionBits[direction], 0, 0, 0])))
  return block(enhancedPacket, [head, packet], options)
}

export interface PacketRecord {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly link: number
  readonly bytes: Buffer
  readonly direction: PacketDirection
  readonly comment: string | undefined
  /** Some of the packet was not captured. */
  readonly cut: boolean
}

interface Interface {
  readonly link: number
  /** Time units a millisecond. */
  readonly scale: number
}

/** The packets of a file, either byte order, any number of interfaces. Unreadable blocks are told to `report`, once each. */
export function* readBlocks(file: Buffer, report: (text: string) => void): Generator<PacketRecord> {
  let big = false
  let interfaces: Interface[] = []
  let at = 0
  const u16 = (from: number): number => (big ? file.readUInt16BE(from) : file.readUInt16LE(from))
  const u32 = (from: number): number => (big ? file.readUInt32BE(from) : file.readUInt32LE(from))
  const optionsOf = (from: number, end: number): Map<number, Buffer> => {
    const found = new Map<number, Buffer>()
    for (let i = from; i + 4 <= end; ) {
      const code = u16(i)
      const length = u16(i + 2)
      if (code === 0 || i + 4 + length > end) break
      if (!found.has(code)) found.set(code, file.subarray(i + 4, i + 4 + length))
      i += 4 + padded(length)
    }
    return found
  }
  while (at + 12 <= file.length) {
    const first = file.readUInt32LE(at)
    if (first === sectionHeader) {
      big = file.readUInt32BE(at + 8) === byteOrder
      interfaces = []
      if (!big && file.readUInt32LE(at + 8) !== byteOrder) return report(`byte ${at}: a section without byte order`)
    } else if (at === 0) return report('not a pcapng file')
    const type = u32(at)
    const length = u32(at + 4)
    const end = at + length - 4
    if (length < 12 || length % 4 !== 0 || at + length > file.length)
      return report(`byte ${at}: a block of ${length} bytes that is not there`)
    if (type === interfaceDescription && length >= 20) {
      const resolution = optionsOf(at + 16, end).get(resolutionOption)?.[0] ?? 6
      const perSecond = resolution < 128 ? 10 ** resolution : 2 ** (resolution - 128)
      interfaces.push({ link: u16(at + 8), scale: perSecond / 1000 })
    } else if (type === enhancedPacket && length >= 32) {
      const from = interfaces[u32(at + 8)]
      const size = u32(at + 20)
      if (from === undefined) report(`byte ${at}: a packet of an interface that is not described`)
      else if (at + 28 + size > end) report(`byte ${at}: a packet longer than its block`)
      else {
        const options = optionsOf(at + 28 + padded(size), end)
        const bits = options.get(flagsOption)
        const way = bits === undefined || bits.length < 4 ? 0 : bits[big ? 3 : 0]! & 3
        yield {
          at: (u32(at + 12) * 2 ** 32 + u32(at + 16)) / from.scale,
          link: from.link,
          bytes: file.subarray(at + 28, at + 28 + size),
          direction: way === 1 ? 'in' : way === 2 ? 'out' : undefined,
          comment: options.get(commentOption)?.toString('utf8'),
          cut: u32(at + 24) > size,
        }
      }
    } else if (type === simplePacket) report(`byte ${at}: a packet without a time`)
    at += length
  }
  if (at < file.length) report(`byte ${at}: ${file.length - at} bytes that are no block`)
}
