/** A standing question that can be put anew, by another way, without a gap: the old one ends when the new one has its answer. */
import type { Clock } from '../../../signalling/index.ts'
import type { TextBody, UserAgent, WatchHandle, WatchListener, WatchOptions } from '../agents/agent.ts'
import { Repetition } from '../repetition.ts'

export class StandingQuestion implements WatchHandle {
  private readonly agent: UserAgent
  private readonly watch: () => WatchOptions
  private readonly listener: WatchListener
  private current: WatchHandle
  /** Put anew, and not answered yet. */
  private next: WatchHandle | undefined
  private readonly repetition: Repetition

  /** @param watch called each time that it is put anew */
  constructor(agent: UserAgent, clock: Clock, watch: () => WatchOptions, listener: WatchListener) {
    this.agent = agent
    this.repetition = new Repetition(clock)
    this.watch = watch
    this.listener = listener
    this.current = this.subscribe()
  }

  /** When that is refused, the present question goes on; where nobody could be reached it is put once more later. */
  again(): void {
    this.repetition.end()
    this.putNext()
  }
  private readonly putNext = (): void => {
    const former = this.next
    this.next = this.subscribe()
    former?.unsubscribe()
  }
  refresh(body?: TextBody): void {
    this.current.refresh(body)
  }
  unsubscribe(): void {
    this.repetition.end()
    this.next?.unsubscribe()
    this.current.unsubscribe()
  }

  private subscribe(): WatchHandle {
    const handle: WatchHandle = this.agent.subscribe(this.watch(), {
      notified: (notified) => {
        if (handle === this.next) {
          this.next = undefined
          this.repetition.end()
          const former = this.current
          this.current = handle
          former.unsubscribe() // it may end at once, and is not the question any more
        }
        if (handle === this.current) this.listener.notified(notified)
      },
      ended: (status, why) => {
        if (handle === this.next) {
          this.next = undefined
          this.repetition.after(status, this.putNext)
        } else if (handle === this.current) {
          this.repetition.end()
          this.listener.ended(status, why)
        }
      },
    })
    return handle
  }
}
