/** A TCP conversation as it would have been: handshake, data both ways, sequence numbers that add up. */
import { frame, upgradeRequest, upgradeResponse } from './frames.ts'
import { type PacketAddress, segmentSize, tcpPacket } from './packets.ts'

interface End {
  readonly party: PacketAddress
  /** Of the next byte it sends. */
  next: number
  /** Sent and not acknowledged. */
  open: number
}

const initial = 1_000
const acknowledgeAfter = 32_768 // well below the window, or Wireshark calls it full

/** Yields packets in order; the caller gives each the time of the message. */
export class TcpConversation {
  private readonly client: End
  private readonly server: End
  private readonly webSocket: boolean
  private readonly nextId: () => number
  private started = false

  constructor(client: PacketAddress, server: PacketAddress, webSocket: boolean, nextId: () => number) {
    this.client = { party: client, next: initial, open: 0 }
    this.server = { party: server, next: initial, open: 0 }
    this.webSocket = webSocket
    this.nextId = nextId
  }
  /** In a new file it begins anew, or nothing of it is dissected. */
  restart(): void {
    this.started = false
    this.client.next = this.server.next = initial
    this.client.open = this.server.open = 0
  }
  /** The handshake before the first message; nothing later. @param host for the upgrade's Host field */
  start(host: string): Buffer[] {
    if (this.started) return []
    this.started = true
    const { client, server } = this
    const packets = [this.segment(client, server, ['SYN'])]
    client.next++
    packets.push(this.segment(server, client, ['SYN', 'ACK']))
    server.next++
    packets.push(this.segment(client, server, ['ACK']))
    if (this.webSocket) {
      packets.push(...this.data(client, server, upgradeRequest(host)), ...this.data(server, client, upgradeResponse()))
    }
    return packets
  }
  /** One message; its last packet is the one in which Wireshark shows it. */
  message(from: PacketAddress, bytes: Uint8Array): Buffer[] {
    const isClient = from.port === this.client.party.port && from.address.equals(this.client.party.address)
    const [sender, receiver] = isClient ? [this.client, this.server] : [this.server, this.client]
    const acknowledgement = sender.open > acknowledgeAfter ? [this.acknowledge(receiver, sender)] : []
    return [...acknowledgement, ...this.data(sender, receiver, this.webSocket ? frame(bytes, isClient) : bytes)]
  }
  private data(sender: End, receiver: End, bytes: Uint8Array): Buffer[] {
    const packets: Buffer[] = []
    for (let at = 0; at < bytes.length; at += segmentSize) {
      if (sender.open > acknowledgeAfter) packets.push(this.acknowledge(receiver, sender))
      const payload = bytes.subarray(at, at + segmentSize)
      packets.push(this.segment(sender, receiver, ['PSH', 'ACK'], payload))
      sender.next = (sender.next + payload.length) >>> 0
      sender.open += payload.length
      receiver.open = 0
    }
    return packets
  }
  private acknowledge(receiver: End, sender: End): Buffer {
    sender.open = 0
    return this.segment(receiver, sender, ['ACK'])
  }
  private segment(from: End, to: End, flags: readonly ('SYN' | 'PSH' | 'ACK')[], payload?: Uint8Array): Buffer {
    const acknowledged = flags.includes('ACK') ? to.next : 0
    const segment = { sequence: from.next, acknowledged, flags }
    return tcpPacket(from.party, to.party, payload === undefined ? segment : { ...segment, payload }, this.nextId())
  }
}
