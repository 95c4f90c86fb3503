/** The MME (SPEC §3.6): temporary identifiers live and die with attachments, and none of them gets beyond it. */
import test from 'ava'
import { createMme } from '../../../elements/mme/index.ts'
import { mediaType } from '../../../elements/schemas/index.ts'
import type { Subscription } from '../../../signalling/index.ts'
import { MmeScene, mmeUri, sip } from './scene.ts'

const prose = sip('prose')
const code = 'ab'.repeat(23)
const heard = { heard: [{ code, at: '2026-01-01T00:00:00Z' }] }

test('an attached UE has a temporary identifier of the form that the dialplan says, until it detaches', async (t) => {
  for (const [form, shape] of [
    ['s-tmsi', /^sip:s-tmsi-7f[0-9a-f]{8}@localhost$/],
    ['p-tmsi', /^sip:p-tmsi-[0-9a-f]{8}@localhost$/],
  ] as const) {
    const scene = await MmeScene.open({ identifier: { form, code: '7f' } })
    const [, attachment] = await scene.attached('alice')
    t.regex(String(attachment.last()['temporary']), shape)
    t.is(attachment.last()['temporary'], scene.temporary('alice'))
    t.is(Date.parse(String(attachment.last()['validUntil'])) > scene.lab.clock.date(), true)
    attachment.subscription.unsubscribe()
    await scene.lab.clock.advance(1000)
    t.is(scene.mme.attached(sip('alice'))?.temporary, undefined)
    await scene.lab.stop()
  }
})

test('two attachments of one device share its identifier; the last to go takes it along', async (t) => {
  const scene = await MmeScene.open()
  const [alice, first] = await scene.attached('alice')
  const second = await scene.ask(alice, mmeUri, 'attach', { device: scene.temporary('alice') }, { through: false })
  t.is(second.last()['temporary'], first.last()['temporary'])
  first.subscription.unsubscribe()
  await scene.lab.clock.advance(1000)
  t.is(second.last()['temporary'], scene.temporary('alice'))
  second.subscription.unsubscribe()
  await scene.lab.clock.advance(1000)
  t.is(scene.mme.attached(sip('alice'))?.temporary, undefined)
})

test('an attachment that its UE has given up keeps it attached no longer than until it attaches anew', async (t) => {
  const scene = await MmeScene.open()
  const [alice, first] = await scene.attached('alice')
  const given = first.subscription as Subscription & { drop(): void }
  given.drop() // as after a refresh that was refused with 480: without a word
  alice.answer = (exchange) => exchange.reply(481)
  const second = await scene.ask(alice, mmeUri, 'attach', undefined, { through: false })
  t.is(second.last()['temporary'], scene.temporary('alice'))
  second.subscription.unsubscribe()
  await scene.lab.clock.advance(1000)
  t.is(scene.mme.attached(sip('alice'))?.temporary, undefined)
})

test('nobody attaches as somebody else', async (t) => {
  const scene = await MmeScene.open()
  await scene.attached('bob')
  const alice = await scene.ue('alice')
  for (const device of [sip('bob'), scene.temporary('bob'), 'sip:s-tmsi-01aaaaaaaa@localhost']) {
    t.is((await scene.ask(alice, mmeUri, 'attach', { device }, { through: false })).status, 403, device)
  }
  t.is((await scene.ask(alice, mmeUri, 'attach', '{', { through: false })).status, 400)
})

test('identifiers are replaced in time; the old one counts for the grace period, the one before it no more', async (t) => {
  const scene = await MmeScene.open({ identifier: { lifetime: 80, grace: 20 } })
  const [alice, attachment] = await scene.attached('alice')
  const seen = [scene.temporary('alice')]
  const works = async (device: string): Promise<boolean> =>
    (await scene.ask(alice, prose, 'proximity', { device }, { expires: 0 })).status !== 403
  for (const byHand of [false, false, true, false]) {
    if (byHand) await scene.mme.reallocate(sip('alice'))
    for (let s = 0; s < 80 && scene.temporary('alice') === seen.at(-1); s++) await scene.lab.clock.advance(1000)
    await scene.lab.clock.advance(1000)
    const [now, old, older] = [scene.temporary('alice'), seen.at(-1)!, seen.at(-2)]
    t.false(seen.includes(now))
    t.is(attachment.last()['temporary'], now)
    t.true(await works(now))
    t.true(await works(old))
    if (older !== undefined) t.false(await works(older))
    await scene.lab.clock.advance(20_000)
    t.false(await works(old))
    t.true(await works(now))
    seen.push(now)
  }
  t.false(await scene.mme.reallocate(sip('bob')))
})

test('a store that fails costs nobody his identifier, and gives none that a restart would forget', async (t) => {
  const scene = await MmeScene.open({ identifier: { lifetime: 80, grace: 20 } })
  const [alice] = await scene.attached('alice')
  const device = scene.temporary('alice')
  const bob = await scene.ue('bob')
  scene.full = true
  await t.throwsAsync(scene.mme.reallocate(sip('alice')))
  await scene.lab.clock.advance(120_000)
  t.is(scene.temporary('alice'), device)
  const refused = await scene.ask(bob, mmeUri, 'attach', undefined, { through: false, expires: 600 })
  t.is(refused.notifications.length, 0)
  t.is(scene.mme.attached(sip('bob'))?.temporary, undefined)
  scene.full = false
  t.deepEqual((await scene.ask(alice, prose, 'prose', { device })).last()['roles'], ['discoverable', 'discoverer'])
  await scene.lab.clock.advance(6000)
  t.not(scene.temporary('alice'), device)
})

test('a standing request outlives many identifiers and is refreshed by the newest', async (t) => {
  const scene = await MmeScene.open({ identifier: { lifetime: 100, grace: 20 } })
  const [alice] = await scene.attached('alice')
  const asked = await scene.ask(alice, prose, 'prose', undefined, {
    body: () => ({ type: mediaType('prose-request'), content: JSON.stringify({ device: scene.temporary('alice') }) }),
  })
  const before = asked.last()
  await scene.lab.clock.advance(3_000_000)
  t.is(asked.status, 0)
  t.true(asked.subscription.live)
  t.not(asked.last()['device'], before['device'])
  asked.subscription.refresh()
  await scene.lab.clock.advance(1000)
  t.is(asked.last()['device'], scene.temporary('alice'))
})

test('no temporary identifier gets beyond the MME, wherever a UE writes it', async (t) => {
  const scene = await MmeScene.open({ check: 'hss' })
  const [alice] = await scene.attached('alice')
  await scene.attached('bob')
  const [own, other] = [scene.temporary('alice'), scene.temporary('bob')]
  const escaped = own.replace('s-tmsi', 's\\u002dtmsi')
  const refused: readonly (object | string)[] = [
    { device: other },
    { device: own, x: { y: [other] } },
    { device: own, [own]: 1 },
    { device: `${own} and more` },
    `{"device":"${other.replace('s-tmsi', 's\\u002dtmsi')}"}`,
    `${'['.repeat(30_000)}"${own}"${']'.repeat(30_000)}`,
    `{"device":"${own}"`,
  ]
  for (const body of refused) {
    const { status } = await scene.ask(alice, prose, 'prose', body, { expires: 0 })
    t.true(status === 403 || status === 400, `${status} ${JSON.stringify(body).slice(0, 80)}`)
  }
  for (const to of [own, other]) t.is((await scene.ask(alice, to, 'proximity', undefined, { expires: 0 })).status, 403)
  t.is((await scene.ask(alice, prose, `proximity;peer="${own}"`, undefined, { expires: 0 })).status, 403)
  t.is(await scene.tell(alice, prose, mediaType('prose-match'), { ...heard, device: other }), 403)
  for (const body of [{ device: own }, `{"device":"${escaped}"}`, { device: own, seen: [own, { own }] }]) {
    const asked = await scene.ask(alice, prose, 'prose', body, { expires: 0 })
    t.is(asked.last()['device'], own, JSON.stringify(body))
  }
  t.is(await scene.tell(alice, prose, mediaType('prose-match'), { ...heard, device: own }), 403) // was granted nothing that stands
  const standing = await scene.ask(alice, prose, 'prose', { device: own })
  t.is(await scene.tell(alice, prose, mediaType('prose-match'), { ...heard, device: own }), 404)
  await scene.mme.reallocate(sip('alice'))
  standing.subscription.refresh()
  await scene.lab.clock.advance(1000)
  standing.subscription.unsubscribe()
  await scene.lab.clock.advance(1000)
  t.true(scene.beyond.length > 20)
  t.deepEqual(
    scene.beyond.filter((text) => /tmsi|u002d/i.test(text)),
    [],
  )
})

test('who acts for another is told of it by its fixed identifier, though both are attached', async (t) => {
  const scene = await MmeScene.open()
  await scene.attached('bob')
  const [alice] = await scene.attached('alice')
  const asked = await scene.ask(alice, prose, 'proximity', { device: sip('bob'), application: 'chess' })
  t.is(asked.status, 0)
  t.is(asked.last()['device'], sip('bob'))
})

test('no ProSe capability: nothing passes, until a refresh says otherwise', async (t) => {
  const scene = await MmeScene.open()
  const [alice, attachment] = await scene.attached('alice', { capabilities: { prose: false } })
  t.is((await scene.ask(alice, prose, 'prose', {})).status, 403)
  t.is(await scene.tell(alice, prose, mediaType('prose-match'), heard), 403)
  attachment.subscription.refresh({ type: mediaType('attach-request'), content: '{"capabilities":{"prose":true}}' })
  await scene.lab.clock.advance(1000)
  t.is((await scene.ask(alice, prose, 'prose', {})).status, 0)
})

test('only what is the proximity service’s passes, and to nobody else', async (t) => {
  const scene = await MmeScene.open()
  const [alice] = await scene.attached('alice')
  const bob = await scene.ue('bob')
  t.is(await scene.tell(alice, sip('bob'), 'text/plain', 'hello'), 403)
  t.is(await scene.tell(alice, prose, mediaType('prose-monitor'), { device: sip('alice') }), 403)
  t.is(await scene.tell(alice, 'sip:prose@10.9.9.9', mediaType('prose-match'), heard), 403)
  t.is(await scene.tell(alice, prose, mediaType('prose-match'), heard, [`<${mmeUri};lr>`, '<sip:10.9.9.9;lr>']), 403)
  const seen = (await scene.ask(bob, prose, 'prose', undefined, { through: false })).notifications.length
  const token = /Record-Route: (<sip:proxy\.[^>]*>)/.exec(scene.beyond.findLast((text) => text.includes('From: <sip:bob@'))!)![1]!
  for (const route of [
    [`<${mmeUri};lr>`, token],
    [token, `<${mmeUri};lr>`],
  ])
    t.true([403, 404].includes(await scene.tell(alice, bob.host.contact, mediaType('prose-match'), heard, route)), route.join())
  t.true(seen > 0)
  const into = alice.host.send({
    method: 'NOTIFY',
    to: `${bob.host.contact}`,
    from: sip('alice'),
    route: ['<sip:10.0.0.1;lr>', `<${mmeUri};lr>`],
    headers: [
      ['Event', 'prose'],
      ['Subscription-State', 'active'],
    ],
  })
  t.is((await scene.lab.during(into)).status, 403)
  t.is(bob.got.length, 0)
})

test('an MME’s word of the HSS is believed from the MME alone', async (t) => {
  const scene = await MmeScene.open()
  const [eve] = await scene.attached('eve')
  for (const route of [[], [`<${mmeUri};lr>`]]) {
    const sent = eve.host.send({
      method: 'SUBSCRIBE',
      to: prose,
      from: sip('eve'),
      route: ['<sip:10.0.0.1;lr>', ...route],
      headers: [
        ['Event', 'prose'],
        ['Contact', `<${eve.host.contact}>`],
        ['P-Prose-Checked', 'discoverable, discoverer'],
      ],
    })
    t.is((await scene.lab.during(sent)).status, 403)
  }
  t.deepEqual(
    scene.beyond.filter((text) => text.includes('P-Prose-Checked')),
    [],
  )
})

test('with the HSS asked here the server asks no more, and a permission withdrawn still counts at once', async (t) => {
  const scene = await MmeScene.open({ check: 'hss' })
  const [alice] = await scene.attached('alice')
  const asked = await scene.ask(alice, prose, 'prose', { device: scene.temporary('alice') })
  t.deepEqual(asked.last()['roles'], ['discoverable', 'discoverer'])
  const fetches = scene.beyond.filter((text) => /^SUBSCRIBE sip:hss@/.test(text) && text.includes('Expires: 0'))
  t.false(fetches.some((text) => /P-Asserted-Identity: <sip:prose@/.test(text)))
  t.true(fetches.some((text) => /P-Asserted-Identity: <sip:mme@/.test(text)))
  await scene.hss.set({ id: sip('alice'), password: 'alice-proxima', permissions: { discoverable: false, discoverer: false } })
  await scene.lab.clock.advance(1000)
  t.false(asked.subscription.live)
  t.is((await scene.ask(alice, prose, 'prose', {})).status, 403)
})

test('who is no subscriber any more is detached', async (t) => {
  const scene = await MmeScene.open()
  const [, attachment] = await scene.attached('alice')
  await scene.hss.remove(sip('alice'))
  await scene.lab.clock.advance(1000)
  t.is(scene.mme.attached(sip('alice'))?.temporary, undefined)
  t.false(attachment.subscription.live)
})

test('the first message of automated registration passes for UEs that can and may, in fixed identifiers', async (t) => {
  const scene = await MmeScene.open()
  const type = mediaType('registration-code-request')
  const capabilities = { prose: true }
  const [alice] = await scene.attached('alice')
  const device = scene.temporary('alice')
  t.is(await scene.tell(alice, prose, type, { device, capabilities }), 202)
  await scene.lab.clock.advance(1000)
  const answer = alice.got.find(({ request }) => request.contentType === mediaType('registration-code'))!.request
  t.regex(answer.body.toString(), /"epuid":"sip:epuid-/)
  const [eve] = await scene.attached('eve')
  t.is(await scene.tell(eve, prose, type, { device: scene.temporary('eve'), capabilities }), 403)
  const [carol] = await scene.attached('carol', { capabilities: { prose: false } })
  t.is(await scene.tell(carol, prose, type, { device: scene.temporary('carol'), capabilities }), 403)
  t.is(await scene.tell(alice, prose, type, { device: scene.temporary('eve'), capabilities }), 403)
})

test('what is addressed to the MME itself goes to its proximity server; all else it does not know', async (t) => {
  const scene = await MmeScene.open()
  const [alice] = await scene.attached('alice')
  const asked = await scene.ask(alice, mmeUri, 'prose', { device: scene.temporary('alice') }, { through: false })
  t.is(asked.last()['device'], scene.temporary('alice'))
  t.is(await scene.tell(alice, mmeUri, 'text/plain', 'hello', []), 415)
  const request = { device: sip('alice'), temporary: scene.temporary('alice'), release: true }
  t.is(await scene.tell(alice, mmeUri, mediaType('mme-context-request'), request, []), 403)
  t.is(await scene.tell(alice, mmeUri, mediaType('mme-context'), { device: sip('alice') }, []), 481)
})

test('settings that contradict each other are refused', (t) => {
  t.throws(() => createMme('mme', { identifier: { lifetime: 10, grace: 6 } }), {
    message: /grace: 6 s is more than half the lifetime of 10 s; expected at most 5 s/,
  })
  t.throws(() => createMme('mme', { expires: { usual: 10, max: 5 } }), {
    message: /expires.usual: 10 s; expected seconds from 1 to max 5/,
  })
})
