/** Keys of messages that got a 2xx by a write (SPEC §5.6): a repeat is known while its message waits, and for some time after. */
import type { Host, Json } from '../../signalling/index.ts'
import { Kept } from '../shared/state/kept.ts'
import type { KeptChange } from '../shared/state/kept-change.ts'

/** The answer to a message, for its repeats. */
interface AnsweredKey {
  readonly [member: string]: Json | undefined
  readonly status: number
  /** Milliseconds since the epoch. */
  readonly until: number
}

const endedAtMost = 100_000 // keys of messages that have ended; beyond it the oldest goes, and a repeat is a new message

export class AnsweredKeys {
  private readonly host: Host
  /** Milliseconds beyond the end of a message. */
  private readonly repeat: number
  private readonly kept: Kept<AnsweredKey>
  /** Keys whose message waits no more, oldest first. */
  private readonly ended = new Set<string>()

  constructor(host: Host, repeat: number) {
    this.host = host
    this.repeat = repeat
    this.kept = new Kept<AnsweredKey>(host, {
      prefix: `push/${host.name}/key/`,
      noun: 'the key of a message',
      expires: ({ until }) => until,
      ended: (records) => {
        for (const [key] of records) {
          this.ended.delete(key)
          this.kept.lapse(key, undefined)
        }
      },
    })
    host.gauge('keys', () => this.kept.size)
  }
  /** @param waiting keys of messages that wait */
  async load(waiting: ReadonlySet<string>): Promise<void> {
    await this.kept.load()
    const ended = [...this.kept.entries()].filter(([key]) => !waiting.has(key))
    for (const [key] of ended.sort(([, a], [, b]) => a.until - b.until)) this.ended.add(key)
  }
  stop(): Promise<void> {
    return this.kept.stop()
  }
  /** The status that was answered. */
  status(key: string): number | undefined {
    return this.kept.get(key)?.status
  }
  /** @param expires of the message, milliseconds since the epoch */
  putting(key: string, expires: number): KeptChange {
    const until = Math.max(expires, this.host.clock.date()) + this.repeat
    return this.kept.putting(key, { status: 202, until })
  }
  /** Changes to write with the end of its message. */
  ending(key: string): readonly KeptChange[] {
    const known = this.kept.get(key)
    return known === undefined ? [] : this.leaving(key, known)
  }
  /** Changes to write before the answer to a message that waits for nobody. */
  settling(key: string, status: number): readonly KeptChange[] {
    return this.leaving(key, { status, until: Number.POSITIVE_INFINITY })
  }
  private leaving(key: string, known: AnsweredKey): readonly KeptChange[] {
    const [oldest] = this.ended.size < endedAtMost ? [] : this.ended
    this.ended.add(key)
    const until = Math.min(known.until, this.host.clock.date() + this.repeat)
    const changes = [this.kept.putting(key, { ...known, until })]
    if (oldest === undefined) return changes
    this.ended.delete(oldest)
    return [...changes, this.kept.removing(oldest)]
  }
}
