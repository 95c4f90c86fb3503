/** The address book (SPEC §5.3): who is told of whom, and what a stranger can learn by guessing. */
import test from 'ava'
import { type AddressBookSettings, createAddressBook } from '../../../elements/address-book/index.ts'
import { createHss, type Hss } from '../../../elements/hss/index.ts'
import type { PushDirectory, PushQuery } from '../../../elements/schemas/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { json } from '../../support/requests.ts'

const permissions = { discoverable: false, discoverer: false }
const subscribers = [
  { id: 'alice', permissions, push: [{ id: '0a17c5d2e8b9f604' }], friends: ['tel:+4930111'], directory: { name: 'Alice Smith' } },
  { id: 'bob', permissions, aliases: ['tel:+4930111'], push: [{ id: '0b90c5d2e8b9f604' }], directory: { listed: true } },
  { id: 'carol', permissions },
]
const push = (id: string): string => `sip:${id}@push.localhost;user=push`

async function open(settings: AddressBookSettings = {}) {
  const network = new ElementNetwork()
  await network.add(createHss('hss', { subscribers, askers: ['addressbook'] }))
  await network.add(createAddressBook('addressbook', settings))
  await network.clock.advance(100)
  const ask = (asserted: string, query: PushQuery, expires = 0) =>
    network.ask('addressbook', 'SUBSCRIBE', 'sip:addressbook@localhost', {
      asserted,
      event: 'push-directory',
      expires,
      body: json('push-query', query),
    })
  const find = async (asserted: string, query: PushQuery) => {
    const { status, subscription } = await ask(asserted, query)
    return status === 200 ? (subscription!.last as PushDirectory).entries : status
  }
  return { network, ask, find }
}

const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((user) => `sip:${user}@localhost`) as [string, string, string]

test('subscribers are hidden by default: from all but friends, whichever of their names is listed as a friend', async (t) => {
  const { find } = await open()
  t.deepEqual(await find(carol, { name: 'Alice Smith' }), [])
  t.deepEqual(await find(carol, { address: alice }), [])
  t.deepEqual(await find(carol, { id: '0a17c5d2e8b9f604' }), [])
  t.deepEqual(await find(bob, { name: 'alice  SMITH' }), [{ uri: push('0a17c5d2e8b9f604'), name: 'Alice Smith' }])
  t.deepEqual(await find(bob, { address: 'alice' }), [{ uri: push('0a17c5d2e8b9f604'), name: 'Alice Smith' }])
  t.deepEqual(await find(carol, { number: '+49 (30) 111' }), [{ uri: push('0b90c5d2e8b9f604'), number: '+4930111' }])
  t.deepEqual(await find(carol, { address: bob }), [{ uri: push('0b90c5d2e8b9f604') }], 'the number is not told by another name')
  t.deepEqual(await find(carol, { address: carol }), [], 'without a Push identifier')
})

test('names follow the HSS: added, changed and removed ones, over a restart of the address book too', async (t) => {
  const { find, network } = await open()
  const hss = network.element<Hss>('hss')
  const dave = { id: 'dave', permissions, push: [{ id: '0c90c5d2e8b9f604' }] }
  await hss.set({ ...dave, directory: { name: 'Dave', listed: true } })
  await network.settle()
  t.is(((await find(carol, { name: 'dave' })) as readonly unknown[]).length, 1)
  await network.add(createAddressBook('addressbook', {}))
  await network.clock.advance(100)
  t.is(((await find(carol, { name: 'dave' })) as readonly unknown[]).length, 1)
  await hss.set({ ...dave, directory: { nickname: 'Dee', listed: true } })
  await network.settle()
  t.deepEqual(await find(carol, { name: 'dave' }), [])
  t.is(((await find(carol, { alias: 'dee' })) as readonly unknown[]).length, 1)
  await hss.remove('dave')
  await network.settle()
  t.deepEqual(await find(carol, { nickname: 'dee' }), [])
})

test('PF16, A5: hidden and unknown look the same, byte for byte and in time', async (t) => {
  const { ask, find, network } = await open()
  await find(carol, { self: true }) // her own record is looked up with her first question
  const answers: string[] = []
  const times: number[] = []
  for (const query of [
    { name: 'Alice Smith' },
    { name: 'Alice Schmi' },
    { address: alice },
    { address: 'sip:alcie@localhost' },
    { id: '0a17c5d2e8b9f604' },
    { id: '0a17c5d2e8b9f605' },
    { alias: 'alice' },
    { alias: 'alcie' },
  ]) {
    let at = 0
    network.network.fate = () => [10]
    const answer = await ask(carol, query)
    const begun = network.clock.now()
    while (answer.subscription?.bodies.length !== 1 && at++ < 100) await network.clock.advance(1)
    times.push(network.clock.now() - begun)
    const { response, subscription } = answer
    const body = String(subscription!.bodies[0]!.content)
    const head = response!.headers.filter(([name]) => !['Via', 'Call-ID', 'CSeq', 'To'].includes(name))
    answers.push(`${response!.status} ${JSON.stringify(head)} ${body.replace(/"validUntil":"[^"]*"/, '')}`)
  }
  for (let i = 0; i < answers.length; i += 2) {
    t.is(answers[i], answers[i + 1])
    t.is(times[i], times[i + 1])
  }
})

test('A5: of 1,000 guesses 20 are answered a minute; the next asker is served', async (t) => {
  const { find, network } = await open()
  let answered = 0
  for (let i = 0; i < 1000; i++) if ((await find(carol, { alias: `guess${i}` })) !== 503) answered++
  t.is(answered, 21, 'with the one that goes beyond')
  t.is(await find(carol, { address: bob }), 503, 'whatever is asked')
  t.is(((await find(alice, { address: bob })) as readonly unknown[]).length, 1)
  await network.clock.advance(60_000)
  t.is(((await find(carol, { address: bob })) as readonly unknown[]).length, 1)
  t.is(network.metric('addressbook', 'misses'), 21)
})

test('entries of the settings are listed unless they say otherwise, and change at once', async (t) => {
  const uri = 'sip:4f3a9c0b12d47e58@push.op-b.example;user=push'
  const entries = [
    { uri, name: 'Mary' },
    { uri: uri.replace('4f', '4e'), name: 'Moll', listed: false, friends: ['bob'] },
    { application: 'org.example.viewer', content: ['image/*'] },
  ]
  const { find, network } = await open({ entries })
  t.deepEqual(await find(carol, { name: 'mary' }), [{ uri, name: 'Mary' }])
  t.deepEqual(await find(carol, { name: 'moll' }), [])
  t.is(((await find(bob, { name: 'moll' })) as readonly unknown[]).length, 1)
  t.deepEqual(await find(carol, { content: 'image/png' }), [{ application: 'org.example.viewer' }])
  network.element('addressbook').reload!({ entries: [{ uri, name: 'Marie' }] })
  t.deepEqual(await find(carol, { name: 'mary' }), [])
  t.deepEqual(await find(carol, { name: 'marie' }), [{ uri, name: 'Marie' }])
})

test('a question has one member, is asked once, and by somebody known', async (t) => {
  const { ask, network } = await open()
  t.is((await ask(carol, { name: 'a', number: '1' })).status, 400)
  t.is((await ask(carol, {})).status, 400)
  t.is((await ask(carol, { name: 'a' }, 600)).status, 400)
  const { status } = await network.ask('addressbook', 'SUBSCRIBE', 'sip:addressbook@localhost', {
    event: 'push-directory',
    expires: 0,
  })
  t.is(status, 403)
})

test('P30: an answer may be kept for `validity`, and no longer than the identifier lives', async (t) => {
  const { ask, network } = await open({ validity: 600 })
  const validFor = async (query: PushQuery): Promise<number> => {
    const { subscription } = await ask(bob, query)
    return Date.parse((subscription!.last as PushDirectory).validUntil) - network.clock.date()
  }
  t.is(await validFor({ self: true }), 600_000)
  const validUntil = new Date(network.clock.date() + 60_000).toISOString()
  await network.element<Hss>('hss').set({ id: 'bob', permissions, push: [{ id: '0b90c5d2e8b9f604', validUntil }] })
  await network.settle()
  t.is(await validFor({ self: true }), 60_000)
})
