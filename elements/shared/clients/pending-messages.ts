/** MESSAGEs of an element, outside any dialog: one at a time is pending to one URI (RFC 3428 §8, SPEC §2.3). */
import type { Host, OutgoingRequest, SipResponse } from '../../../signalling/index.ts'

const waitingAtMost = 1000 // to one URI

export class PendingMessages {
  private readonly host: Host
  /** Waiting messages, by URI of a receiver that has not answered yet. */
  private readonly lines = new Map<string, (() => Promise<void>)[]>()

  constructor(host: Host) {
    this.host = host
    host.gauge('messages_waiting', () => this.waiting)
  }

  /**
   * Sends it when the pending ones have been answered. Undefined: too many wait, or nobody wants it any more when its turn comes.
   *
   * @param wanted asked when its turn comes
   */
  send(message: Omit<OutgoingRequest, 'method'>, wanted: () => boolean = () => true): Promise<SipResponse | undefined> {
    const { host } = this
    const line = this.lines.get(message.to)
    if (line !== undefined && line.length >= waitingAtMost) return Promise.resolve(undefined)
    return new Promise((resolve, reject) => {
      const send = async (): Promise<void> => {
        try {
          resolve(wanted() ? await host.send({ method: 'MESSAGE', ...message }) : undefined)
        } catch (fault) {
          reject(fault)
        }
      }
      if (line !== undefined) line.push(send)
      else {
        this.lines.set(message.to, [])
        void send().then(() => this.next(message.to))
      }
    })
  }

  private next(to: string): void {
    const waiting = this.lines.get(to)?.shift()
    if (waiting === undefined) this.lines.delete(to)
    else void waiting().then(() => this.next(to))
  }

  private get waiting(): number {
    let count = 0
    for (const line of this.lines.values()) count += line.length
    return count
  }
}
