/** What no datagram carries: one subscriber is not provisioned so long, and many changes are told in parts (SPEC §6.1). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { loadDialplan } from '../../../dialplans/network/load.ts'
import { createHss } from '../../../elements/hss/index.ts'
import { createProse } from '../../../elements/prose/index.ts'
import type { Json } from '../../../signalling/index.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { PhonesScene, subscriber } from '../proxy/phones-scene.ts'

const may = { discoverable: true, discoverer: true }
const mayNot = { discoverable: false, discoverer: false }
const friends = (count: number, of = '') =>
  Array.from({ length: count }, (_, i) => `sip:friend-number-${String(i).padStart(6, '0')}${of}@localhost`)

test('a subscriber that elements could not be told is refused, whole or patched, and works as before', async (t) => {
  const scene = await PhonesScene.open(t)
  const phone = await scene.phone('UDP')
  const [put, patch, many] = await scene.hss.provision([
    { do: 'put', settings: { id: 'zoe', permissions: may, friends: friends(2500) } },
    { do: 'patch', id: 'bob', patch: { friends: friends(2500), permissions: mayNot, password: 'another' } },
    { do: 'put', settings: { ...subscriber('eve'), friends: friends(1000) } },
  ])
  for (const { fault } of [put!, patch!]) {
    t.like(fault, { kind: 'malformed', pointer: '/friends' })
    t.regex(fault!.text, /^makes the subscriber \d{5,6} bytes long; expected at most 48000/)
  }
  t.is(scene.hss.held('zoe'), undefined)
  t.is((await phone.register('bob', `<sip:bob@${phone.at}>`)).status, 200)
  t.like(many, { done: 'changed' })
  t.is((await phone.register('eve', `<sip:eve@${phone.at}>`)).status, 200, 'what is taken can be told')
  const aliases = await scene.hss.provision([
    { do: 'put', settings: { id: 'zoe', permissions: may, password: 'x', aliases: friends(400) } },
  ])
  t.like(aliases[0]!.fault, { pointer: '/aliases' }, 'with what the password makes of each alias')
  await t.throwsAsync(scene.hss.set({ ...subscriber('bob'), friends: friends(2500) }), {
    message: /friends makes the subscriber/,
  })
})

test('of one who was stored longer before permissions change all the same; what else may be done is said', async (t) => {
  const network = new ElementNetwork()
  const hss = createHss('hss', {})
  await network.add(hss)
  await hss.set({ id: 'zoe', permissions: may })
  const zoe = { ...hss.held('zoe')!, friends: friends(2500) }
  await network.store.write([{ key: 'hss/hss/subscriber/sip:zoe@localhost', value: JSON.parse(JSON.stringify(zoe)) as Json }])
  const patch = async (change: object) => (await hss.provision([{ do: 'patch', id: 'zoe', patch: change }]))[0]!
  t.like(await patch({ permissions: mayNot }), { done: 'changed', members: ['permissions'] })
  const { fault } = await patch({ friends: friends(2600) })
  t.is(fault?.pointer, '/friends')
  t.regex(fault!.text, /expected at most 48000 .*: shorten \/friends or remove the subscriber/)
  t.like(await patch({ friends: friends(100) }), { done: 'changed' })
})

for (const place of ['first', 'last'])
  test(`of a batch that is longer than a datagram the ${place} takes effect at once`, async (t) => {
    const scene = await PhonesScene.open(t, { others: [createProse('prose', {})] })
    const [bob, eve] = [await scene.phone('UDP'), await scene.phone('UDP')]
    await bob.register('bob', `<sip:bob@${bob.at}>`)
    await eve.register('eve', `<sip:eve@${eve.at}>`)
    const subscribe = { lines: ['Event: prose', 'Expires: 600', `Contact: <sip:bob@${bob.at}>`] }
    t.is((await bob.as('bob', 'SUBSCRIBE', 'sip:prose@localhost', subscribe)).status, 200)
    const settings = Array.from({ length: 90 }, (_, i) => ({ ...subscriber(`m${i}`), friends: friends(40, `-of-${i}`) }))
    const batch = settings.map((each) => ({ do: 'put', settings: each }) as const)
    const withdrawn = { do: 'patch', id: 'bob', patch: { permissions: mayNot } } as const
    await scene.hss.provision(place === 'first' ? [withdrawn, ...batch] : [...batch, withdrawn])
    const since = scene.clock.now()
    await scene.until(() => bob.requests.some((request) => request.text('Subscription-State')?.startsWith('terminated') === true))
    t.true(scene.clock.now() - since <= 1000)
    await scene.hss.provision([{ do: 'patch', id: 'eve', patch: { permissions: mayNot } }])
    const asked = { lines: ['Event: prose', 'Expires: 600', `Contact: <sip:eve@${eve.at}>`] }
    await scene.clock.advance(1000)
    t.is((await eve.as('eve', 'SUBSCRIBE', 'sip:prose@localhost', asked)).status, 403, 'so does what is changed later')
    t.is((await eve.register('m89', `<sip:eve@${eve.at}>`)).status, 200)
  })

test('a dialplan with such a subscriber has a fault: the file, the member and the bound', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hss-length-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const long = join(folder, 'subscribers.json')
  writeFileSync(long, JSON.stringify([{ id: 'zoe', permissions: may, friends: friends(2500) }]))
  const plan = join(folder, 'plan.yaml')
  writeFileSync(
    plan,
    `name: lab\ndomains: [localhost]\nlisten: [udp://127.0.0.1:5060]\nelements:\n  hss: { role: hss, provisioning: ${long} }\n`,
  )
  const [fault] = loadDialplan(plan).faults ?? []
  t.like(fault, { file: long, line: 1, expected: 'at most 48000 with all that it has' })
  t.regex(fault!.text, /^friends makes the subscriber \d+ bytes long$/)
})
