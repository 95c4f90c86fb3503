/** An HSS elsewhere loses its store and starts with other records: what elements know of it is not kept for long (SPEC §6.1). */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import type { SubscriberRecord } from '../../../elements/schemas/index.ts'
import { Subscribers } from '../../../elements/shared/clients/subscribers.ts'
import type { Store } from '../../../signalling/index.ts'
import { memoryStore } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'

const alice = 'sip:alice@localhost'
const may = { discoverable: true, discoverer: true }
const mayNot = { discoverable: false, discoverer: false }

async function scene() {
  const lab = new Lab()
  lab.trusted.push('10.0.1.1')
  const serve = (permissions: typeof may, store?: Store) =>
    lab.serve(['localhost'], [createHss('hss', { subscribers: ['alice', 'bob'].map((id) => ({ id, permissions })) })], store)
  const store = memoryStore(lab.clock)
  const first = await serve(may, store)
  const { host } = await lab.agent('prose')
  const asking = Object.assign(Object.create(host) as typeof host, { uri: 'sip:prose@localhost', domains: ['localhost'] })
  const cache = new Subscribers(asking, 'sip:hss@10.0.0.1')
  const changes: (SubscriberRecord | undefined)[] = []
  cache.onChange((_id, record) => changes.push(record))
  cache.start()
  await lab.clock.advance(1000)
  const look = (id = alice) => lab.during(Promise.resolve(cache.lookup(id)), 100)
  return { lab, first, serve, store, cache, changes, look }
}

test('within half a minute, though nobody asks', async (t) => {
  const { lab, first, serve, changes, look, cache } = await scene()
  t.deepEqual((await look())?.permissions, may)
  await first.stop(0)
  await serve(mayNot)
  await lab.clock.advance(31_000)
  t.deepEqual(
    changes.map((record) => record?.permissions),
    [mayNot],
  )
  t.deepEqual((cache.lookup(alice) as SubscriberRecord).permissions, mayNot)
  await lab.stop()
})

test('two seconds after it has been asked about anybody', async (t) => {
  const { lab, first, serve, look, cache } = await scene()
  t.deepEqual((await look())?.permissions, may)
  await first.stop(0)
  await serve(mayNot)
  t.deepEqual((await look('sip:bob@localhost'))?.permissions, mayNot)
  await lab.clock.advance(2000)
  t.deepEqual((cache.lookup(alice) as SubscriberRecord).permissions, mayNot)
  await lab.stop()
})

test('with a clock that is behind the lost one: nobody asks on and on', async (t) => {
  const { lab, first, serve, look, cache } = await scene()
  t.deepEqual((await look())?.permissions, may)
  await first.stop(0)
  const { date } = lab.clock
  lab.clock.date = () => date.call(lab.clock) - 1_000_000
  await serve(mayNot)
  const before = lab.network.sent
  t.is(await look('sip:nobody@localhost'), undefined)
  t.deepEqual((await look('sip:bob@localhost'))?.permissions, mayNot)
  t.true(lab.network.sent - before < 20, `${lab.network.sent - before} datagrams`)
  await lab.clock.advance(2000)
  t.deepEqual((cache.lookup(alice) as SubscriberRecord).permissions, mayNot)
  await lab.stop()
})

test('one that was away for long and comes back with its store is heard as soon as it speaks', async (t) => {
  const { lab, first, serve, changes, look, store } = await scene()
  t.deepEqual((await look())?.permissions, may)
  await first.stop(0)
  for (const seconds of [10, 300, 20]) {
    await lab.clock.advance(seconds * 1000)
    t.deepEqual(changes, [])
  }
  await serve(mayNot, store)
  await lab.clock.advance(1000)
  t.deepEqual(
    changes.map((record) => record?.permissions),
    [mayNot],
  )
  await lab.stop()
})
