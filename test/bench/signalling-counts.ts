/** Counts SIP messages by who speaks with whom and about what, while they pass. */
import type { Tap, TappedMessage } from '../../signalling/tools.ts'

/** What messages are about, requests and their responses alike: REGISTER, `report`, or an event package and what it tells. */
type Topic = string

export interface Count {
  messages: number
  /** Of whole messages, and of bodies. */
  bytes: number
  bodies: number
}

const eventOf = /^Event: *([\w-]+)/im
const callOf = /^(?:Call-ID|i): *(.+)$/im

export class SignallingCounts {
  private readonly nameOf: (address: string) => string
  /** `edge-ue report`, `as-prose proximity`. */
  private readonly counts = new Map<string, Count>()
  /** Call-ID -> topic: responses do not say what they are about. */
  private topics = new Map<string, Topic>()
  private older = new Map<string, Topic>()
  private counting = false

  /** @param nameOf who has that address; all UEs have one name */
  constructor(nameOf: (address: string) => string) {
    this.nameOf = nameOf
  }

  /** Begins anew. */
  begin(): void {
    this.counts.clear()
    this.counting = true
  }

  /** Of those two about these topics. */
  between(a: string, b: string, topics: readonly string[]): Count {
    const sum: Count = { messages: 0, bytes: 0, bodies: 0 }
    for (const topic of topics) {
      const count = this.counts.get(`${pairOf(a, b)} ${topic}`)
      if (count === undefined) continue
      sum.messages += count.messages
      sum.bytes += count.bytes
      sum.bodies += count.bodies
    }
    return sum
  }

  /** Of the node at that address: each message between two nodes is counted once, where it is received. */
  tapOf(own: string): Tap {
    const name = this.nameOf(own)
    return { message: (message) => this.take(name, message) }
  }

  private take(own: string, message: TappedMessage): void {
    const { direction, from, to } = message
    if (direction === 'local') return
    const peer = this.nameOf(direction === 'in' ? from.address : to.address)
    if (direction === 'out' && peer !== 'ue') return // its receiver counts it
    const bytes = Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.byteLength)
    const end = bytes.indexOf('\r\n\r\n')
    const topic = this.topicOf(bytes.toString('latin1', 0, end + 2))
    if (!this.counting) return
    const key = `${pairOf(own, peer)} ${topic}`
    const count = this.counts.get(key) ?? { messages: 0, bytes: 0, bodies: 0 }
    count.messages++
    count.bytes += bytes.length
    count.bodies += bytes.length - end - 4
    this.counts.set(key, count)
  }

  private topicOf(head: string): Topic {
    const call = callOf.exec(head)?.[1] ?? ''
    if (head.startsWith('SIP/2.0 ')) return this.topics.get(call) ?? this.older.get(call) ?? 'other'
    const topic = requestTopic(head)
    if (this.topics.size > 100_000) {
      this.older = this.topics
      this.topics = new Map()
    }
    this.topics.set(call, topic)
    return topic
  }
}

function pairOf(a: string, b: string): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`
}

function requestTopic(head: string): Topic {
  if (head.startsWith('REGISTER ')) return 'REGISTER'
  if (head.startsWith('MESSAGE ')) return head.includes('prose-match') ? 'report' : 'other'
  const event = eventOf.exec(head)?.[1] ?? 'other'
  return event === 'proximity' && head.includes('proximity-diff') ? 'proximity-diff' : event
}
