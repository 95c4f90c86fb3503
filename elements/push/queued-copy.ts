/** Copy of a message in the queue of a device, and the end that it may have there. */
import type { StoredCopy } from './message-store.ts'
import type { PushMessage } from './push-message.ts'
import type { WakeCause } from './waking/wakes.ts'

/** The end of an offered copy at its device: taken, refused with a status, or to wait. */
export type CopyEnd =
  | { readonly answer: 'taken' | 'away'; readonly status?: number }
  | { readonly answer: 'refused'; readonly status: number }

/** A message in the queue of a device. */
export class QueuedCopy {
  readonly message: PushMessage
  readonly number: number
  state: StoredCopy['state'] = 'waiting'
  tries = 0
  /** Branch of the try that is under way, or was when the process ended. */
  branch: string | undefined
  /** Milliseconds since the epoch; undefined: once the device is bound. */
  next: number | undefined = 0
  /** It is in the store. */
  stored: boolean
  /** Resolves when a write of it that is under way is durable, or has failed. */
  writing: Promise<unknown> | undefined
  /** Told once: of an offered copy alone. */
  onEnd: ((end: CopyEnd) => void) | undefined
  /** Number of the try under way: an answer to an older one says only that the device has it. */
  attempt = 0
  /** An answer ended it, and is being written. */
  isEnding = false
  /** It has been decided whether it wakes its device. */
  isWakeDecided = false
  /** The content of a CPIM message by itself, since its device takes no CPIM. */
  bare: PushMessage | undefined

  constructor(message: PushMessage, number: number, stored: boolean) {
    this.message = message
    this.number = number
    this.stored = stored
  }
  get lane(): string {
    return `${this.message.source} ${this.message.application}`
  }
  /** RFC 8599 has no say: a device is not woken for what its sender calls not urgent (SPEC §5.8). */
  get urgency(): WakeCause['urgency'] | 'none' {
    const priority = this.message.headers
      .find(([name]) => name.toLowerCase() === 'priority')?.[1]
      .trim()
      .toLowerCase()
    if (priority === 'non-urgent') return 'none'
    return priority === 'emergency' || priority === 'urgent' ? 'high' : 'normal'
  }
}
