import test from 'ava'
import { DirectoryCache } from '../../../../elements/ue/push/finding/directory-cache.ts'
import { memoryStore, silent } from '../../../../signalling/index.ts'
import { ManualClock } from '../../../../signalling/testing.ts'

const entries = [{ uri: 'sip:0a17c5d2e8b9f604@push.op-a.example;user=push' }]

test('P30: answers are kept until their end, ten thousand at most; one more evicts the oldest', async (t) => {
  const clock = new ManualClock()
  const store = memoryStore(clock)
  const cache = new DirectoryCache({ clock, store, log: silent }, 'sip:alice@localhost')
  const until = clock.date() + 60_000
  for (let i = 0; i < 10_000; i++) await cache.put({ name: `n${i}` }, entries, until)
  await cache.put({ name: 'n5' }, entries, until)
  t.deepEqual([cache.size, cache.get({ name: 'n0' })], [10_000, entries], 'one that is there needs no room')
  await cache.put({ name: 'n10000' }, entries, until)
  t.is(cache.size, 10_000)
  t.is(cache.get({ name: 'n0' }), undefined)
  t.deepEqual([cache.get({ name: 'n1' }), cache.get({ name: 'n10000' })], [entries, entries])
  await clock.advance(61_000)
  t.is(cache.get({ name: 'n1' }), undefined)
  t.is(cache.size, 0)
})

test('an answer without entries is kept for a minute, one that is over not at all; a restart keeps them', async (t) => {
  const clock = new ManualClock()
  const store = memoryStore(clock)
  const make = (): DirectoryCache => new DirectoryCache({ clock, store, log: silent }, 'sip:alice@localhost')
  const cache = make()
  await cache.put({ alias: 'nobody' }, [], clock.date() + 3_600_000)
  await cache.put({ alias: 'past' }, entries, clock.date())
  await cache.put({ alias: 'Bob', limit: 1 }, entries, clock.date() + 3_600_000)
  t.deepEqual([cache.get({ alias: 'nobody' }), cache.get({ alias: 'past' })], [[], undefined])
  const again = make()
  await again.load()
  t.deepEqual(again.get({ limit: 1, alias: 'Bob' }), entries)
  await clock.advance(61_000)
  t.is(again.get({ alias: 'nobody' }), undefined)
  t.deepEqual(again.get({ alias: 'Bob', limit: 1 }), entries)
})
