/** Calls to whom has blocked the caller (SPEC §5.7, §6.1): by address, alias, identifier and GRUU. */
import test from 'ava'
import { PhonesScene, subscriber } from './phones-scene.ts'

const bobs = 'sip:bob@localhost'
const instance = 'urn:uuid:00000000-0000-4000-8000-000000000001'

async function open(t: Parameters<typeof PhonesScene.open>[0], block: readonly string[]) {
  const scene = await PhonesScene.open(t, { push: { alice: '0b90c5d2e8b9f604' } })
  await scene.hss.set({ ...subscriber('bob'), aliases: ['tel:+4930222'], watchers: { block } })
  const [alice, bob, eve] = [await scene.phone('UDP'), await scene.phone('UDP'), await scene.phone('UDP')]
  for (const [name, phone] of Object.entries({ alice, eve })) await phone.register(name, `<sip:${name}@${phone.at}>`)
  const contact = `<sip:bob@${bob.at}>;+sip.instance="<${instance}>"`
  const registered = await bob.register('bob', contact, ['Supported: gruu'])
  bob.onRequest = (request) => {
    if (request.method !== 'ACK') bob.answer(request, 486)
  }
  const rung = (): number => bob.requests.filter(({ method }) => method === 'INVITE').length
  return { alice, bob, eve, registered, rung, scene }
}

test('who is blocked gets 403, by whatever name he calls; others ring', async (t) => {
  const { alice, eve, registered, rung } = await open(t, ['sip:alice@localhost'])
  const temporary = /temp-gruu="([^"]+)"/.exec(registered.text('Contact') ?? '')?.[1]
  t.truthy(temporary)
  for (const name of [bobs, 'tel:+4930222', 'sip:+4930222@localhost', `${bobs};gr=${instance}`, temporary!]) {
    const answer = await alice.as('alice', 'INVITE', name)
    t.is(answer.status, 403, name)
    t.regex(answer.text('Warning') ?? '', /blocked/)
  }
  t.is(rung(), 0)
  t.is((await alice.as('alice', 'INVITE', bobs, { lines: ['Privacy: id'] })).status, 403)
  t.is((await eve.as('eve', 'INVITE', bobs)).status, 486)
  t.is(rung(), 1)
})

test('who is blocked by his Push identifier does not ring either; a list may change at any time', async (t) => {
  const { alice, rung, scene } = await open(t, ['sip:0b90c5d2e8b9f604@push.localhost'])
  t.is((await alice.as('alice', 'INVITE', bobs)).status, 403)
  t.is(rung(), 0)
  await scene.hss.set({ ...subscriber('bob'), watchers: { block: [] } })
  await scene.clock.advance(1000)
  t.is((await alice.as('alice', 'INVITE', bobs)).status, 486)
})
