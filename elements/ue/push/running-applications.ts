/** Applications that run beside a Push client and take what is for them (SPEC §5.5). */
import { isInRange } from '../../shared/values/media-type.ts'
import type { ReceivedPush } from './received-push.ts'

export interface RunningApplication {
  /** Application identifier, under which it is registered too. */
  readonly id: string
  /** Media types that it takes where nobody else is named or there. Left out: none. */
  readonly types?: readonly string[]
  /** It knows a Push again by its key: after a crash in the middle it gets it once more. Left out: it gets none twice. */
  readonly knowsRepeats?: true
  /** False, or a rejection: it could not take it. */
  take(push: ReceivedPush): boolean | Promise<boolean>
}

export class RunningApplications {
  private readonly all = new Map<string, RunningApplication>()

  /** In place of one of the same id. Returns the way to end it. */
  add(application: RunningApplication): () => void {
    this.all.set(application.id, application)
    return () => {
      if (this.all.get(application.id) === application) this.all.delete(application.id)
    }
  }
  get ids(): readonly string[] {
    return [...this.all.keys()]
  }
  get(id: string): RunningApplication | undefined {
    return this.all.get(id)
  }
  forType(type: string): RunningApplication | undefined {
    return [...this.all.values()].find(({ types = [] }) => types.some((range) => isInRange(type, range)))
  }
}
