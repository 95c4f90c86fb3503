/** A standing question that is put anew while nobody can be reached: it is put once more, and the present one goes on meanwhile. */
import test from 'ava'
import type { UserAgent, WatchListener } from '../../../elements/ue/agents/agent.ts'
import { StandingQuestion } from '../../../elements/ue/proximity/standing.ts'
import { ManualClock } from '../../../signalling/testing.ts'

/** @param atOnce a question ends as it is unsubscribed, as one does that waits to come back */
function scene(atOnce = false) {
  const clock = new ManualClock()
  const asked: { readonly listener: WatchListener; ended: boolean }[] = []
  const heard: string[] = []
  const subscribe: UserAgent['subscribe'] = (_watch, listener) => {
    const one = { listener, ended: false }
    asked.push(one)
    const unsubscribe = (): void => {
      one.ended = true
      if (atOnce) listener.ended(200, 'unsubscribed')
    }
    return { refresh: () => undefined, unsubscribe }
  }
  const agent = { subscribe } as unknown as UserAgent
  const listener = { notified: () => void heard.push('told'), ended: (status: number) => void heard.push(`${status}`) }
  const question = new StandingQuestion(agent, clock, () => ({ to: 'sip:a@b', event: 'x', accept: [], expires: 60 }), listener)
  return { clock, asked, heard, question }
}

test('put anew to nobody, it is put once more, later each time, until it is answered', async (t) => {
  const { clock, asked, heard, question } = scene()
  asked[0]!.listener.notified({} as never)
  question.again()
  asked[1]!.listener.ended(503, '')
  await clock.advance(1000)
  t.is(asked.length, 3)
  asked[2]!.listener.ended(408, '')
  await clock.advance(1999)
  t.is(asked.length, 3)
  await clock.advance(1)
  t.is(asked.length, 4)
  t.false(asked[0]!.ended)
  asked[3]!.listener.notified({} as never)
  t.true(asked[0]!.ended)
  await clock.advance(100_000)
  t.is(asked.length, 4)
  t.deepEqual(heard, ['told', 'told'])
})

test('refused, or ended meanwhile, it is not put once more', async (t) => {
  const refused = scene()
  refused.question.again()
  refused.asked[1]!.listener.ended(403, '')
  const left = scene()
  left.question.again()
  left.asked[1]!.listener.ended(503, '')
  left.question.unsubscribe()
  for (const { clock, asked } of [refused, left]) {
    await clock.advance(100_000)
    t.is(asked.length, 2)
  }
})

test('the former question, which ends at once where it waits to come back, is not the end of the question', (t) => {
  const { asked, heard, question } = scene(true)
  question.again()
  question.again()
  asked[2]!.listener.notified({} as never)
  t.true(asked[0]!.ended && asked[1]!.ended)
  t.deepEqual(heard, ['told'])
  question.unsubscribe()
  t.deepEqual(heard, ['told', '200'])
})
