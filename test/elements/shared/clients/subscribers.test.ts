/** The cache that elements keep of the HSS (SPEC §6.1). */
import test from 'ava'
import type { Hss, HssSettings } from '../../../../elements/hss/index.ts'
import type { SubscriberRecord, SubscriptionData } from '../../../../elements/schemas/index.ts'
import { LookupFailed, Subscribers } from '../../../../elements/shared/clients/subscribers.ts'
import type { Element, Notifier } from '../../../../signalling/index.ts'
import { Agent } from '../../../support/lab.ts'
import { json } from '../../../support/requests.ts'
import { alice, all, bob, hssAlone, none, settings } from '../../hss/scene.ts'

interface HssFeed {
  readonly notifier: Notifier
  /** As it began. */
  readonly state: unknown
}

/** Feeds of that HSS, as they begin from now on. */
function feedsOf(hss: Hss): HssFeed[] {
  const feeds: HssFeed[] = []
  const handle = hss.handle.bind(hss)
  hss.handle = (exchange) => {
    const accept: typeof exchange.accept = exchange.accept.bind(exchange)
    exchange.accept = (options) => {
      const notifier = accept(options)
      if (options.resource === '') feeds.push({ notifier: notifier as Notifier, state: options.state })
      return notifier
    }
    return handle(exchange)
  }
  return feeds
}

async function cached(given: HssSettings = settings, limits = {}) {
  const { network, hss, ask } = await hssAlone(given)
  const feeds = feedsOf(hss)
  const { host } = await network.add(new Agent('prose'))
  const cache = new Subscribers(host, 'sip:hss@localhost', limits)
  const changes: [string, SubscriberRecord | undefined][] = []
  cache.onChange((id, record) => changes.push([id, record]))
  cache.start()
  await network.settle()
  const fetches = () => network.metric('prose', 'subscriber_fetches')
  const look = async (key: string) => {
    const found = cache.lookup(key)
    await network.settle()
    return found
  }
  const feed = () => feeds.findLast(({ notifier }) => notifier.live)!
  /** The HSS hears no question any more; what it tells arrives. */
  const deafen = (): void => {
    network.network.fate = (_, __, bytes) => (Buffer.from(bytes).toString('latin1').startsWith('SUBSCRIBE') ? [] : [0])
  }
  const hear = (): void => {
    network.network.fate = () => [0]
  }
  return { network, hss, ask, cache, changes, fetches, look, feed, deafen, hear }
}

test('the common path costs no query, unknown ones included', async (t) => {
  const { cache, look, fetches } = await cached()
  t.is((await look('sip:alice@127.0.0.1'))!.id, alice)
  t.is((cache.lookup(alice) as SubscriberRecord).id, alice)
  t.is((cache.lookup('tel:+49-30-111') as SubscriberRecord).id, alice)
  t.is(await look('sip:nobody@localhost'), undefined)
  t.is(cache.lookup('sip:nobody@localhost'), undefined)
  t.is(cache.lookup('nonsense'), undefined)
  t.is(fetches(), 2)
})

test('one fetch at a time for a device', async (t) => {
  const { cache, network, fetches } = await cached()
  const both = Promise.all([cache.lookup(alice), cache.lookup(alice)])
  await network.settle()
  const [one, two] = await both
  t.is(one, two)
  t.is(fetches(), 1)
})

test('changes come by the feed', async (t) => {
  const { cache, hss, look, changes, network, fetches } = await cached()
  await look(alice)
  await look('sip:zoe@localhost')
  await look('tel:+1')
  await hss.set({ id: 'alice', permissions: none })
  await hss.set({ id: 'zoe', permissions: all, aliases: ['tel:+1'] })
  await network.settle()
  t.deepEqual((cache.lookup(alice) as SubscriberRecord).permissions, none)
  t.is((await look('tel:+4930111'))?.id, undefined, 'the alias is gone')
  t.is((await look('sip:zoe@localhost'))!.id, 'sip:zoe@localhost')
  t.is((await look('tel:+1'))!.id, 'sip:zoe@localhost')
  await hss.remove('alice')
  await network.settle()
  t.is(await look(alice), undefined)
  t.deepEqual(
    changes.map(([id, record]) => [id, record?.permissions]),
    [
      [alice, none],
      ['sip:zoe@localhost', all],
      [alice, undefined],
    ],
  )
  t.true(fetches() <= 7)
})

test('an answer that a change overtook is asked again', async (t) => {
  const { cache, hss, network, feed } = await cached()
  const answer = cache.lookup(alice) as Promise<SubscriberRecord>
  // the HSS answers with the old record, and the change reaches the feed first
  await hss.set({ id: 'alice', permissions: none })
  await network.settle()
  t.deepEqual((await answer).permissions, none)
  t.true(feed().notifier.live)
})

test('a version told twice, of many changes and of one behind them, leaves no question open', async (t) => {
  const { hss, look, network, fetches } = await cached()
  await look(alice)
  await hss.provision(
    Array.from({ length: 101 }, (_, i) => ({ do: 'put', settings: { id: `u${i}`, permissions: all } }) as const),
  )
  await hss.set({ id: 'alice', permissions: none })
  await network.clock.advance(1000)
  const before = fetches()
  t.is(await look('sip:nobody@localhost'), undefined)
  t.is(fetches(), before + 1)
})

test('where the feed stays ahead of every answer, a question is refused after a while, and time passes meanwhile', async (t) => {
  const { cache, hss, ask, look, network, feed, fetches } = await cached()
  const record = (await look(alice))!
  const { notifier, state } = feed()
  const { version } = (await ask('sip:prose@localhost')).subscription!.last as SubscriptionData
  const part = json('subscription-data', { version, since: version, records: [record] }) // and the rest never comes
  const pack = hss.packages![0]! as { render: NonNullable<Element['packages']>[number]['render'] }
  const render = pack.render.bind(pack)
  pack.render = (state, context) => {
    return (state as { key?: string }).key === undefined ? part : render(state, context) // the feed alone
  }
  notifier.notify(state)
  await network.settle()
  const before = fetches()
  const refused = t.throwsAsync(async () => cache.lookup('sip:nobody@localhost'), { instanceOf: LookupFailed, message: /504/ })
  await network.clock.advance(5000)
  await refused
  t.is(fetches(), before + 1)
  t.is((await look(alice))!.id, alice, 'whoever is known is served')
})

test('a lost feed is taken up again and everything is read again', async (t) => {
  const { cache, hss, look, changes, network, feed } = await cached(settings, { rereads: 1 })
  await look(alice)
  await look(bob)
  await look('sip:zoe@localhost')
  network.cut('hss')
  feed().notifier.terminate('deactivated')
  await network.settle()
  await hss.set({ id: 'alice', permissions: none, aliases: ['tel:+4930111'] })
  await hss.set({ id: 'zoe', permissions: all })
  await hss.remove('bob')
  await network.settle()
  t.deepEqual((cache.lookup(alice) as SubscriberRecord).permissions, all, 'nothing heard yet')
  await network.clock.advance(600)
  network.heal()
  await network.clock.advance(1000)
  t.deepEqual((cache.lookup(alice) as SubscriberRecord).permissions, none)
  t.is(await look(bob), undefined)
  t.is((await look('sip:zoe@localhost'))!.id, 'sip:zoe@localhost')
  t.deepEqual(changes.map(([id]) => id).sort(), [alice, bob])
})

test('a feed that comes back without any change costs nothing', async (t) => {
  const { cache, look, network, feed, fetches } = await cached()
  await look(alice)
  const before = feed().notifier
  before.terminate('deactivated')
  await network.clock.advance(500)
  t.false(before.live)
  t.true(feed().notifier.live)
  t.is((cache.lookup(alice) as SubscriberRecord).id, alice)
  t.is(fetches(), 1)
})

test('reading again goes on after the HSS was away', async (t) => {
  const { cache, hss, look, network, deafen, hear } = await cached()
  await look(alice)
  await hss.set({ id: 'zoe', permissions: all })
  deafen()
  await hss.provision(
    Array.from({ length: 101 }, (_, i) => ({ do: 'put', settings: { id: `u${i}`, permissions: all } }) as const),
  )
  await network.clock.advance(600)
  const refused = t.throwsAsync(async () => cache.lookup(alice), { instanceOf: LookupFailed })
  t.true(cache.lookup(alice) instanceof Promise)
  await network.clock.advance(5000)
  await refused
  hear()
  await network.clock.advance(1000)
  t.is((cache.lookup(alice) as SubscriberRecord).id, alice)
})

test('bounded, for known and unknown', async (t) => {
  const { look, network } = await cached({ open: true }, { records: 10, unknown: 5 })
  for (let i = 0; i < 30; i++) {
    await look(`sip:u${i}@localhost`)
    await look(`sip:u${i}@elsewhere.example`)
  }
  t.is(network.metric('prose', 'subscribers_cached'), 15)
})

test('a lookup without an answer rejects and is not remembered', async (t) => {
  const { look, network, cache } = await cached()
  network.cut('hss')
  const refused = t.throwsAsync(async () => cache.lookup(alice), { instanceOf: LookupFailed, message: /408/ })
  await network.clock.advance(5000)
  await refused
  network.heal()
  t.is((await look(alice))!.id, alice)
  t.is((cache.lookup(alice) as SubscriberRecord).id, alice)
})
