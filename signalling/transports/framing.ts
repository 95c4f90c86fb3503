/** Cuts a stream into messages by Content-Length (RFC 3261 §18.3), and sees keep-alives (RFC 5626 §3.5.1). */

export interface FramingSink {
  message(bytes: Buffer): void
  /** A double CRLF between messages: wants a single one back. */
  ping(): void
  /** The stream cannot be cut any more; nothing is delivered afterwards. */
  broken(why: string): void
}

const CR = 13
const LF = 10

export class Framer {
  private readonly sink: FramingSink
  private readonly limit: number
  private pending: Buffer = Buffer.alloc(0)
  private dead = false
  /** Total length of the message whose header is complete, or 0. */
  private wanted = 0

  /** `limit`: bytes of the longest message. */
  constructor(sink: FramingSink, limit: number) {
    this.sink = sink
    this.limit = limit
  }

  push(chunk: Buffer): void {
    if (this.dead) return
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk])
    while (!this.dead && this.cut());
  }

  private fail(why: string): false {
    this.dead = true
    this.pending = Buffer.alloc(0)
    this.sink.broken(why)
    return false
  }

  /** Delivers one message or keep-alive; false if more bytes are needed. */
  private cut(): boolean {
    const bytes = this.pending
    if (this.wanted === 0) {
      let start = 0
      while (bytes[start] === CR || bytes[start] === LF) start++
      if (start > 0) {
        // a CRLF alone may be the first half of a ping, or our own pong's echo
        if (start === bytes.length && start < 4 && bytes.length < 4)
          return start === 2 && bytes[0] === CR ? false : this.drop(start)
        if (start >= 4) this.sink.ping()
        return this.drop(start)
      }
      if (bytes.length === 0) return false
      const end = headerEnd(bytes)
      if (end < 0) return bytes.length > this.limit ? this.fail(`a header of more than ${this.limit} bytes`) : false
      const length = contentLength(bytes, end)
      if (length < 0) return this.fail('Content-Length is missing, repeated or no number')
      if (end + length > this.limit) return this.fail(`a message of more than ${this.limit} bytes`)
      this.wanted = end + length
    }
    if (bytes.length < this.wanted) return false
    const message = bytes.subarray(0, this.wanted)
    this.drop(this.wanted)
    this.wanted = 0
    this.sink.message(message)
    return this.pending.length > 0
  }
  private drop(count: number): boolean {
    this.pending = this.pending.subarray(count)
    return this.pending.length > 0
  }
}

/** Offset behind the empty line; -1 if it has not come yet. */
function headerEnd(bytes: Buffer): number {
  const crlf = bytes.indexOf('\r\n\r\n')
  if (crlf >= 0) return crlf + 4
  const lf = bytes.indexOf('\n\n')
  return lf < 0 ? -1 : lf + 2
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
