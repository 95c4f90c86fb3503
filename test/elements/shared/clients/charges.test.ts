/** Chargeable events on their way to the PCRF (SPEC §6.2): a PCRF that is away, a store that fails, a process that is killed. */
import test from 'ava'
import type { ChargingEvent } from '../../../../elements/schemas/index.ts'
import { Charges } from '../../../../elements/shared/clients/charges.ts'
import type { Element, Exchange, Host, Store, StoreWrite } from '../../../../signalling/index.ts'
import { memoryStore } from '../../../../signalling/index.ts'
import { Lab } from '../../../support/lab.ts'

class Source implements Element {
  readonly name = 'push'
  readonly claims = [{ method: 'INFO' }]
  charges!: Charges
  host!: Host
  async start(host: Host): Promise<void> {
    this.host = host
    this.charges = new Charges(host, 'sip:pcrf@localhost')
    await this.charges.load()
  }
  handle(exchange: Exchange): void {
    exchange.reply(200)
  }
  stop(): void {
    this.charges.stop()
  }
  /** So many events, each in a batch of its own; those that the store did not take are given up. */
  async charge(count: number): Promise<void> {
    for (let i = 0; i < count; i++)
      await this.host.store
        .write([this.charges.put({ event: 'push', service: 'push', device: 'sip:alice@localhost' })])
        .catch(() => undefined)
  }
}

/** Stands for the PCRF: keeps what it gets, and answers as told. */
class Sink implements Element {
  readonly name = 'pcrf'
  readonly claims = [{ method: 'MESSAGE', user: 'pcrf' }]
  readonly got: ChargingEvent[] = []
  status = 200
  handle(exchange: Exchange): void {
    if (this.status === 200) this.got.push(JSON.parse(exchange.request.body.toString('utf8')) as ChargingEvent)
    exchange.reply(this.status)
  }
  get numbers(): readonly number[] {
    return this.got.flatMap(({ events }) => events.map(({ number }) => number))
  }
}

async function scene(store?: Store, lab = new Lab()) {
  const [source, sink] = [new Source(), new Sink()]
  const kept = store ?? memoryStore(lab.clock)
  await lab.serve(['localhost'], [source, sink], kept)
  return { lab, source, sink, store: kept }
}
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1)
async function left(store: Store): Promise<number> {
  let count = 0
  for await (const _ of store.scan('charges/push/event/')) count++
  return count
}

test('events go in batches, in order, and are forgotten when they are recorded', async (t) => {
  const { lab, source, sink, store } = await scene()
  await source.charge(60)
  await lab.clock.advance(2000)
  t.deepEqual(sink.numbers, upTo(60))
  t.is(sink.got.length, 3)
  t.is(await left(store), 0)
  await lab.clock.advance(60_000)
  t.is(sink.got.length, 3, 'and nothing more is sent')
  await lab.stop()
})

test('a PCRF that is away for an hour misses nothing', async (t) => {
  const { lab, source, sink, store } = await scene()
  sink.status = 503
  for (let i = 0; i < 10; i++) {
    await source.charge(10)
    await lab.clock.advance(360_000)
  }
  t.is(await left(store), 100)
  sink.status = 200
  await lab.clock.advance(40_000)
  t.deepEqual(sink.numbers, upTo(100))
  await lab.stop()
})

test('a killed process goes on with the numbers of the one before; an empty store begins another life', async (t) => {
  const first = await scene()
  await first.source.charge(3)
  await first.lab.clock.advance(1000)
  first.sink.status = 503
  await first.source.charge(2)
  await first.lab.stop()
  first.lab.nodes.length = 0
  const next = await scene(first.store, first.lab)
  await next.source.charge(1)
  await next.lab.clock.advance(1000)
  t.deepEqual(next.sink.numbers, [4, 5, 6])
  t.is(next.sink.got[0]!.source, first.sink.got[0]!.source)
  const other = await scene()
  await other.source.charge(1)
  await other.lab.clock.advance(1000)
  t.deepEqual(other.sink.numbers, [1])
  for (const { lab } of [next, other]) await lab.stop()
})

test('a number whose write the store did not take is told as void, and those behind it come', async (t) => {
  const lab = new Lab()
  const inner = memoryStore(lab.clock)
  let failing = false
  const store: Store = {
    name: inner.name,
    get: (key) => inner.get(key),
    write: (writes: readonly StoreWrite[]) => (failing ? Promise.reject(new Error('full')) : inner.write(writes)),
    scan: (prefix, after) => inner.scan(prefix, after),
    watch: (prefix, listener) => inner.watch(prefix, listener),
    close: () => inner.close(),
  }
  const { source, sink } = await scene(store, lab)
  await source.charge(2)
  failing = true
  await source.charge(2)
  failing = false
  await source.charge(2)
  await lab.clock.advance(60_000)
  t.deepEqual(sink.numbers, upTo(6))
  const kinds = sink.got.flatMap(({ events }) => events.map(({ event }) => event))
  t.deepEqual(kinds, ['push', 'push', 'void', 'void', 'push', 'push'])
  t.is(await left(store), 0)
  await lab.stop()
})
