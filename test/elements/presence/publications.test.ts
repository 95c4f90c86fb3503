/** Publications last no longer than the credentials, and the subscriber, that they came by (SPEC §2.5). */
import test, { type ExecutionContext } from 'ava'
import { createPresence, type PresenceSettings } from '../../../elements/presence/index.ts'
import { memoryStore, type Store } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { type Phone, PhonesScene, subscriber } from '../proxy/phones-scene.ts'

const bob = 'sip:bob@localhost'
const document = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${bob}"><tuple id="a"><status><basic>open</basic></status><note>old</note></tuple></presence>`

async function open(t: ExecutionContext, settings: PresenceSettings, store?: Store, clock?: ManualClock, passwords = {}) {
  const scene = await PhonesScene.open(t, {
    others: [createPresence('presence', settings)],
    passwords,
    ...(store === undefined ? {} : { store }),
    ...(clock === undefined ? {} : { clock }),
  })
  const phones = { alice: await scene.phone('UDP'), bob: await scene.phone('UDP') }
  await phones.alice.register('alice', `<sip:alice@${phones.alice.at}>`)
  await phones.bob.register('bob', `<sip:bob@${phones.bob.at}>`)
  return { scene, ...phones }
}
const publish = (phone: Phone, password?: string) =>
  phone.as(
    'bob',
    'PUBLISH',
    bob,
    { lines: ['Event: presence', 'Content-Type: application/pidf+xml', 'Expires: 3000'], body: document },
    password,
  )
const watch = (phone: Phone, expires: number) =>
  phone.as('alice', 'SUBSCRIBE', bob, {
    lines: ['Event: presence', `Expires: ${expires}`, `Contact: <sip:alice@${phone.at}>`],
  })
/** What the phone was told last. */
const shownTo = (phone: Phone): string =>
  phone.requests.flatMap((request) => (request.method === 'NOTIFY' ? [request.body.toString()] : [])).at(-1) ?? ''
async function fetched(scene: PhonesScene, phone: Phone): Promise<string> {
  phone.clear()
  await watch(phone, 0)
  await scene.until(() => shownTo(phone) !== '')
  return shownTo(phone)
}

for (const settings of [{}, { watchers: 'everybody' }] as const) {
  const mode = settings.watchers ?? 'nobody’s rules'
  test(`with another password, watchers see it end, and then what is published anew: ${mode}`, async (t) => {
    const { scene, alice, bob: phone } = await open(t, settings)
    t.is((await publish(phone)).status, 200)
    await watch(alice, 600)
    await scene.until(() => shownTo(alice).includes('old'))
    await scene.hss.set(subscriber('bob', 'another'))
    await scene.until(() => shownTo(alice).includes('closed'))
    t.false(shownTo(alice).includes('old'))
    t.is((await phone.register('bob', `<sip:bob@${phone.at}>`, [], 'another')).status, 200)
    t.is((await publish(phone, 'another')).status, 200)
    await scene.until(() => shownTo(alice).includes('open'))
    await scene.hss.set({ ...subscriber('bob', 'another'), friends: ['alice'] })
    await scene.clock.advance(2000)
    t.true((await fetched(scene, alice)).includes('open'), 'another change of the record ends nothing')
  })
  test(`with their subscriber: who is called so later is not shown with them: ${mode}`, async (t) => {
    const { scene, alice, bob: phone } = await open(t, settings)
    t.is((await publish(phone)).status, 200)
    await watch(alice, 600)
    await scene.until(() => shownTo(alice).includes('old'))
    await scene.hss.remove(bob)
    await scene.until(() => shownTo(alice).includes('closed'))
    await scene.hss.set(subscriber('bob', 'somebody-else'))
    const seen = await fetched(scene, alice)
    t.true(seen.includes('closed'))
    t.false(seen.includes('old'))
  })
  test(`over a restart, while the password changed: ${mode}`, async (t) => {
    const clock = new ManualClock()
    const store = memoryStore(clock)
    const before = await open(t, settings, store, clock)
    t.is((await publish(before.bob)).status, 200)
    await before.scene.node.stop(0)
    const { scene, alice } = await open(t, settings, store, clock, { bob: 'another' })
    await clock.advance(2000)
    t.false((await fetched(scene, alice)).includes('old'))
  })
}
