/** Changes of subscribers and files read again, at a time: each is made of what the last one left, durable first, then in force. */
import test from 'ava'
import { createHss, type Hss, type HssSettings } from '../../../elements/hss/index.ts'
import type { SubscriberRecord, SubscriptionData } from '../../../elements/schemas/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { json } from '../../support/requests.ts'

const all = { discoverable: true, discoverer: true }
const none = { discoverable: false, discoverer: false }
const bob = { id: 'bob', permissions: all }
const file: HssSettings = {
  subscribers: [{ id: 'alice', permissions: none, aliases: ['tel:+1'] }, bob],
  askers: ['prose', 'proxy'],
}
const edited: HssSettings = { ...file, subscribers: [{ id: 'alice', permissions: none, friends: ['bob'] }, bob] }
const alice = 'sip:alice@localhost'

async function open() {
  const network = new ElementNetwork()
  const hss = createHss('hss', file)
  await network.add(hss)
  const { store } = network
  const write = store.write.bind(store)
  const waiting: ((fails: boolean) => void)[] = []
  store.write = async (writes) => {
    if (!writes.some(({ key }) => key.startsWith('hss/'))) return write(writes) // the engine's own
    if (await new Promise<boolean>((resolve) => waiting.push(resolve))) throw new Error('the disk is full')
    return write(writes)
  }
  /** The next write goes, or fails; so do those that it has kept waiting, in turn. */
  const next = async (...fails: readonly boolean[]): Promise<void> => {
    for (const each of fails) {
      await network.settle()
      waiting.shift()!(each)
    }
    await network.settle()
  }
  /** The record as elements are told it. */
  const recordOf = async (device: string): Promise<SubscriberRecord | undefined> => {
    const body = json('subscription-query', { device })
    const asking = { asserted: 'sip:prose@localhost', event: 'subscription-data', expires: 0, body }
    const { subscription } = await network.ask('hss', 'SUBSCRIBE', 'sip:hss@localhost', asking)
    return (subscription!.last as SubscriptionData).records![0]
  }
  const restarted = async (settings: HssSettings) => {
    store.write = write
    const again = createHss('hss', settings)
    await network.add(again)
    return again
  }
  return { network, hss, waiting, next, recordOf, restarted }
}
const plain = (record: unknown): unknown => JSON.parse(JSON.stringify(record))
const [goes, fails] = [false, true]
const reload = async (hss: Hss, settings: HssSettings): Promise<unknown> => hss.reload!(settings)
const outcomes = async (work: readonly Promise<unknown>[]): Promise<readonly string[]> =>
  (await Promise.allSettled(work)).map(({ status }) => status)

test('what is being written is not in force for who asks: neither the record nor a name, given or taken', async (t) => {
  const { hss, next, recordOf } = await open()
  const before = await recordOf(alice)
  const change = hss.set({ id: 'alice', permissions: all, aliases: ['tel:+2'] })
  t.deepEqual([await recordOf(alice), await recordOf('tel:+1'), await recordOf('tel:+2')], [before, before, undefined])
  await next(goes)
  await change
  t.deepEqual([(await recordOf('tel:+2'))!.permissions, await recordOf('tel:+1')], [all, undefined])
})

test('the feed says no version before it is durable', async (t) => {
  const { network, hss, next } = await open()
  const asking = { asserted: 'sip:prose@localhost', event: 'subscription-data' }
  const feed = (await network.ask('hss', 'SUBSCRIBE', 'sip:hss@localhost', asking)).subscription!
  const { version } = feed.last as SubscriptionData
  const later = async () =>
    (await network.ask('hss', 'SUBSCRIBE', 'sip:hss@localhost', asking)).subscription!.last as SubscriptionData
  const change = hss.set({ id: 'zoe', permissions: all })
  t.is((await later()).version, version)
  await next(fails)
  await t.throwsAsync(change, { message: /full/ })
  t.is((await later()).version, version)
  t.is(feed.bodies.length, 1)
})

test('two changes of one subscriber, the second refused: the first is in force, here and after a restart', async (t) => {
  const { hss, next, recordOf, restarted } = await open()
  const work = [hss.set({ id: 'alice', permissions: all }), hss.set({ id: 'alice', permissions: all, friends: ['bob'] })]
  await next(goes, fails)
  t.deepEqual(await outcomes(work), ['fulfilled', 'rejected'])
  const now = (await recordOf(alice))!
  t.deepEqual([now.permissions, now.friends ?? []], [all, []])
  t.deepEqual(plain((await restarted(file)).held('alice')), plain(hss.held('alice')))
})

test('two changes of one subscriber, both refused: the file is in force', async (t) => {
  const { hss, next, recordOf } = await open()
  const before = await recordOf(alice)
  const work = [hss.set({ id: 'alice', permissions: all }), hss.set({ id: 'alice', permissions: all, friends: ['bob'] })]
  await next(fails, fails)
  t.deepEqual(await outcomes(work), ['rejected', 'rejected'])
  t.deepEqual(await recordOf(alice), before)
})

test('a name that a refused change would have let go is not given to anybody', async (t) => {
  const { hss, next } = await open()
  const letGo = hss.set({ id: 'alice', permissions: all })
  const given = hss.provision([{ do: 'put', settings: { id: 'zoe', permissions: all, aliases: ['tel:+1'] } }])
  await next(fails)
  await t.throwsAsync(letGo)
  t.deepEqual((await given)[0]!.fault?.kind, 'taken')
  t.deepEqual([hss.held('tel:+1')!.id, hss.size], [alice, 2])
})

test('a file read again behind a change that is being written: the file wins where it was edited', async (t) => {
  const { hss, next, recordOf, restarted } = await open()
  const work = [
    hss.set({ id: 'alice', permissions: all, aliases: ['tel:+1'] }),
    reload(hss, edited),
    hss.set({ id: 'zoe', permissions: all, aliases: ['tel:+1'] }),
  ]
  await next(goes, goes, goes)
  t.deepEqual(await outcomes(work), ['fulfilled', 'fulfilled', 'fulfilled'])
  const now = (await recordOf(alice))!
  t.deepEqual([now.permissions, now.friends, now.aliases ?? []], [none, ['sip:bob@localhost'], []])
  t.deepEqual([(await recordOf('tel:+1'))!.id, hss.size], ['sip:zoe@localhost', 3])
  const again = await restarted(edited)
  t.deepEqual([again.size, again.held('alice'), again.held('zoe')], [3, hss.held('alice'), hss.held('zoe')])
})

test('a file that cannot be stored changes nothing, and takes nothing from changes that come meanwhile', async (t) => {
  const { hss, next, recordOf, restarted } = await open()
  const before = await recordOf(alice)
  const servers = [{ uri: 'sip:as@example.net', application: 'demo' }]
  const work = [
    hss.set({ id: 'yan', permissions: all }),
    reload(hss, { ...edited, servers, subscribers: [...edited.subscribers!, { id: 'yan', permissions: none }] }),
    hss.set({ id: 'bob', permissions: none }),
    hss.set({ id: 'zoe', permissions: all }),
  ]
  t.deepEqual(await recordOf(alice), before)
  await next(goes, fails, goes, goes)
  t.deepEqual(await outcomes(work), ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  t.deepEqual(await recordOf(alice), before)
  t.deepEqual([(await recordOf('sip:bob@localhost'))!.permissions, hss.size], [none, 4])
  const again = await restarted(file)
  t.deepEqual([again.size, again.held('bob')!.permissions, again.held('yan')!.permissions], [4, none, all])
})

test('a file that is being written is not in force yet', async (t) => {
  const { hss, next, recordOf } = await open()
  const before = await recordOf(alice)
  const work = reload(hss, { ...file, subscribers: [{ id: 'alice', permissions: all }] })
  t.deepEqual(
    [await recordOf(alice), await recordOf('tel:+1'), (await recordOf('sip:bob@localhost'))!.permissions],
    [before, before, all],
  )
  await next(goes)
  await work
  t.deepEqual(
    [(await recordOf(alice))!.permissions, await recordOf('tel:+1'), await recordOf('sip:bob@localhost')],
    [all, undefined, undefined],
  )
})

test('A20: a Push identifier is given on top of the changes under way: none of them is undone, none is lost', async (t) => {
  const { hss, network, next, recordOf } = await open()
  const [old, first, second] = ['0a17c5d2e8b9f604', '0b17c5d2e8b9f604', '0c17c5d2e8b9f604']
  const set = hss.set({ id: 'bob', permissions: all, push: [{ id: old }] })
  await next(goes)
  await set
  const give = (id: string): Promise<unknown> =>
    network.ask('hss', 'MESSAGE', 'sip:hss@localhost', {
      asserted: 'sip:prose@localhost',
      body: json('push-allocation-request', { device: 'sip:bob@localhost', flags: '0000', id }),
    })
  const revoking = hss.provision([{ do: 'patch', id: 'bob', patch: { push: [{ id: old, state: 'revoked' }] } }])
  await network.settle()
  await give(first)
  await give(second)
  await next(goes, goes, goes)
  await revoking
  const states = (await recordOf('sip:bob@localhost'))?.push?.map(({ id, state }) => `${id} ${state}`)
  t.deepEqual(states, [`${old} revoked`, `${first} active`, `${second} active`])
})
