/** The border to another operator: no address of a device or an inner node is seen beyond it, and dialogs go on (SPEC §2.6). */
import test, { type ExecutionContext } from 'ava'
import { H, type SipRequest } from '../../../signalling/index.ts'
import { answerChallenge } from '../../../signalling/testing.ts'
import { requestText, type Wire } from '../../support/wire.ts'
import { asPeer, OperatorsScene } from './operators-scene.ts'

const [alice, bob] = ['sip:alice@north.example', 'sip:bob@south.example']
const inner = /10\.0\.1\.\d+/

interface Dialog {
  readonly scene: OperatorsScene
  readonly a: Wire
  readonly b: Wire
  /** What bob's telephone got. */
  readonly invite: SipRequest
}

/** A call of alice's telephone at north to bob's at south, answered. */
async function called(t: ExecutionContext, contact = (wire: Wire) => `<sip:alice@${wire.here.host}:5060>`): Promise<Dialog> {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  await scene.operator('north', [asPeer('south')])
  await scene.operator('south', [asPeer('north')])
  const [a, b] = [await scene.phone('alice', 'north'), await scene.phone('bob', 'south')]
  b.onRequest = (request) => {
    if (request.method === 'INVITE')
      b.answer(request, 180, { toTag: 'bobs', headers: [['Contact', `<sip:bob@${b.here.host}:5060>`]], recordRoute: true })
    if (request.method !== 'ACK')
      b.answer(request, 200, { toTag: 'bobs', headers: [['Contact', `<sip:bob@${b.here.host}:5060>;q=0.5`]], recordRoute: true })
  }
  a.onRequest = (request) => a.answer(request, 200)
  a.send(requestText('INVITE', bob!, { from: alice!, via: a.here.host, callId: 'call', lines: [`Contact: ${contact(a)}`] }))
  await scene.clock.advance(1000)
  return { scene, a, b, invite: b.requests.find(({ method }) => method === 'INVITE')! }
}

test('neither side sees an address of the other’s telephone, in Via, Contact or Record-Route', async (t) => {
  const { scene, a } = await called(t)
  t.deepEqual(a.statuses, [100, 180, 200])
  for (const operator of ['north', 'south'] as const) {
    t.true(scene.crossing(operator).length > 0)
    for (const text of scene.crossing(operator)) t.notRegex(text, inner)
  }
  const [crossed] = scene.crossed('south', 'INVITE')
  t.is(crossed!.vias.length, 1)
  t.regex(crossed!.text(H.Contact)!, /^<sip:ct-[\w-]+\.[\w-]+@10\.0\.0\.1:5060>$/)
  const accepted = a.responses.at(-1)!
  t.is(accepted.vias.length, 1, 'her telephone has its own Via back')
  t.regex(accepted.text(H.Contact)!, /^<sip:ct-[\w-]+\.[\w-]+@10\.0\.0\.2:5060>;q=0\.5$/)
})

test('requests in the dialog reach the telephones by their own Contacts, both ways', async (t) => {
  const { scene, a, b, invite } = await called(t)
  const accepted = a.responses.at(-1)!
  const target = /<([^>]+)>/.exec(accepted.text(H.Contact)!)![1]!
  const routes = accepted
    .list(H['Record-Route'])
    .toReversed()
    .map((route) => `Route: ${route}`)
  const dialog = { from: alice!, to: bob!, toTag: accepted.toTag, callId: 'call', via: a.here.host, lines: routes }
  a.send(requestText('ACK', target, { ...dialog, branch: 'z9hG4bK-a' }))
  a.send(requestText('INFO', target, { ...dialog, cseq: 2, branch: 'z9hG4bK-i' }))
  await scene.clock.advance(1000)
  t.deepEqual(b.requests.map(({ method, uriText }) => [method, uriText]).slice(1), [
    ['ACK', `sip:bob@${b.here.host}:5060`],
    ['INFO', `sip:bob@${b.here.host}:5060`],
  ])
  t.is(a.statuses.at(-1), 200)
  b.send(
    requestText('BYE', /<([^>]+)>/.exec(invite.text(H.Contact)!)![1]!, {
      from: bob!,
      fromTag: accepted.toTag,
      to: alice!,
      toTag: invite.fromTag,
      callId: 'call',
      via: b.here.host,
      branch: 'z9hG4bK-b',
      lines: invite.list(H['Record-Route']).map((route) => `Route: ${route}`),
    }),
  )
  await scene.clock.advance(1000)
  t.deepEqual(
    a.requests.map(({ method, uriText }) => [method, uriText]),
    [['BYE', `sip:alice@${a.here.host}:5060`]],
  )
  t.is(b.statuses.at(-1), 200)
  for (const operator of ['north', 'south'] as const) for (const text of scene.crossing(operator)) t.notRegex(text, inner)
})

test('a Contact that names our domain is seen as it is, and one that is made up leads nowhere', async (t) => {
  const gruu = '<sip:alice@north.example;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>'
  const { scene, b, invite } = await called(t, () => gruu)
  t.is(invite.text(H.Contact), gruu)
  const [crossed] = scene.crossed('south', 'INVITE')
  t.is(crossed!.text(H.Contact), gruu)
  const ask = { from: bob!, to: alice!, toTag: 'made-up', callId: 'x', via: b.here.host }
  for (const [i, user] of ['ct-AAAA.BBBBBBBBBBBB', 'ct-.x'].entries()) {
    b.send(requestText('INFO', `sip:${user}@10.0.0.1:5060`, { ...ask, branch: `z9hG4bK-x${i}` }))
    await scene.clock.advance(1000)
    t.is(b.statuses.at(-1), 403, 'no relay without a Route of ours')
  }
})

test('a display name or parameter that says the address is not shown either', async (t) => {
  for (const name of ['"<sip:alice@10.0.1.1:5060>, \\" sip:alice@10.0.1.1:5060" ', 'alice ']) {
    const { scene, a } = await called(t, ({ here }) => `${name}<sip:alice@${here.host}:5060>;x="sip:me"`)
    t.deepEqual(a.statuses, [100, 180, 200])
    t.regex(scene.crossed('south', 'INVITE')[0]!.text(H.Contact)!, /^<sip:ct-[\w-]+\.[\w-]+@10\.0\.0\.1:5060>$/)
    for (const text of scene.crossing('north')) t.notRegex(text, inner)
  }
})

test('who wants to stay unknown is known to the other operator, and to none of its devices', async (t) => {
  const { scene, a, b } = await called(t)
  a.send(
    requestText('MESSAGE', bob!, {
      from: 'sip:anonymous@anonymous.invalid',
      via: a.here.host,
      callId: 'm',
      lines: ['Privacy: id'],
    }),
  )
  await scene.clock.advance(1000)
  t.is(a.statuses.at(-1), 407, 'by From nobody knows her')
  const challenges = a.responses.at(-1)!.texts('Proxy-Authenticate')
  const credentials = { user: 'alice', password: 'alice-north' }
  const line = `Proxy-Authorization: ${answerChallenge(challenges, credentials, 'MESSAGE', bob!, 'c')}`
  const parts = { from: 'sip:anonymous@anonymous.invalid', via: a.here.host, callId: 'm', cseq: 2, branch: 'z9hG4bK-m2' }
  a.send(requestText('MESSAGE', bob!, { ...parts, lines: ['Privacy: id', line] }))
  await scene.clock.advance(1000)
  t.is(a.statuses.at(-1), 200)
  t.deepEqual(scene.crossed('south', 'MESSAGE')[0]!.list(H['P-Asserted-Identity']), [`<${alice}>`])
  const got = b.requests.find(({ method }) => method === 'MESSAGE')!
  t.false(got.has(H['P-Asserted-Identity']))
  t.notRegex(got.toString(), /alice/)
})
