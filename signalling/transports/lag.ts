/** Lag of a datagram in the system's buffer before we read it, measured by datagrams that we send to ourselves. */
const mark = Buffer.from('\0lag') // no SIP message begins so, nor does STUN's cookie follow
const lostAfter = 500 // ms: the buffer had no room for it
const stale = 1000 // ms after which a measurement says nothing

export class LagProbe {
  private readonly send: (bytes: Buffer) => void
  private readonly now: () => number
  private sequence = 0
  private sentAt: number | undefined
  private last = 0
  private lastAt = 0

  /** @param send to the socket's own address */
  constructor(send: (bytes: Buffer) => void, now: () => number = () => performance.now()) {
    this.send = send
    this.now = now
  }
  /** Milliseconds, by the last one that came back or by one that does not come. Sends the next. */
  read(): number {
    const now = this.now()
    const waiting = this.sentAt === undefined ? 0 : now - this.sentAt
    if (this.sentAt === undefined || waiting > lostAfter) this.probe(now)
    if (now - this.lastAt > stale) this.last = 0
    return Math.max(this.last, waiting)
  }
  /** Whether these bytes, which came from ourselves, are of this probe. */
  takes(bytes: Buffer): boolean {
    if (bytes.length !== mark.length + 4 || !bytes.subarray(0, mark.length).equals(mark)) return false
    if (this.sentAt === undefined || bytes.readUInt32BE(mark.length) !== this.sequence) return true
    this.lastAt = this.now()
    this.last = this.lastAt - this.sentAt
    this.sentAt = undefined
    return true
  }
  private probe(now: number): void {
    this.sequence = (this.sequence + 1) >>> 0
    this.sentAt = now
    const bytes = Buffer.alloc(mark.length + 4)
    mark.copy(bytes)
    bytes.writeUInt32BE(this.sequence, mark.length)
    this.send(bytes)
  }
}
