/** Text as it is written (ITU-T T.140) in RTP packets, each with the two before it once more (RFC 4103, RFC 2198). */
import type { Clock, Ids, Timer } from '../../../../signalling/index.ts'
import { payloadType } from './session-description.ts'

interface TextStreamParts {
  readonly clock: Clock
  readonly ids: Ids
  send(bytes: Buffer): void
  /** Text of the other side, in order. What was lost for good stands as U+FFFD. */
  text(text: string): void
}

interface Block {
  readonly at: number
  readonly content: Buffer
}

const interval = 300 // milliseconds between two packets (RFC 4103 §5)
const generations = 2
const longestBlock = 400 // bytes: three of them fit into a packet
const headerLength = 12
const longestPacket = 1_500 // bytes
const mostAtOnce = 4_000 // characters that are told at once, and a fourth of it each second: more than anybody types
const missing = '\uFFFD' // T.140 §7.3, RFC 4103 §5.4
const furthestJump = 3_000 // sequence numbers
const farBehind = 65_536 - furthestJump

export class TextStream {
  private readonly parts: TextStreamParts
  private readonly source: number
  private sequence: number
  private waiting: Buffer[] = []
  private sent: Block[] = []
  private timer: Timer | undefined
  /** The first packet after a pause has the marker. */
  private isIdle = true
  /** Sequence number that is to come next from the other side. */
  private expected: number | undefined
  private rest: Buffer = Buffer.alloc(0)
  /** Characters that may be told now, as of that time. */
  private room = mostAtOnce
  private roomAt = 0

  constructor(parts: TextStreamParts) {
    this.parts = parts
    this.source = Number.parseInt(parts.ids.hex(4), 16)
    this.sequence = Number.parseInt(parts.ids.hex(2), 16)
  }
  write(text: string): void {
    if (text === '') return
    this.waiting.push(...blocksOf(text))
    if (this.timer === undefined) this.tick()
  }
  stop(): void {
    this.timer?.cancel()
  }
  /** Sends what waits; then empty packets, until each block has gone three times. */
  private tick(): void {
    const content = this.waiting.shift() ?? Buffer.alloc(0)
    if (content.length === 0 && this.sent.every((block) => block.content.length === 0)) {
      this.timer = undefined
      this.isIdle = true
      return
    }
    this.transmit(content)
    this.timer = this.parts.clock.after(interval, () => this.tick())
  }
  private transmit(content: Buffer): void {
    const at = Math.floor(this.parts.clock.now()) >>> 0
    const header = Buffer.alloc(headerLength)
    header[0] = 0x80
    header[1] = (this.isIdle ? 0x80 : 0) | payloadType.redundant
    header.writeUInt16BE(this.sequence, 2)
    header.writeUInt32BE(at, 4)
    header.writeUInt32BE(this.source, 8)
    const older = this.sent.slice(-generations)
    const heads = older.map((block) => {
      const head = Buffer.alloc(4)
      const offset = Math.min(at - block.at, 0x3fff)
      head[0] = 0x80 | payloadType.text
      head.writeUIntBE(offset * 1024 + block.content.length, 1, 3)
      return head
    })
    const last = Buffer.from([payloadType.text])
    this.parts.send(Buffer.concat([header, ...heads, last, ...older.map((block) => block.content), content]))
    this.sequence = (this.sequence + 1) & 0xffff
    this.isIdle = false
    this.sent = [...older, { at, content }].slice(-generations)
  }

  /** An RTP packet of the other side; what is none changes nothing. */
  received(bytes: Buffer): void {
    const blocks = bytes.length > longestPacket ? undefined : blocksIn(bytes)
    if (blocks === undefined) return
    const sequence = bytes.readUInt16BE(2)
    const ahead = this.expected === undefined ? blocks.length - 1 : (sequence - this.expected) & 0xffff // packets that have not come
    if (ahead > farBehind) return // an old one, told by a newer one already
    this.expected = (sequence + 1) & 0xffff
    const lost = ahead > furthestJump ? 0 : ahead
    const fresh = blocks.slice(Math.max(0, blocks.length - 1 - lost))
    let text = ''
    if (lost > blocks.length - 1) {
      text = missing
      this.rest = Buffer.alloc(0)
    }
    for (const block of fresh) text += this.decoded(block)
    if (text !== '') this.tell(text)
  }
  private tell(text: string): void {
    const now = this.parts.clock.now()
    this.room = Math.min(mostAtOnce, this.room + ((now - this.roomAt) * mostAtOnce) / 4_000)
    this.roomAt = now
    if (text.length > this.room) return // a flood, which nobody reads
    this.room -= text.length
    this.parts.text(text)
  }
  /** Characters that are whole; the bytes of another wait for the next block. */
  private decoded(block: Buffer): string {
    const bytes = Buffer.concat([this.rest, block])
    const end = wholeUpTo(bytes)
    this.rest = bytes.subarray(end)
    return bytes.toString('utf8', 0, end).replaceAll('\uFEFF', '')
  }
}

function wholeUpTo(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!
    if ((byte & 0xc0) === 0x80) continue
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return needs > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}

function blocksOf(text: string): readonly Buffer[] {
  const blocks: Buffer[] = []
  let bytes = Buffer.from(text)
  while (bytes.length > 0) {
    const end = bytes.length <= longestBlock ? bytes.length : wholeUpTo(bytes.subarray(0, longestBlock))
    blocks.push(bytes.subarray(0, end))
    bytes = bytes.subarray(end)
  }
  return blocks
}

/** Blocks of a packet, oldest first; undefined: it is none of text. */
function blocksIn(bytes: Buffer): readonly Buffer[] | undefined {
  const start = headerLength + ((bytes[0] ?? 0) & 0x0f) * 4
  if (bytes.length < start || (bytes[0]! & 0xf0) >> 4 !== 8) return undefined // version 2, no padding, no extension
  const type = bytes[1]! & 0x7f
  if (type === payloadType.text) return [bytes.subarray(start)]
  if (type !== payloadType.redundant) return undefined
  const lengths: number[] = []
  let at = start
  while (at < bytes.length && (bytes[at]! & 0x80) !== 0) {
    if (at + 4 > bytes.length) return undefined
    lengths.push(bytes.readUInt16BE(at + 2) & 0x3ff)
    at += 4
  }
  at++
  const blocks: Buffer[] = []
  for (const length of lengths) {
    if (at + length > bytes.length) return undefined
    blocks.push(bytes.subarray(at, at + length))
    at += length
  }
  return at > bytes.length ? undefined : [...blocks, bytes.subarray(at)]
}
