/** Reads messages back from a capture: our own files wholly, others as far as they are raw IP or Ethernet. */
import { type PacketRecord, rawIp, readBlocks } from './blocks.ts'
import { parseFrame } from './frames.ts'
import { hostPort, type UnpackedPacket, unpack } from './packets.ts'
import type { Endpoint, TappedMessage, TransportName } from './tap.ts'

export type CapturedMessage = TappedMessage

const names = /^(.*?) → (.*?)(?: \((UDP|TCP|TLS|WS|WSS|MEM)\))?$/

/**
 * The SIP messages of a pcapng file in the order in which they were complete. Never throws: unreadable parts are left out
 * and told to `report`, one line each.
 */
export function readPcapng(file: Uint8Array, report: (text: string) => void = () => undefined): CapturedMessage[] {
  const messages: CapturedMessage[] = []
  const streams = new Map<string, Stream>()
  let number = 0
  for (const record of readBlocks(Buffer.from(file.buffer, file.byteOffset, file.length), report)) {
    number++
    const ip = ipOf(record)
    const packet = ip === undefined ? undefined : unpack(ip)
    if (packet === undefined) {
      report(`packet ${number}: neither UDP nor TCP${record.cut ? ', or cut short' : ''}`)
      continue
    }
    if (packet.protocol === 'UDP') {
      if (looksLikeSip(packet.payload)) messages.push(captured(record, packet, 'UDP', packet.payload))
      continue
    }
    const key = `${packet.from.address} ${packet.from.port} ${packet.to.address} ${packet.to.port}`
    let stream = streams.get(key)
    if (stream === undefined || packet.opens) streams.set(key, (stream = new Stream()))
    const fault = stream.take(packet)
    if (fault !== undefined) report(`packet ${number}: ${fault}`)
    for (let bytes = stream.next(); bytes !== undefined; bytes = stream.next()) {
      messages.push(captured(record, packet, stream.webSocket ? 'WS' : 'TCP', bytes))
    }
  }
  return messages
}

/** The IP packet inside the interface's frame. */
function ipOf({ link, bytes }: PacketRecord): Buffer | undefined {
  switch (link) {
    case rawIp:
    case 228: // raw IPv4
    case 229: // raw IPv6
      return bytes
    case 1: // Ethernet
      return bytes.subarray(14)
    case 0: // BSD loopback
    case 108:
      return bytes.subarray(4)
    case 113: // Linux cooked
      return bytes.subarray(16)
    case 276:
      return bytes.subarray(20)
    default:
      return undefined
  }
}

function captured(record: PacketRecord, packet: UnpackedPacket, transport: TransportName, bytes: Buffer): CapturedMessage {
  const [, from = '', to = '', hidden] = names.exec(record.comment ?? '') ?? []
  return {
    at: record.at,
    transport: (hidden as TransportName | undefined) ?? transport,
    from: named(packet.from, from),
    to: named(packet.to, to),
    direction: record.direction ?? 'local',
    bytes: Buffer.from(bytes),
  }
}
function named(endpoint: Endpoint, name: string): Endpoint {
  return name === '' || name === hostPort(endpoint) ? endpoint : { ...endpoint, name }
}

function looksLikeSip(bytes: Buffer): boolean {
  const line = bytes.toString('latin1', 0, 2048).trimStart().split('\n', 1)[0]!
  return line.startsWith('SIP/2.0 ') || /^\S+ \S.* SIP\/\d/.test(line)
}

const largestMessage = 16 * 1024 * 1024

/** One direction of a TCP connection. */
class Stream {
  webSocket = false
  private decided = false
  private bytes: Buffer = Buffer.alloc(0)
  private expected: number | undefined

  /** Returns the fault, if there is one. */
  take({ sequence, opens, payload }: UnpackedPacket): string | undefined {
    if (opens) this.expected = (sequence + 1) >>> 0
    if (opens || payload.length === 0) return undefined
    this.expected ??= sequence
    const ahead = (sequence - this.expected) | 0
    if (ahead < 0) return undefined // a segment seen again
    this.expected = (sequence + payload.length) >>> 0
    if (ahead > 0) {
      this.bytes = Buffer.from(payload) // start afresh: the next message begins somewhere behind the gap
      return `${ahead} bytes of a TCP stream are missing`
    }
    this.bytes = this.bytes.length === 0 ? payload : Buffer.concat([this.bytes, payload])
    if (this.bytes.length <= largestMessage) return undefined
    this.bytes = Buffer.alloc(0)
    return 'a TCP stream that is not SIP'
  }
  /** The next whole message. */
  next(): Buffer | undefined {
    if (!this.decided && this.bytes.length >= 5) {
      this.decided = true
      this.webSocket = /^(?:GET |HTTP\/)/.test(this.bytes.toString('latin1', 0, 5))
      if (this.webSocket && !this.dropHead()) this.decided = false
    }
    if (!this.decided) return undefined
    return this.webSocket ? this.nextFrame() : this.nextMessage()
  }
  /** Takes the HTTP head off; false while it is not whole. */
  private dropHead(): boolean {
    const end = this.bytes.indexOf('\r\n\r\n')
    if (end >= 0) this.bytes = this.bytes.subarray(end + 4)
    return end >= 0
  }
  private nextFrame(): Buffer | undefined {
    for (;;) {
      const frame = parseFrame(this.bytes)
      if (frame === undefined) return undefined
      this.bytes = this.bytes.subarray(frame.size)
      if (frame.opcode <= 2 && looksLikeSip(frame.payload)) return frame.payload
    }
  }
  private nextMessage(): Buffer | undefined {
    let start = 0
    while (this.bytes[start] === 13 || this.bytes[start] === 10) start++ // keep-alives
    const head = this.bytes.indexOf('\r\n\r\n', start)
    if (head < 0) return undefined
    const text = this.bytes.toString('latin1', start, head)
    const length = Number(/^(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})/im.exec(text)?.[1] ?? 0)
    const end = head + 4 + length
    if (end > this.bytes.length) return undefined
    const message = this.bytes.subarray(start, end)
    this.bytes = this.bytes.subarray(end)
    return looksLikeSip(message) ? message : this.nextMessage()
  }
}
