/** Identifiers from provisioning to every element that reads them (SPEC §2.1, §6.1): none is lost, none hides another. */
import test from 'ava'
import fc from 'fast-check'
import { createHss, type HssSettings } from '../../../elements/hss/index.ts'
import { faultOf, type SubscriberRecord, type SubscriptionData } from '../../../elements/schemas/index.ts'
import { LookupFailed, Subscribers } from '../../../elements/shared/clients/subscribers.ts'
import { deviceKey, isNameOf, otherKeys } from '../../../elements/shared/identifiers/devices.ts'
import { canonical, type Element, type Notifier, parseUri } from '../../../signalling/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { json } from '../../support/requests.ts'

const all = { discoverable: true, discoverer: true }
const none = { discoverable: false, discoverer: false }
const home = ['localhost', '127.0.0.1']

async function cached(settings: HssSettings) {
  const network = new ElementNetwork()
  const hss = createHss('hss', settings)
  await network.add(hss)
  let subscribers!: Subscribers
  const heard: [string, SubscriberRecord | undefined][] = []
  const prose: Element = {
    name: 'prose',
    claims: [],
    start(host) {
      subscribers = new Subscribers(host)
      subscribers.onChange((id, record) => heard.push([id, record]))
      subscribers.start()
    },
    handle: () => undefined,
  }
  await network.add(prose)
  const find = async (text: string) => {
    const found = subscribers.lookup(text)
    await network.clock.advance(10)
    return found
  }
  return { network, hss, subscribers, heard, find }
}

test('one key for each device, which is a URI again', (t) => {
  for (const [text, key] of [
    ['2001:DB8::9', 'sip:[2001:db8::9]'],
    ['sip:[2001:db8:0::9]:5061', 'sip:[2001:db8::9]'],
    ['sip:2001:db8::9', 'sip:[2001:db8::9]'],
    ['sip:zoe@[2001:db8::9]', 'sip:zoe@[2001:db8::9]'],
    ['192.0.2.7', 'sip:192.0.2.7'],
    ['tel:+1-555-0100', 'tel:+15550100'],
    ['tel:+1-555-0100;phone-context=+1;npdi', 'tel:+15550100'],
    ['tel:+15550100;ext=2-2', 'tel:+15550100;ext=22'],
    ['tel:0100;phone-context=Example.COM', 'tel:0100;phone-context=example.com'],
    ['tel:0100;phone-context=+1-555', 'tel:0100;phone-context=+1555'],
    ['tel:0100', 'tel:0100'],
    ['sip:+1-555-0100@127.0.0.1;user=phone', 'tel:+15550100'],
    ['sip:+15550100@LOCALHOST;USER=Phone', 'tel:+15550100'],
    ['sip:+15550100;ext=22@localhost;user=phone', 'tel:+15550100;ext=22'],
    ['sip:0100;phone-context=+1555@localhost;user=phone', 'tel:0100;phone-context=+1555'],
    ['sip:0100@localhost;user=phone', 'sip:0100@localhost'],
    ['sip:bob@localhost;user=phone', 'sip:bob@localhost'],
    ['sip:+15550100@elsewhere.example;user=phone', 'sip:+15550100@elsewhere.example'],
  ] as const) {
    t.is(deviceKey(text, home), key, text)
    t.is(deviceKey(key, home), key, key)
    t.is(canonical(parseUri(key)!), key)
  }
})

test('what a user of ours and a number or an address have in common', (t) => {
  const same = (a: string, b: string): boolean => isNameOf(deviceKey(a, home)!, { id: deviceKey(b, home)! }, home)
  for (const [a, b] of [
    ['tel:+15550100', 'sip:+1-555-0100@localhost;user=phone'],
    ['sip:+15550100@localhost', 'tel:+15550100'],
    ['tel:+15550100', 'sip:+15550100@localhost'],
    ['sip:+1-555.0100@localhost', 'tel:+15550100'],
    ['sip:192.0.2.7@localhost', '192.0.2.7'],
    ['sip:2001%3Adb8%3A%3A9@localhost', '2001:db8::9'],
  ] as const)
    t.true(same(a, b), `${a} ${b}`)
  for (const [a, b] of [
    ['tel:0100', 'sip:0100@localhost'],
    ['tel:0100;phone-context=+1', 'tel:0100;phone-context=+2'],
    ['tel:0100;phone-context=+1', 'tel:0100'],
    ['tel:+15550100', 'tel:+15550100;ext=1'],
    ['sip:+15550100;1@localhost', 'tel:+15550100'],
    ['tel:+15550100', 'sip:+15550100@elsewhere.example'],
    ['sip:bob@localhost', 'sip:bobby@localhost'],
  ] as const)
    t.false(same(a, b), `${a} ${b}`)
})

test('a telephone number has a digit', (t) => {
  for (const text of ['tel:-', 'tel:.', 'tel:()', 'tel:+', 'tel:-;x=1']) t.is(deviceKey(text, home), undefined, text)
  t.is(deviceKey('tel:(0)-7;phone-context=+49', home), 'tel:07;phone-context=+49')
})

test('whatever may be provisioned can be read by who is told of it', async (t) => {
  const { hss } = await cached({})
  const piece = fc.constantFrom(
    'sip:',
    'tel:',
    'sips:',
    '+49',
    '2001:db8::',
    '1',
    '.7',
    '@localhost',
    '@x.example',
    '[',
    ']',
    ';',
    'ü',
  )
  const text = fc.oneof(
    fc.ipV6(),
    fc.ipV4(),
    fc.ipV6().map((address) => `sip:[${address}]`),
    fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 6 }).map((parts) => parts.join('')),
    fc.integer({ min: 240, max: 260 }).map((length) => 'x'.repeat(length)),
  )
  await fc.assert(
    fc.asyncProperty(text, text, async (alias, friend) => {
      const settings = { id: 'zoe', permissions: all, aliases: [alias], friends: [friend] }
      const [outcome] = await hss.provision([{ do: 'put', settings }])
      if (outcome!.fault !== undefined) return
      t.is(faultOf('subscriber', outcome!.record), undefined)
      for (const key of [...outcome!.record.aliases!, ...outcome!.record.aliases!.flatMap((each) => otherKeys(each, home))])
        t.is(hss.get(key)?.id, 'sip:zoe@localhost', key)
    }),
    { numRuns: 300 },
  )
})

test('addresses identify subscribers, everywhere', async (t) => {
  const { hss, find } = await cached({ subscribers: [{ id: 'bob', permissions: all, aliases: ['192.0.2.7'] }] })
  await hss.set({ id: 'zoe', permissions: all, aliases: ['2001:db8::9'] })
  for (const text of ['zoe', '2001:db8::9', 'sip:[2001:DB8::9]', 'sip:2001:db8::9'].map((each) =>
    each === 'zoe' ? 'sip:zoe@localhost' : each,
  ))
    t.is((await find(text))?.id, 'sip:zoe@localhost', text)
  t.is((await find('sip:192.0.2.7'))?.id, 'sip:bob@localhost')
  t.is(await find('2001:db8::8'), undefined)
  t.is(await find(`sip:${'x'.repeat(300)}@localhost`), undefined, 'nobody, and no fault')
})

test('a record that an earlier version stored hides no other: what of it can be read is told', async (t) => {
  const { network, hss, heard, find } = await cached({ subscribers: [{ id: 'bob', permissions: all }] })
  await hss.set({ id: 'zoe', permissions: all })
  await find('sip:zoe@localhost')
  const zoe = {
    id: 'sip:zoe@localhost',
    aliases: ['sip:2001:db8::9', 'no key'],
    friends: ['not any more', 'sip:bob@localhost'],
    watchers: { block: ['<>'] },
    permissions: all,
  }
  await network.store.write([{ key: 'hss/hss/subscriber/sip:zoe@localhost', value: zoe }])
  await hss.provision([
    { do: 'patch', id: 'zoe', patch: { permissions: none } },
    { do: 'patch', id: 'bob', patch: { permissions: none } },
  ])
  await network.clock.advance(10)
  t.deepEqual((await find('sip:zoe@localhost'))?.friends, ['sip:bob@localhost'])
  t.deepEqual((await find('sip:bob@localhost'))?.permissions, none)
  t.deepEqual(heard.at(-1)?.[1]?.permissions, none)
  t.true(network.metric('hss', 'records_unreadable') > 0)
})

/** An HSS that says what it is told to. */
async function saying() {
  const network = new ElementNetwork()
  const notifiers = new Set<Notifier>()
  let body: object = { version: 1 }
  let answer: (device: string) => object = () => ({ version: 1, records: [] })
  const hss: Element = {
    name: 'hss',
    claims: [{ method: 'SUBSCRIBE' }],
    packages: [
      {
        name: 'subscription-data',
        types: ['application/vnd.proxima.subscription-data+json'],
        expires: { usual: 3600, max: 3600 },
        render: (state) => json('subscription-data', state as object),
      },
    ],
    handle(exchange) {
      const { request } = exchange
      const asked = request.body.length === 0 ? undefined : (JSON.parse(request.body.toString()) as { device: string }).device
      const state = asked === undefined ? body : answer(asked)
      const begun = (one: Notifier): void => void notifiers.add(one)
      exchange.accept({ package: 'subscription-data', resource: '', state, begun })
    },
  }
  await network.add(hss)
  let subscribers!: Subscribers
  const heard: [string, boolean | undefined][] = []
  await network.add({
    name: 'prose',
    claims: [],
    start(host) {
      subscribers = new Subscribers(host)
      subscribers.onChange((id, record) => heard.push([id, record?.permissions.discoverer]))
      subscribers.start()
    },
    handle: () => undefined,
  } as Element)
  return {
    subscribers,
    heard,
    network,
    answers: (by: typeof answer) => {
      answer = by
    },
    async tells(data: object): Promise<void> {
      body = data
      for (const notifier of notifiers) notifier.notify(data)
      await network.clock.advance(10)
    },
  }
}
const record = (name: string, permissions = all): SubscriberRecord => ({ id: `sip:${name}@localhost`, permissions })

test('one record of a batch that cannot be read: the others hold, and whose it is has no permission', async (t) => {
  const { subscribers, heard, answers, tells, network } = await saying()
  answers((device) => ({ version: 1, records: [{ id: device, permissions: all }] }))
  for (const name of ['bob', 'zoe']) {
    const found = subscribers.of(`sip:${name}@localhost`)
    await network.clock.advance(10)
    t.truthy(await found)
  }
  const records = [{ ...record('zoe'), aliases: ['<no key>'] }, record('bob', none)]
  await tells({ version: 2, since: 1, records, removed: [] } satisfies SubscriptionData)
  t.deepEqual(Object.fromEntries(heard), { 'sip:bob@localhost': false, 'sip:zoe@localhost': undefined })
  t.deepEqual((await subscribers.of('sip:bob@localhost'))?.permissions, none)
  t.is(network.metric('prose', 'feeds_unreadable'), 1)
})

test('a feed that cannot be read at all: nothing counts as known, and all is asked anew', async (t) => {
  const { subscribers, heard, answers, tells, network } = await saying()
  answers((device) => ({ version: 1, records: [{ id: device, permissions: all }] }))
  const found = subscribers.of('sip:bob@localhost')
  await network.clock.advance(10)
  t.truthy(await found)
  answers((device) => ({ version: 2, records: [{ id: device, permissions: none }] }))
  for (const data of [{ version: 'x' }, { version: 2, since: 1, records: [7] }, { version: 2, records: {} }]) {
    heard.length = 0
    await tells(data)
    t.deepEqual((await subscribers.of('sip:bob@localhost'))?.permissions, none, JSON.stringify(data))
  }
})

test('an answer that cannot be read is no permission: not for who asks, nor for who had one', async (t) => {
  const { subscribers, heard, answers, tells, network } = await saying()
  answers((device) => ({ version: 1, records: [{ id: device, permissions: all }] }))
  const found = subscribers.of('sip:bob@localhost')
  await network.clock.advance(10)
  t.truthy(await found)
  answers((device) => ({ version: 2, records: [{ id: device, permissions: 'all of them' }] }))
  await tells({ version: 2 })
  t.deepEqual(heard, [['sip:bob@localhost', undefined]])
  const failed = Promise.resolve(subscribers.of('sip:bob@localhost')).catch((fault: unknown) => fault)
  await network.clock.advance(10)
  t.true((await failed) instanceof LookupFailed)
})
