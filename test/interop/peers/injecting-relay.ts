/** A relay between a client and its server that can put a message of its own before the client, and reads its answers. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

export class InjectingRelay {
  private readonly kind: 'udp' | 'tcp' | 'ws'
  port = 0
  private closers: (() => void)[] = []
  private toClient: (bytes: Buffer) => void = () => undefined
  private upstream = ''
  private frames = Buffer.alloc(0)
  private isOpen = false
  private readonly watchers = new Set<() => void>()

  private constructor(kind: 'udp' | 'tcp' | 'ws') {
    this.kind = kind
  }
  static async open(kind: 'udp' | 'tcp' | 'ws', target: number): Promise<InjectingRelay> {
    const relay = new InjectingRelay(kind)
    await (kind === 'udp' ? relay.openDatagrams(target) : relay.openStreams(target))
    return relay
  }
  private async openDatagrams(target: number): Promise<void> {
    const [near, far] = [createSocket('udp4'), createSocket('udp4')]
    for (const socket of [near, far]) {
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
      this.closers.push(() => socket.close())
    }
    near.on('message', (bytes, { port }) => {
      this.toClient = (answer) => near.send(answer, port, '127.0.0.1')
      far.send(this.fromClient(bytes), target, '127.0.0.1')
    })
    far.on('message', (bytes) => this.toClient(bytes))
    this.port = near.address().port
  }
  private async openStreams(target: number): Promise<void> {
    const server = createServer((client) => {
      const upstream = connect(target, '127.0.0.1')
      this.toClient = (bytes) => client.write(bytes)
      this.isOpen = false
      const end = (): void => {
        for (const socket of [client, upstream]) socket.destroy()
      }
      for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
      this.closers.push(end)
      client.on('data', (bytes) => upstream.write(this.fromClient(bytes)))
      upstream.on('data', (bytes) => client.write(bytes))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.closers.push(() => server.close())
    this.port = (server.address() as AddressInfo).port
  }
  close(): void {
    for (const end of this.closers) end()
  }

  /** Puts a message before the client, as from its server; its answer goes on to the server, too. */
  inject(message: string): void {
    const bytes = Buffer.from(message)
    if (this.kind !== 'ws') return this.toClient(bytes)
    const head = Buffer.from([0x81, 126, bytes.length >> 8, bytes.length & 255]) // RFC 6455 §5.2: a text, not masked
    this.toClient(Buffer.concat([head, bytes]))
  }
  /** Statuses by which the client has answered requests with that branch. */
  answers(branch: string): readonly number[] {
    const found = this.upstream.matchAll(/SIP\/2\.0 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)/g)
    return [...found]
      .filter(([, , head]) => head!.split(/[;\s]/).includes(`branch=${branch}`))
      .map(([, status]) => Number(status))
  }
  /** Resolves once so many answers have come. */
  async answered(branch: string, count: number): Promise<readonly number[]> {
    while (this.answers(branch).length < count) await new Promise<void>((resolve) => this.watchers.add(resolve))
    return this.answers(branch)
  }

  private fromClient(bytes: Buffer): Buffer {
    let passed = bytes
    if (this.kind !== 'ws') this.read(bytes)
    else if (!this.isOpen) {
      const head = bytes.toString('latin1')
      this.isOpen = head.includes('\r\n\r\n')
      passed = Buffer.from(head.replace(/^Sec-WebSocket-Extensions:.*\r\n/im, ''), 'latin1') // texts are read here
    } else this.readFrames(bytes)
    for (const watcher of this.watchers) watcher()
    this.watchers.clear()
    return passed
  }
  private read(bytes: Buffer): void {
    this.upstream += bytes.toString('latin1')
  }
  private readFrames(bytes: Buffer): void {
    this.frames = Buffer.concat([this.frames, bytes])
    for (;;) {
      const short = (this.frames[1] ?? 0) & 127
      const start = short === 126 ? 4 : short === 127 ? 10 : 2
      if (this.frames.length < start + 4) return
      const length = short === 126 ? this.frames.readUInt16BE(2) : short === 127 ? this.frames.readUInt32BE(6) : short
      const end = start + 4 + length
      if (this.frames.length < end) return
      const mask = this.frames.subarray(start, start + 4)
      this.read(Buffer.from(this.frames.subarray(start + 4, end).map((byte, i) => byte ^ mask[i % 4]!)))
      this.frames = this.frames.subarray(end)
    }
  }
}
