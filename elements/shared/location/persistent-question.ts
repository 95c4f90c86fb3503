/** A question of one location request, put again while its answer is awaited: whoever was to answer may have been restarted. */
import type { Clock } from '../../../signalling/index.ts'
import type { Bodies, BodyName } from '../../schemas/index.ts'
import type { Conversations } from '../clients/conversations.ts'

interface PersistentQuestion<Name extends BodyName> extends Omit<Parameters<Conversations['ask']>[0], 'answer' | 'patience'> {
  readonly answer: Name
  /** Milliseconds in all. */
  readonly patience: number
}

/** The answer; else `unreachable`, where nobody took the question, or `silent`, where who took it said nothing in time. */
type PersistentAnswer<Value> =
  | { readonly value: Value }
  | { readonly value?: undefined; readonly fault: 'unreachable' | 'silent' }

const again = 6000 // milliseconds without an answer after which it is put again: requests are carried out once
const pause = 1000 // milliseconds after it was not taken
const refusals = 3 // in a row: there is nobody

export async function askPersistently<Name extends BodyName>(
  conversations: Conversations,
  clock: Clock,
  { patience, ...question }: PersistentQuestion<Name>,
): Promise<PersistentAnswer<Bodies[Name]>> {
  const end = clock.now() + patience
  let refused = 0
  let isTaken = false
  for (;;) {
    const left = end - clock.now()
    if (left <= 0) return { fault: isTaken ? 'silent' : 'unreachable' }
    const { status, value } = await conversations.ask({ ...question, patience: Math.min(again, left) })
    if (value !== undefined) return { value }
    if (status === 408) isTaken = true
    refused = status === 408 ? 0 : refused + 1
    if (refused === refusals) return { fault: 'unreachable' }
    if (refused > 0)
      await new Promise<void>((resolve) => {
        clock.after(pause, resolve)
      })
  }
}
