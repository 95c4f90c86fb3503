/** Connections of peers: how many from one address and in all, and which of them has been silent, or half way, for too long. */
import type { Clock } from '../clock.ts'

export interface ConnectionSettings {
  /** Seconds without anything from the peer, keep-alives included, after which we close; once it registered twelve times that, or as long as granted. */
  readonly idle?: number
  /** From one address (IPv6: one /64) that is not trusted. */
  readonly perSource?: number
  /** Connections of all peers; a twentieth is kept for trusted ones. */
  readonly total?: number
  /** Seconds for a message, or a handshake, from its first byte to its last; for the first one from the beginning. */
  readonly head?: number
  /** Compress WebSocket messages for peers that offer it (RFC 7692). */
  readonly compress?: boolean
}

export const defaultConnectionSettings: Required<ConnectionSettings> = {
  idle: 300,
  perSource: 1000,
  total: 20_000,
  head: 20,
  compress: false,
}

/** A connection as it is watched. Times are counts of `ConnectionLimits.tick`. */
export interface LimitedConnection {
  readonly identity: string | undefined
  /** Seconds. */
  readonly keptFor?: number
  /** When something came last. */
  heardAt: number
  /** When the message began that is not complete yet; -1: none is under way. */
  begunAt: number
  shed(why: string): void
}

const tickLength = 1000
const registeredFactor = 12

interface ConnectionLimitsOptions {
  readonly clock: Clock
  readonly limits?: ConnectionSettings
  readonly isTrusted: (host: string) => boolean
  /** Counts for metrics. */
  readonly count?: (name: string) => void
}

/** All connections of a node, of every transport. One timer runs while there are any. */
export class ConnectionLimits {
  /** Seconds, roughly: how often all have been looked at. */
  tick = 0
  limits: Required<ConnectionSettings>
  private readonly options: ConnectionLimitsOptions
  private readonly bySource = new Map<string, number>()
  private readonly watched = new Set<LimitedConnection>()
  private count = 0
  private running = false

  constructor(options: ConnectionLimitsOptions) {
    this.options = options
    this.limits = { ...defaultConnectionSettings, ...options.limits }
  }
  /** Other limits from now on. Connections that stand may stay within them; new ones are counted by them. */
  limit(limits: ConnectionSettings | undefined): void {
    this.limits = { ...defaultConnectionSettings, ...limits }
  }
  get size(): number {
    return this.count
  }
  /** Whether one more from that address may come; if so it counts, until `leave`. */
  enter(host: string): boolean {
    const { perSource, total } = this.limits
    const source = sourceOf(host)
    const fromSource = this.bySource.get(source) ?? 0
    const forStrangers = fromSource < perSource && this.count < total - Math.floor(total / 20)
    if (!forStrangers && !(this.count < total && this.options.isTrusted(host))) {
      this.options.count?.('connections_refused')
      return false
    }
    this.count++
    this.bySource.set(source, fromSource + 1)
    return true
  }
  leave(host: string): void {
    const source = sourceOf(host)
    const left = (this.bySource.get(source) ?? 0) - 1
    this.count--
    if (left > 0) this.bySource.set(source, left)
    else this.bySource.delete(source)
  }
  watch(connection: LimitedConnection): void {
    connection.heardAt = this.tick
    connection.begunAt = this.tick
    this.watched.add(connection)
    if (!this.running) this.next()
  }
  unwatch(connection: LimitedConnection): void {
    this.watched.delete(connection)
  }
  private next(): void {
    this.running = this.watched.size > 0
    if (this.running) this.options.clock.after(tickLength, this.look)
  }
  private readonly look = (): void => {
    this.tick++
    const { idle, head } = this.limits
    for (const connection of this.watched) {
      const { heardAt, begunAt, identity, keptFor = 0 } = connection
      const silence = Math.max(identity === undefined ? idle : idle * registeredFactor, keptFor)
      if (begunAt >= 0 && this.tick - begunAt > head) this.shed(connection, 'no whole message in time', 'connections_slow')
      else if (this.tick - heardAt > silence) this.shed(connection, 'silent for too long', 'connections_idle')
    }
    this.next()
  }
  private shed(connection: LimitedConnection, why: string, counter: string): void {
    this.watched.delete(connection)
    this.options.count?.(counter)
    connection.shed(why)
  }
}

/** One source: an IPv4 address, or the first 64 bits of an IPv6 one, which one subscriber has for himself. */
export function sourceOf(host: string): string {
  if (!host.includes(':')) return host
  const [head = '', tail] = host.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const behind = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0)
    while (groups.length < 8 - behind && groups.length < 4) groups.push('0')
    if (groups.length < 4) groups.push(...tail.split(':'))
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
