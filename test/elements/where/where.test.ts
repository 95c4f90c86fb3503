/** Text commands (SPEC §8.8): who is answered what, what is changed by whom, and what is refused. */
import test from 'ava'
import { createWhere } from '../../../elements/where/index.ts'
import type { Element } from '../../../signalling/index.ts'
import { CoreScene } from '../core-network/scene.ts'
import { PhonesScene } from '../proxy/phones-scene.ts'

const [alice, bob] = ['sip:alice@home.example', 'sip:bob@home.example']
const where = 'sip:where@home.example'
const plain = (body: string) => ({ type: 'text/plain; charset=utf-8', body })

const open = (...others: readonly Element[]): Promise<CoreScene> =>
  CoreScene.open(undefined, createWhere('where', { gmlc: 'gmlc' }), ...others)

/** The answer to a text; undefined: none came within so many seconds. */
async function says(scene: CoreScene, sender: string, text: string, seconds = 2): Promise<string | undefined> {
  const callId = `say-${scene.ues.got.length}-${text.length}-${Math.round(scene.lab.clock.now())}`
  const { status } = await scene.send(where, plain(text), sender, { callId })
  if (status !== 202) return `${status}`
  await scene.pass(seconds)
  return scene.ues.got.find(({ inReplyTo, to }) => inReplyTo === callId && to === sender)?.body as string | undefined
}

test('V34: where is NAME: as exact as its rules say, by name or address, in any spelling', async (t) => {
  const scene = await open()
  for (const text of ['where is alice', ' Where  IS\nalice ?', 'where is alice@home.example', 'where is sip:alice@home.example'])
    t.regex((await says(scene, bob, text)) ?? '', /^alice: 52\.\d{4} N 13\.\d{4} E, ±1\.3 km\. geo:52\.\d+,13\.\d+;u=1300$/, text)
  t.like(scene.ues.bodies('privacy-notice')[0], { requestor: bob, client: 'where' })
})

test('V34: who is hidden, who is unknown, who is elsewhere, and what is no name: the same words', async (t) => {
  const scene = await open()
  const answer = await says(scene, alice, 'where is bob')
  t.is(answer, 'bob does not tell you, or nobody is called so.')
  for (const name of ['nobody', 'nobody@elsewhere.example', 'tel:+49301111', 'müller', 'x@y@', '+49301111'])
    t.regex((await says(scene, alice, `where is ${name}`)) ?? '', / does not tell you, or nobody is called so\.$/, name)
  t.deepEqual(scene.lab.errors, [])
})

test('V34: hide and show change the sender’s rules alone, and a codeword stays what it was', async (t) => {
  const scene = await open()
  t.regex((await says(scene, alice, 'hide from bob')) ?? '', /^Done \d\d:\d\d:\d\d\.\d{3}: bob sees nothing\.$/)
  t.regex((await says(scene, bob, 'where is alice')) ?? '', /^alice does not tell you/)
  t.is(await says(scene, alice, 'who'), 'May: everybody but bob, +4930222 (exactly, with a codeword).')
  const worded = await scene.locate('carol', alice, { codeword: 'Apfelbaum' })
  await scene.pass(1)
  t.regex(worded.notified[0]!.body, /gs:Circle/)
  const without = await scene.locate('carol', alice, {})
  await scene.pass(1)
  t.is(without.notified[0]!.state, 'terminated;reason=rejected')
  t.regex((await says(scene, alice, 'show me to bob 10 km')) ?? '', /^Done .*: bob sees you to 10 km\.$/)
  t.regex((await says(scene, bob, 'where is alice')) ?? '', /±11 km/)
  t.regex(
    (await says(scene, alice, 'show me to me exactly')) ?? '',
    /^Done .*: you see you exactly\.$|^Done .*: you see yourself/,
  )
  t.regex((await says(scene, alice, 'where am I')) ?? '', /^52\.\d{4} N 13\.\d{4} E, ±\d+ m\. geo:/)
  await scene.restart()
  t.regex((await says(scene, bob, 'where is alice')) ?? '', /±11 km/)
  t.regex((await says(scene, alice, 'hide from all')) ?? '', /^Done .*: nobody sees anything\.$/)
  t.regex((await says(scene, alice, 'where am I')) ?? '', /show me to me exactly$/)
})

test('V34: show until a time: the next such one, UTC; then nothing is told any more', async (t) => {
  const scene = await open()
  const in2 = new Date(scene.lab.clock.date() + 120_000).toISOString().slice(11, 16)
  const shown = await says(scene, alice, `show me to bob 10 km until ${in2}`)
  t.regex(shown ?? '', new RegExp(`^Done .*: bob sees you to 10 km, until ${in2} UTC\\.$`))
  t.regex((await says(scene, bob, 'where is alice')) ?? '', /±11 km/)
  await scene.pass(150)
  t.regex((await says(scene, bob, 'where is alice')) ?? '', /^alice does not tell you/)
  t.regex((await says(scene, alice, `show me to bob until ${in2}`)) ?? '', /^Done .*: bob sees you to 1 km, until /) // of tomorrow
  t.regex((await says(scene, bob, 'where is alice')) ?? '', /±1\.3 km/)
  t.regex((await says(scene, alice, 'show me to bob until noon')) ?? '', /^where am I; /)
})

test('V34: stop N: the number is that of the last who, whatever has ended since', async (t) => {
  const scene = await open()
  t.regex((await says(scene, alice, 'stop 1')) ?? '', /^Not done: there is no number 1; send who/)
  await says(scene, alice, 'show me to carol 1 km')
  for (const user of ['bob', 'carol', 'bob']) await scene.locate(user, alice, { type: 'at', time: '2027-01-01T00:00:00Z' }, 3600)
  const [one, two, three] = ['1 bob', '2 carol', '3 bob'].map((name) => `${name} (once, at a set time)`)
  t.true((await says(scene, alice, 'who'))?.endsWith(`Waiting to be told: ${one}, ${two}, ${three}. To end the first: stop 1.`))
  t.regex((await says(scene, alice, 'stop 1')) ?? '', /^Done .*: the request of bob \(once, at a set time\) has ended\.$/)
  t.regex((await says(scene, alice, 'stop 2')) ?? '', /^Done .*: the request of carol /)
  t.true(
    (await says(scene, alice, 'who'))?.endsWith('Waiting to be told: 1 bob (once, at a set time). To end the first: stop 1.'),
  )
  t.regex((await says(scene, bob, 'stop 1')) ?? '', /^Not done: there is no number 1; send who/)
})

test('V34: who is hidden by one of his numbers is hidden by all his names', async (t) => {
  const scene = await open()
  await says(scene, alice, 'show me to bob exactly')
  t.regex((await says(scene, alice, 'hide from +49-30-222')) ?? '', /^Done .*: \+4930222 sees nothing\.$/)
  t.regex((await says(scene, bob, 'where is alice')) ?? '', /^alice does not tell you/)
})

test('V34: a profile that somebody else has changed meanwhile is read again, and neither change is lost', async (t) => {
  const scene = await open()
  const rule = { id: 'carol', who: { one: ['sip:carol@home.example'] }, mode: 'allow' as const, precision: 1000 }
  scene.store.holds = true
  await t.throwsAsync(scene.message('sip:ppr@home.example', 'privacy-profile', { rules: [rule] }, alice), {
    message: /not answered/,
  })
  await t.throwsAsync(scene.send(where, plain('show me to bob exactly'), alice, { callId: 'mine' }), { message: /not answered/ })
  for (const { end, writes } of [...scene.store.waiting]) if (writes[0]!.key.startsWith('where/')) end()
  await scene.pass(1) // it has read the version in force, and sent the next
  scene.store.release()
  await scene.pass(1)
  t.is(scene.metric('gmlc_profiles_refused_total'), 1)
  t.regex(String(scene.ues.got.find(({ inReplyTo }) => inReplyTo === 'mine')?.body), /^Done .*: bob sees you exactly\.$/)
  t.is(await says(scene, alice, 'who'), 'May: carol (1 km), bob (exactly).')
})

test('V34: a change that has got 202 is carried out by the next process', async (t) => {
  const scene = await open()
  const change = { callId: 'hide', cseq: 1, number: 9, sender: alice, target: alice, text: 'show me to bob 100 km' }
  await scene.store.write([{ key: `where/where/change/${encodeURIComponent(`${alice} hide 1`)}`, value: change }])
  await scene.restart()
  await scene.pass(1)
  t.regex(String(scene.ues.got.find(({ inReplyTo }) => inReplyTo === 'hide')?.body), /^Done .*: bob sees you to 100 km\.$/)
  t.regex((await says(scene, bob, 'where is alice')) ?? '', /±110 km/)
  const left: string[] = []
  for await (const [key] of scene.store.scan('where/')) left.push(key)
  t.deepEqual(left, [])
})

test('V34: no answer of the register: it is asked again, and the sender is told in the end', async (t) => {
  const scene = await open()
  scene.gmlc = { speakers: [] }
  await scene.restart()
  t.regex((await says(scene, alice, 'hide from bob')) ?? '', /^Not done: 403 /)
  t.regex((await says(scene, alice, 'who')) ?? '', /^No answer now \(403 .*\)\. Ask again later\.$/)
  t.regex((await says(scene, bob, 'where is alice')) ?? '', /^alice: /)
})

test('L21: multi-byte names, as they are and escaped', async (t) => {
  const scene = await open()
  t.regex((await says(scene, alice, 'show me to ju\u0308rgen 1 km')) ?? '', /: jürgen sees you to 1 km\.$/)
  for (const spelled of ['sip:jürgen@home.example', 'sip:j%C3%BCrgen@home.example']) {
    await scene.send(where, plain('where is alice'), spelled, { callId: spelled.slice(4, 12) })
    await scene.pass(2)
    t.regex(String(scene.ues.got.find(({ inReplyTo }) => inReplyTo === spelled.slice(4, 12))?.body), /^alice: 52/, spelled)
  }
  t.is(
    await says(scene, alice, 'who'),
    'May: bob (1 km, tells you), everybody but jürgen (exactly, with a codeword), jürgen (1 km). Told today (UTC): jürgen 2 times, last 00:00.',
  )
  t.regex((await says(scene, alice, 'hide from jürgen')) ?? '', /: jürgen sees nothing\.$/)
  t.is(await says(scene, 'sip:jürgen@home.example', 'where is alice'), 'alice does not tell you, or nobody is called so.')
})

test('L21: ten at once and two a second of a sender, 1,000 a second get 503; another is served', async (t) => {
  const scene = await open()
  const statuses: number[] = []
  for (let time = 0; time < 100; time++) statuses.push((await scene.send(where, plain('help'), bob)).status)
  t.true(statuses.slice(0, 10).every((status) => status === 202))
  t.true(statuses.slice(15).every((status) => status === 503))
  const refused = await scene.send(where, plain('help'), bob)
  t.true(Number(refused.text('Retry-After')) > 0)
  t.regex((await says(scene, alice, 'help')) ?? '', /^where am I; /)
  await scene.pass(10)
  t.is((await scene.send(where, plain('help'), bob)).status, 202)
})

test('L21: 403 to whom nobody vouches for, and to who is no user; a profile is read for speakers and its target alone', async (t) => {
  const scene = await open()
  t.is((await scene.send(where, plain('where am I'), undefined)).status, 403)
  t.is((await scene.send(where, plain('where am I'), 'sip:carol@home.example')).status, 403)
  t.is((await scene.send(where, { type: 'application/im-iscomposing+xml', body: '<x/>' }, alice)).status, 415)
  const named = { target: alice, rules: [] }
  t.is((await scene.message('sip:ppr@home.example', 'privacy-profile', named, bob)).status, 403)
  t.is((await scene.message('sip:ppr@home.example', 'privacy-profile', named, 'sip:maps@home.example')).status, 403)
  const seal = { rules: [{ id: 'x', sealed: 'A'.repeat(43), mode: 'allow' as const, precision: 100 }] }
  t.is((await scene.message('sip:ppr@home.example', 'privacy-profile', seal, alice)).status, 400)
  t.regex((await says(scene, bob, 'where is alice')) ?? '', /^alice: /)
})

test('L21: another’s name in From is refused at the proxy, 403', async (t) => {
  const got: string[] = []
  const played: Element = {
    name: 'where',
    claims: createWhere('where', {}).claims,
    handle: (exchange) => {
      got.push(exchange.asserted?.uri.text ?? '')
      exchange.reply(202)
    },
  }
  const scene = await PhonesScene.open(t, { others: [played] })
  const phone = await scene.phone('TCP')
  t.is((await phone.register('alice', `<sip:alice@${phone.at};transport=TCP>`)).status, 200)
  const text = { lines: ['Content-Type: text/plain'], body: 'hide from all' }
  t.is((await phone.as('alice', 'MESSAGE', 'sip:where@localhost', { ...text, from: 'sip:bob@localhost' })).status, 403)
  t.is((await phone.as('alice', 'MESSAGE', 'sip:where@localhost', text)).status, 202)
  t.deepEqual(got, ['sip:alice@localhost'])
})

test('L5: neither places, names nor commands are in the log', async (t) => {
  const scene = await open()
  for (const text of ['where is alice', 'hide from jürgen', 'who']) await says(scene, bob, text)
  t.notRegex(JSON.stringify([scene.lab.lines, scene.lab.errors]), /52\.5|13\.4|jürgen|where is/)
})
