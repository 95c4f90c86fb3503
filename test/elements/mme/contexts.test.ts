/** What the store keeps of an attached UE while several things happen to it at a time (SPEC §3.6). */
import test from 'ava'
import { Contexts } from '../../../elements/mme/contexts.ts'
import { identifierRules } from '../../../elements/mme/settings.ts'
import { type Host, memoryStore, silent } from '../../../signalling/index.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'

const device = 'sip:alice@localhost'

function scene() {
  const clock = new ManualClock()
  const parts = { name: 'mme', clock, store: memoryStore(clock), ids: seededIds(1), domains: ['localhost'], log: silent }
  const host = { ...parts, gauge: () => undefined, count: () => undefined } as unknown as Host
  return { clock, store: parts.store, contextsOf: () => new Contexts(host, identifierRules({})) }
}

test('what changes while an identifier is replaced does not bring the old one back at the next start', async (t) => {
  const { clock, store, contextsOf } = scene()
  const contexts = contextsOf()
  const context = await contexts.obtain(device, false)
  const before = context.stored.temporary
  const replaced = contexts.reallocate(context)
  const change = contexts.change(context, true)!
  const written = store.write(change.writes!) // as the engine does it with a refresh
  await replaced
  await written
  change.apply!()
  await clock.advance(1)
  t.not(context.stored.temporary, before)
  t.true(context.stored.prose)
  contexts.stop()
  const later = contextsOf()
  await later.load()
  t.deepEqual(later.of(device)?.stored, context.stored)
  later.stop()
})

test('an identifier that is replaced twice at once is replaced once, and counts for the grace period', async (t) => {
  const contexts = scene().contextsOf()
  const context = await contexts.obtain(device, false)
  const before = context.stored.temporary
  await Promise.all([contexts.reallocate(context), contexts.reallocate(context)])
  t.is(contexts.holder(before), context)
  t.is(contexts.holder(context.stored.temporary), context)
  await contexts.reallocate(context)
  t.is(contexts.holder(before), undefined, 'and another time after that')
  contexts.stop()
})
