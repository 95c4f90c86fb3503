/** Bindings that are let go and taken up again; changes that overlap, and rights that are lost meanwhile (RFC 3261 §10). */
import test from 'ava'
import { Bindings } from '../../../elements/proxy/bindings.ts'
import { bindingsPrefix, type ContactBinding } from '../../../elements/shared/state/contact-binding.ts'
import { type Flow, type Host, type Json, memoryStore, type Store, silent } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { SteeredStore } from '../../support/steered-store.ts'

const alice = 'sip:alice@localhost'
const datagram = 'UDP|10.0.0.9:5060|10.0.0.1:5060' as ContactBinding['flow']
const connection = 'TCP#1' as ContactBinding['flow']

function scene() {
  const clock = new ManualClock()
  const store = new SteeredStore(memoryStore(clock))
  store.holds = false
  const listeners = new Set<(flow: Flow) => void>()
  const open = new Set<string>([datagram, connection])
  const flows = {
    onClosed: (listener: (flow: Flow) => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    nameOf: (flow: Flow) => flow as unknown as string,
    named: (name: string) => (open.has(name) ? {} : undefined),
  }
  const close = (name: string): void => {
    open.delete(name)
    for (const listener of listeners) listener(name as unknown as Flow)
  }
  const errors: string[] = []
  const log = { ...silent, error: (_: object, text: string) => void errors.push(text) }
  const host = { name: 'proxy', clock, store, log, flows, gauge: () => undefined } as unknown as Host
  const bindingOf = (contact: string, more: Partial<ContactBinding> = {}): ContactBinding => ({
    ...{ contact, echo: `<${contact}>`, q: 1, callId: 'c', cseq: 1, expires: clock.date() + 600_000, flow: datagram },
    ...more,
  })
  return { clock, store, errors, listeners, close, bindingOf, bindings: () => new Bindings(host) }
}

async function stored(store: Store): Promise<readonly Json[]> {
  const values: Json[] = []
  for await (const [, { value }] of store.scan(bindingsPrefix('proxy'))) values.push(value)
  return values
}

const contacts = (bindings: readonly ContactBinding[]): readonly string[] => bindings.map(({ contact }) => contact)

test('bindings are there again in their order, with their GRUUs; those of connections are not', async (t) => {
  const { clock, store, listeners, bindingOf, bindings: open } = scene()
  const bindings = open()
  const first = bindingOf('sip:z@10.0.0.9', { instance: '<urn:1>', regId: 2, at: 1 })
  const second = bindingOf('sip:a@10.0.0.9', { instance: '<urn:1>', regId: 1, at: 2, gruu: 'ab' })
  const tied = bindingOf('sip:t@10.0.0.9', { flow: connection })
  t.true(await bindings.put(alice, [], [first, second, tied]))
  t.deepEqual(bindings.of(alice), [first, second, tied])
  await bindings.stop()
  t.is(listeners.size, 0)
  const writes = store.writes
  await clock.advance(1000)
  t.is(store.writes, writes)
  const later = open()
  await later.load()
  t.deepEqual(later.of(alice), [first, second])
  t.deepEqual(later.ofGruu('ab'), { aor: alice, instance: '<urn:1>' })
  t.is((await stored(store)).length, 2)
  await clock.advance(600_000)
  t.deepEqual(later.of(alice), [])
  t.is(later.ofGruu('ab'), undefined)
  await later.stop()
})

test('changes that overlap start from each other, and where one fails the other stands by itself', async (t) => {
  const { store, bindingOf, bindings: open } = scene()
  const bindings = open()
  const [one, two] = [bindingOf('sip:1@10.0.0.9'), bindingOf('sip:2@10.0.0.9')]
  store.holds = true
  store.fails = () => true
  const failing = bindings.put(alice, bindings.latest(alice), [one])
  store.fails = () => false
  const before = bindings.latest(alice)
  t.deepEqual(before, [one])
  const standing = bindings.put(alice, before, [...before, two])
  t.deepEqual(bindings.of(alice), [])
  store.release()
  await t.throwsAsync(failing)
  t.true(await standing)
  t.deepEqual(contacts(bindings.of(alice)), ['sip:2@10.0.0.9'])
  t.deepEqual(bindings.latest(alice), bindings.of(alice))
  t.deepEqual(await stored(store), [two])
})

test('who is no subscriber any more has no binding, nor one that is being written, in the store neither', async (t) => {
  const { store, errors, bindingOf, bindings: open } = scene()
  const bindings = open()
  const old = bindingOf('sip:1@10.0.0.9')
  await bindings.put(alice, [], [old])
  store.holds = true
  const coming = bindings.put(alice, [old], [{ ...old, cseq: 2 }, bindingOf('sip:2@10.0.0.9')])
  bindings.end(alice)
  t.deepEqual(bindings.of(alice), [])
  store.release()
  t.false(await coming)
  t.deepEqual(bindings.of(alice), [])
  t.deepEqual(await stored(store), [])
  await bindings.put(alice, [], [old])
  store.fails = () => true
  bindings.end(alice)
  t.deepEqual(bindings.of(alice), [], 'even where the store fails')
  await new Promise<void>((resolve) => setImmediate(resolve))
  t.is(errors.length, 1)
})

test('with other credentials what was bound by the old ones ends, and what comes by the new ones stays', async (t) => {
  const { store, bindingOf, bindings: open } = scene()
  const bindings = open()
  const old = bindingOf('sip:1@10.0.0.9', { credentials: 'old' })
  await bindings.put(alice, [], [old])
  store.holds = true
  const fresh = { ...old, cseq: 2, credentials: 'new' }
  const replaced = bindings.put(alice, [old], [fresh])
  const late = bindings.put('sip:bob@localhost', [], [{ ...old, credentials: 'old' }])
  t.true(bindings.keep(alice, 'new'))
  t.false(bindings.keep('sip:bob@localhost', 'new'), 'none of them was in force')
  t.deepEqual(bindings.of(alice), [])
  store.release()
  t.true(await replaced)
  t.false(await late)
  t.deepEqual(bindings.of(alice), [fresh])
  t.deepEqual(bindings.of('sip:bob@localhost'), [])
  t.deepEqual(await stored(store), [fresh])
})

test('a connection takes its bindings along, and the store says why for a while', async (t) => {
  const { clock, store, close, bindingOf, bindings: open } = scene()
  const bindings = open()
  const [tied, free] = [bindingOf('sip:t@10.0.0.9', { flow: connection }), bindingOf('sip:f@10.0.0.9')]
  await bindings.put(alice, [], [free, tied])
  close(connection)
  t.deepEqual(bindings.of(alice), [free])
  t.is((await stored(store)).filter((value) => (value as ContactBinding).ended === 'deactivated').length, 1)
  await clock.advance(2000)
  t.deepEqual(await stored(store), [free])
  t.true(await bindings.put(alice, [free], [free, { ...tied, cseq: 2 }]), 'it is written, and its connection is gone')
  t.deepEqual(bindings.of(alice), [free])
})
