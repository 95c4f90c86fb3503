/** What the store keeps of an attached UE while several things happen to it at a time (SPEC §3.6). */
import test from 'ava'
import { Contexts } from '../../../elements/mme/contexts.ts'
import { identifierRules } from '../../../elements/mme/settings.ts'
import { type Host, memoryStore, silent } from '../../../signalling/index.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'
import { holdWrites } from '../../support/held-writes.ts'

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

test('a UE that attaches again while another MME has it let go stays, in the store too', async (t) => {
  const { clock, store, contextsOf } = scene()
  const contexts = contextsOf()
  const context = await contexts.obtain(device, false)
  const held = holdWrites(store)
  const attached = contexts.obtain(device, true)
  contexts.release(context)
  t.not(context.stored.leaves, undefined, 'at once')
  held.release()
  await attached
  t.is(context.stored.leaves, undefined)
  t.true(context.stored.prose)
  await contexts.stop()
  const later = contextsOf()
  await later.load()
  t.is(later.of(device)?.stored.leaves, undefined)
  await clock.advance(60_000)
  t.truthy(later.of(device), 'nothing detaches it')
  await later.stop()
})

test('contexts that are let go leave no timer, and are taken up with theirs', async (t) => {
  const { clock, store, contextsOf } = scene()
  const contexts = contextsOf()
  const context = await contexts.obtain(device, true)
  const other = await contexts.obtain('sip:bob@localhost', true)
  await contexts.reallocate(context)
  const { stored } = context
  contexts.release(other)
  await contexts.stop()
  t.is(contexts.of(device), undefined)
  let writes = 0
  const write = store.write.bind(store)
  store.write = (all) => {
    writes++
    return write(all)
  }
  await clock.advance(5000)
  t.is(writes, 0)
  const later = contextsOf()
  await later.load()
  t.deepEqual(later.of(device)?.stored, stored)
  t.is(later.holder(stored.former!.temporary), later.of(device), 'the one before counts for the grace period')
  await clock.advance(60_000)
  t.is(later.of('sip:bob@localhost'), undefined, 'it has gone to another MME')
  t.is(later.holder(stored.former!.temporary), undefined)
  await clock.advance(stored.validUntil - clock.date())
  t.not(later.of(device)?.stored.temporary, stored.temporary, 'replaced in time')
  await later.stop()
  await t.throwsAsync(later.obtain(device, true), { message: /has stopped/ })
})
