/**
 * Mirrors messages, while they pass, to a HEP version 3 collector (Homer, sngrep) by UDP: fire and forget. TLS and WebSocket
 * go as the SIP that they carry; a hop between two elements of the node goes as UDP between invented addresses (`parties.ts`).
 */
import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Log } from '../log.ts'
import { masked } from './mask.ts'
import type { PacketAddress } from './packets.ts'
import { Parties } from './parties.ts'
import type { Tap, TappedMessage } from './tap.ts'

interface HepOptions {
  readonly collector: { readonly host: string; readonly port: number }
  readonly log: Log
  /** Number by which the collector knows us. Default 2001. */
  readonly agent?: number
  /** The name under which the collector shows this node. */
  readonly node: string
  readonly mask?: boolean
}

const queuedAtMost = 4 * 1024 * 1024 // bytes that wait for the system; beyond it the mirror loses, SIP does not
const largest = 65_507
const sip = 1
const UDP = 17
const TCP = 6

/** One message as a HEP3 packet. @param node at most 255 bytes */
export function hepPacket(
  message: TappedMessage,
  [from, to]: readonly [PacketAddress, PacketAddress],
  agent: number,
  node: string,
): Buffer {
  const v6 = from.address.length === 16
  const stream = message.transport !== 'UDP' && message.transport !== 'MEM' && message.direction !== 'local'
  const micros = Math.round(message.at * 1000)
  const chunks = [
    chunk(1, byte(v6 ? 10 : 2)),
    chunk(2, byte(stream ? TCP : UDP)),
    chunk(v6 ? 5 : 3, from.address),
    chunk(v6 ? 6 : 4, to.address),
    chunk(7, short(from.port)),
    chunk(8, short(to.port)),
    chunk(9, long(Math.floor(micros / 1e6))),
    chunk(10, long(micros % 1e6)),
    chunk(11, byte(sip)),
    chunk(12, long(agent)),
    chunk(19, Buffer.from(node)),
    chunk(15, message.bytes),
  ]
  const head = Buffer.from('HEP3\0\0', 'latin1')
  const packet = Buffer.concat([head, ...chunks])
  packet.writeUInt16BE(Math.min(packet.length, 0xffff), 4)
  return packet
}
function chunk(type: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(6 + value.length)
  bytes.writeUInt16BE(type, 2) // vendor 0: of the protocol itself
  bytes.writeUInt16BE(Math.min(bytes.length, 0xffff), 4)
  bytes.set(value, 6)
  return bytes
}
function byte(value: number): Buffer {
  return Buffer.from([value])
}
function short(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
function long(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

class HepTap implements Tap {
  private readonly options: HepOptions
  private readonly socket: Socket
  private readonly parties = new Parties()
  private connected = false
  private closed = false
  private complained = false

  constructor(options: HepOptions) {
    const { host, port } = options.collector
    this.options = options
    this.socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    this.socket.on('error', (fault) => this.complain(fault.message))
    this.socket.on('connect', () => {
      this.connected = true
    })
    this.socket.connect(port, host)
    this.socket.unref()
  }
  message(message: TappedMessage): void {
    if (!this.connected || this.closed) return
    const { mask, agent = 2001, node } = this.options
    const shown = mask === true ? { ...message, bytes: masked(message.bytes) } : message
    const packet = hepPacket(shown, this.parties.of(shown), agent, node)
    if (packet.length > largest) return this.complain(`a message of ${message.bytes.length} bytes is too long for it`)
    if (this.socket.getSendQueueSize() > queuedAtMost) return this.complain('it does not keep up')
    this.socket.send(packet, (fault) => {
      if (fault !== null) this.complain(fault.message)
    })
  }
  /** Once: who mirrors into the void is told so, not for each message. */
  private complain(why: string): void {
    if (this.complained || this.closed) return
    this.complained = true
    const { host, port } = this.options.collector
    this.options.log.warn({ why }, `the HEP collector at ${host}:${port} misses messages: ${why}`)
  }
  close(): Promise<void> {
    if (this.closed) return Promise.resolve()
    this.closed = true
    return new Promise((resolve) => this.socket.close(() => resolve()))
  }
}

/** Opens a socket of its own; nothing that happens to it concerns SIP. */
export function openHep(options: HepOptions): Tap {
  return new HepTap(options)
}
