/**
 * Writes messages, while they pass, to one pcapng file that Wireshark dissects as SIP. Datagrams are UDP; all else
 * is the TCP conversation that it was, or would have been in clear.
 */
import { closeSync, existsSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs'
import { isIP } from 'node:net'
import { join, parse } from 'node:path'
import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../log.ts'
import { fileStart, packetBlock } from './blocks.ts'
import { TcpConversation } from './conversation.ts'
import { masked } from './mask.ts'
import { hostPort, largestDatagram, type PacketAddress, udpPacket } from './packets.ts'
import { Parties } from './parties.ts'
import type { Tap, TappedMessage } from './tap.ts'

export { type CapturedMessage, readPcapng } from './read.ts'

interface PcapngOptions {
  /** Overwritten if it is there. */
  readonly file: string
  readonly clock: Clock
  readonly log: Log
  /** Bytes of one file at most, about; a full one is kept as `<name>.1<ending>`, the one before it as `.2`, and so on. */
  readonly size?: number
  /** Files kept, the one being written included. Default 10. */
  readonly files?: number
  /** Take digest responses, codewords and proofs out (`mask.ts`). */
  readonly mask?: boolean
}

const flushAfter = 50 // ms
const flushAt = 256 * 1024 // bytes
const conversationLimit = 50_000

class PcapngTap implements Tap {
  private readonly file: string
  private readonly clock: Clock
  private readonly log: Log
  private readonly mask: boolean
  private readonly size: number
  private readonly files: number
  private handle: number | undefined
  /** Bytes of whole blocks on the disk. */
  private written = 0
  private waiting: Buffer[] = []
  private waitingBytes = 0
  private timer: Timer | undefined
  private packetId = 0
  private readonly conversations = new Map<string, TcpConversation>()
  private readonly parties = new Parties()

  constructor(options: PcapngOptions) {
    this.file = options.file
    this.clock = options.clock
    this.log = options.log
    this.mask = options.mask === true
    this.size = options.size ?? Number.POSITIVE_INFINITY
    this.files = options.files ?? 10
    this.begin()
  }
  /** A new file. */
  private begin(): void {
    this.handle = openSync(this.file, 'w')
    this.written = 0
    this.queue(fileStart('Proxima'))
    this.flush()
  }

  message(message: TappedMessage): void {
    if (this.handle === undefined) return
    const bytes = this.mask ? masked(message.bytes) : message.bytes
    const packets = this.packets(message, bytes)
    const direction = message.direction === 'local' ? undefined : message.direction
    for (const [i, packet] of packets.entries()) {
      this.queue(packetBlock(message.at, packet, direction, i === packets.length - 1 ? commentOn(message) : undefined))
    }
    if (this.written + this.waitingBytes >= this.size) this.rotate()
    else if (this.waitingBytes >= flushAt) this.flush()
    else this.timer ??= this.clock.after(flushAfter, this.flush)
  }
  private packets(message: TappedMessage, bytes: Uint8Array): Buffer[] {
    const [from, to] = this.parties.of(message)
    const datagram = message.direction === 'local' || message.transport === 'UDP' || message.transport === 'MEM'
    if (datagram && bytes.length <= largestDatagram) return [udpPacket(from, to, bytes, this.nextId())]
    const conversation = this.conversation(message, from, to)
    return [...conversation.start(hostPort(message.to)), ...conversation.message(from, bytes)]
  }
  private conversation(message: TappedMessage, from: PacketAddress, to: PacketAddress): TcpConversation {
    const webSocket = message.transport === 'WS' || message.transport === 'WSS'
    const ends = [hostPort(message.from), hostPort(message.to)].sort().join(' ')
    const key = `${webSocket ? 'ws' : 'tcp'} ${ends}`
    let conversation = this.conversations.get(key)
    if (conversation === undefined) {
      const [client, server] = sentByServer(message) ? [to, from] : [from, to]
      conversation = new TcpConversation(client, server, webSocket, this.nextId)
      if (this.conversations.size >= conversationLimit) this.conversations.delete(this.conversations.keys().next().value!)
      this.conversations.set(key, conversation)
    }
    return conversation
  }
  private readonly nextId = (): number => (this.packetId = (this.packetId + 1) & 0xffff)

  private queue(block: Buffer): void {
    this.waiting.push(block)
    this.waitingBytes += block.length
  }
  private readonly flush = (): void => {
    this.timer?.cancel()
    this.timer = undefined
    if (this.handle === undefined || this.waitingBytes === 0) return
    const bytes = Buffer.concat(this.waiting)
    this.waiting = []
    this.waitingBytes = 0
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.handle, bytes, at)
      this.written += bytes.length
    } catch (fault) {
      this.stop(fault)
    }
  }
  /** Between two messages: each file is whole. */
  private rotate(): void {
    this.flush()
    if (this.handle === undefined) return
    try {
      closeSync(this.handle)
      this.handle = undefined
      for (let i = this.files - 1; i > 0; i--) {
        const from = i === 1 ? this.file : numbered(this.file, i - 1)
        if (existsSync(from)) renameSync(from, numbered(this.file, i))
      }
      for (const conversation of this.conversations.values()) conversation.restart()
      this.begin()
    } catch (fault) {
      this.stop(fault)
    }
  }
  /** A capture is never worth a call: one line, and the file ends with its last whole block. */
  private stop(fault: unknown): void {
    const why = fault instanceof Error ? fault.message : String(fault)
    this.log.error({ file: this.file }, `capture ${this.file} has stopped: ${why}`)
    const { handle } = this
    this.handle = undefined
    if (handle === undefined) return
    try {
      ftruncateSync(handle, this.written)
      closeSync(handle)
    } catch (second) {
      this.log.debug({ file: this.file, fault: second }, 'the capture file could not be closed cleanly')
    }
  }
  async close(): Promise<void> {
    this.flush()
    if (this.handle !== undefined) closeSync(this.handle)
    this.handle = undefined
  }
}

/** `calls.pcapng`, 2: `calls.2.pcapng`. */
function numbered(file: string, number: number): string {
  const { dir, name, ext } = parse(file)
  return join(dir, `${name}.${number}${ext}`)
}

/**
 * The end that connected, judged by the first message: its sender, unless we sent it from a listening port to an ephemeral
 * one.
 */
function sentByServer({ direction, from, to }: TappedMessage): boolean {
  return direction === 'out' && from.port < 32_768 && to.port >= 32_768
}

/** `alice → 127.0.0.1:5060 (WSS)`: the names that the packet itself cannot have. `read.ts` takes it apart again. */
function commentOn({ from, to, transport, direction }: TappedMessage): string | undefined {
  const hidden = direction === 'local' || transport === 'MEM' || transport === 'TLS' || transport === 'WSS'
  const named = from.name !== undefined || to.name !== undefined || isIP(from.address) === 0 || isIP(to.address) === 0
  if (!named && !hidden) return undefined
  const names = `${from.name ?? hostPort(from)} → ${to.name ?? hostPort(to)}`
  return hidden ? `${names} (${direction === 'local' ? 'MEM' : transport})` : names
}

/** Opens the file at once: throws as `openSync` does if it cannot be made. Later faults stop the capture, nothing else. */
export function openPcapng(options: PcapngOptions): Tap {
  return new PcapngTap(options)
}
