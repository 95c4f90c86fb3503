/** Cuts a stream into messages by Content-Length (RFC 3261 §18.3), and sees keep-alives (RFC 5626 §3.5.1). */

interface FramingSink {
  message(bytes: Buffer): void
  /** So many double CRLFs between messages, which came together: each wants a single one back. */
  ping(count: number): void
  /** A message that is longer than the limit, though its end is known: its body is passed over, and the stream goes on. Left out: `broken`. */
  tooLong?(why: string, head: Buffer): void
  /** The stream cannot be cut any more; nothing is delivered afterwards. `head`: the part of the faulty header that has come. */
  broken(why: string, head: Buffer): void
}

const CR = 13
const LF = 10
const ping = [CR, LF, CR, LF]
const skippedAtMost = 1024 * 1024 // bytes of a body that is passed over; a stream with a longer one is given up

export class Framer {
  private readonly sink: FramingSink
  private readonly limit: number
  private pending: Buffer = Buffer.alloc(0)
  private dead = false
  /** Total length of the message whose header is complete, or 0. */
  private wanted = 0
  /** Bytes still to come of a body that is passed over. */
  private skipped = 0

  /** `limit`: bytes of the longest message. */
  constructor(sink: FramingSink, limit: number) {
    this.sink = sink
    this.limit = limit
  }

  /** Bytes wait for others to be a message; an empty line, which may become a ping, waits for nothing. */
  get partial(): boolean {
    return this.skipped > 0 || (this.pending.length > 0 && this.pending[0] !== CR)
  }
  push(chunk: Buffer): void {
    if (this.dead) return
    let rest = chunk
    if (this.skipped > 0) {
      rest = chunk.subarray(this.skipped)
      this.skipped = Math.max(0, this.skipped - chunk.length)
    }
    this.pending = this.pending.length === 0 ? rest : Buffer.concat([this.pending, rest])
    while (!this.dead && this.cut());
  }

  private fail(why: string, end: number): false {
    const head = this.pending.subarray(0, end)
    this.dead = true
    this.pending = Buffer.alloc(0)
    this.sink.broken(why, head)
    return false
  }

  /** Delivers one message or keep-alive; false if more bytes are needed. */
  private cut(): boolean {
    const bytes = this.pending
    if (this.wanted === 0) {
      if (bytes[0] === CR || bytes[0] === LF) return this.blank(bytes)
      if (bytes.length === 0) return false
      const end = headerEnd(bytes)
      if (end < 0) return bytes.length > this.limit ? this.fail(`a header of more than ${this.limit} bytes`, this.limit) : false
      const length = contentLength(bytes, end)
      if (length < 0) return this.fail('Content-Length is missing, repeated or no number', end)
      if (end + length > this.limit) {
        const why = `a message of more than ${this.limit} bytes`
        const ends = this.sink.tooLong === undefined || end > this.limit || length > skippedAtMost
        return ends ? this.fail(why, end) : this.skip(why, end, length)
      }
      this.wanted = end + length
    }
    if (bytes.length < this.wanted) return false
    const message = bytes.subarray(0, this.wanted)
    this.drop(this.wanted)
    this.wanted = 0
    this.sink.message(message)
    return this.pending.length > 0
  }
  /** Empty lines between messages, however many, at once: one call and one answer a ping would cost a peer nothing, and us much. */
  private blank(bytes: Buffer): boolean {
    let at = 0
    let pings = 0
    while (bytes[at] === CR || bytes[at] === LF) {
      let same = 1
      if (bytes[at] === CR) while (same < ping.length && bytes[at + same] === ping[same]) same++
      if (same === ping.length) pings++
      else if (bytes[at] === CR && at + same === bytes.length)
        break // bytes that may become a ping
      else same = 1
      at += same
    }
    if (pings > 0) this.sink.ping(pings)
    return this.drop(at) && at > 0
  }
  private skip(why: string, end: number, length: number): boolean {
    const head = this.pending.subarray(0, end)
    this.skipped = Math.max(0, end + length - this.pending.length)
    this.drop(end + length)
    this.sink.tooLong?.(why, head)
    return this.pending.length > 0
  }
  private drop(count: number): boolean {
    this.pending = this.pending.subarray(count)
    return this.pending.length > 0
  }
}

/** The answer to so many pings. */
export function pongs(count: number): Buffer {
  return Buffer.alloc(2 * count, '\r\n')
}

/** Offset behind the first empty line, as scan sees it; -1 if it has not come yet. */
function headerEnd(bytes: Buffer): number {
  const crlf = bytes.indexOf('\n\r\n')
  const lf = (crlf < 0 ? bytes : bytes.subarray(0, crlf + 1)).indexOf('\n\n')
  if (lf >= 0) return lf + 2
  return crlf < 0 ? -1 : crlf + 3
}

/** -1 if the one thing a stream depends on is missing, given twice with different values, or no number. */
function contentLength(bytes: Buffer, end: number): number {
  const header = bytes.toString('latin1', 0, end)
  let length = -1
  for (const match of header.matchAll(/\n(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*)/gi)) {
    const text = match[1]!.trim()
    if (!/^\d{1,9}$/.test(text)) return -1
    if (length >= 0 && length !== Number(text)) return -1
    length = Number(text)
  }
  return length
}
