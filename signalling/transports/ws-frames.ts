/** Frames of a WebSocket connection, followed by their headers alone (RFC 6455 §5.2): whether a message is half way. */

const control = 0x08 // in the opcode: Close, Ping or Pong
const fin = 0x80
const masked = 0x80

export class WebSocketFrames {
  /** Messages that have been whole so far. */
  messages = 0
  private readonly header = Buffer.alloc(14)
  private have = 0 // bytes of the header
  private left = 0 // bytes of the payload that are still to come
  private isData = false
  private isFragmented = false

  /** Whether a message has begun and is not whole. */
  get partial(): boolean {
    return this.isFragmented || this.have > 0 || (this.left > 0 && this.isData)
  }
  read(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.left > 0) {
        const taken = Math.min(this.left, bytes.length - at)
        this.left -= taken
        at += taken
      } else this.header[this.have++] = bytes[at++]!
      if (this.have > 1 && this.have === this.headerLength) this.begin()
      if (this.left === 0 && this.have === 0) this.end()
    }
  }
  private get headerLength(): number {
    const length = this.header[1]! & ~masked
    return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + ((this.header[1]! & masked) !== 0 ? 4 : 0)
  }
  private begin(): void {
    const length = this.header[1]! & ~masked
    if (length === 126) this.left = this.header.readUInt16BE(2)
    else this.left = length === 127 ? Number(this.header.readBigUInt64BE(2)) : length
    this.isData = (this.header[0]! & control) === 0
    if (this.isData) this.isFragmented = (this.header[0]! & fin) === 0
    this.have = 0
  }
  /** Control frames come between the frames of a message too, and are no end of it (RFC 6455 §5.4). */
  private end(): void {
    if (this.isData && !this.isFragmented) this.messages++
    this.isData = false
  }
}
