/** Peers whom nobody knows: asked for in pages, and counted for the UE that asks about them (SPEC §3.3). */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { Subscribers } from '../../../elements/shared/clients/subscribers.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { Agent } from '../../support/lab.ts'
import { json } from '../../support/requests.ts'
import { all, scene, sip } from './scene.ts'

const strangers = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => sip(`nobody-${from + i}`))

test('a thousand unknown are asked for in pages of some tens, and others have their turn between', async (t) => {
  const network = new ElementNetwork()
  await network.add(createHss('hss', { subscribers: [{ id: 'alice', permissions: all }], askers: ['prose'] }))
  const { host } = await network.add(new Agent('prose'))
  const subscribers = new Subscribers(host)
  network.network.fate = () => [1]
  const answer = subscribers.all([...strangers(0, 500), sip('alice'), ...strangers(500, 500)])
  await network.settle()
  const first = network.metric('prose', 'subscriber_fetches')
  t.true(first > 0 && first <= 40, `${first} at once`)
  await network.clock.advance(100)
  const records = await answer
  t.is(records.length, 1001)
  t.deepEqual(
    records.flatMap((record) => record?.id ?? []),
    [sip('alice')],
  )
  t.is(network.metric('prose', 'subscriber_fetches'), 1001)
  t.deepEqual(subscribers.unknownAmong([...strangers(0, 10), sip('alice'), sip('new')]), [sip('new')])
})

test('a UE that asks about ever more of them gets 503; others may ask', async (t) => {
  const net = await scene({ sets: 'everybody' })
  await net.join('bob')
  const ask = async (from: number): Promise<number> => {
    const asking = net.query('bob', { peers: strangers(from, 1000) })
    await net.network.clock.advance(200)
    return (await asking).status
  }
  t.is(await ask(0), 200)
  const fetches = net.metric('subscriber_fetches')
  t.is(await ask(1000), 503)
  t.is(net.metric('subscriber_fetches'), fetches)
  await net.network.clock.advance(1000)
  t.is((await net.query('bob', { peers: [sip('alice'), sip('carol')] })).status, 200, 'some are due to him each second')
  const set = await net.watch('bob', { peers: [sip('alice')] })
  const more = json('proximity-query', { peers: strangers(3000, 1000) })
  t.is(await set.refresh(more), 503, 'a refresh is no way around it')
  t.is(net.metric('subscriber_fetches'), fetches + 2, 'alice, carol, and nobody else')
  t.is((await net.query('alice', { peers: strangers(5000, 20) })).status, 200, 'others are not concerned')
  t.is((await net.trigger(sip('bob'), { device: sip('bob'), add: strangers(7000, 100) })).status, 503, 'nor is a trigger')
  await net.network.clock.advance(300_000)
  t.is(await ask(6000), 200, 'later again')
})
