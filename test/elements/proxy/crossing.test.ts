/** Header fields at the border: whatever holds an address of ours is hidden, refused or dropped, and dialogs go on (SPEC §2.6). */
import test, { type ExecutionContext } from 'ava'
import { H, type SipRequest } from '../../../signalling/index.ts'
import { answerChallenge } from '../../../signalling/testing.ts'
import { requestText, Wire } from '../../support/wire.ts'
import { asPeer, OperatorsScene } from './operators-scene.ts'

const [alice, bob] = ['sip:alice@north.example', 'sip:bob@south.example']
const inner = /10\.0\.1\.\d+|192\.168/

interface Telephones {
  readonly scene: OperatorsScene
  readonly a: Wire
  readonly b: Wire
}

async function telephones(t: ExecutionContext): Promise<Telephones> {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  await scene.operator('north', [asPeer('south')])
  await scene.operator('south', [asPeer('north')])
  return { scene, a: await scene.phone('alice', 'north'), b: await scene.phone('bob', 'south') }
}

/** A call from north to south, with these lines of the caller, and an answer with these header fields. */
async function call(
  { scene, a, b }: Telephones,
  lines: readonly string[],
  status = 200,
  headers: readonly (readonly [string, string])[] = [['Contact', `<sip:bob@${b.here.host}:5060>`]],
): Promise<void> {
  b.onRequest = (request) => {
    if (request.method !== 'ACK') b.answer(request, status, { toTag: 'bobs', headers, recordRoute: true })
  }
  a.onRequest = (request) => a.answer(request, 200)
  a.send(requestText('INVITE', bob!, { from: alice!, via: a.here.host, callId: 'call', lines }))
  await scene.clock.advance(1000)
}

function crossed({ scene }: Telephones): string {
  return [...scene.crossing('north'), ...scene.crossing('south')].join('')
}

const requests: readonly (readonly [title: string, lines: readonly string[], status: number, contact: RegExp | undefined])[] = [
  ['a display name that is the URI', ['Contact: "sip:alice@10.0.1.1:5060" <sip:alice@10.0.1.1:5060>'], 200, /^<sip:ct-[^;"]+>$/],
  ['a display name with another address', ['Contact: "10.0.1.9" <sip:alice@10.0.1.1>'], 200, /^<sip:ct-[^;"]+>$/],
  [
    'a parameter',
    ['Contact: <sip:alice@10.0.1.1>;x="sip:10.0.1.1";q=0.5;+sip.y="10.0.1.1";+sip.z="a"'],
    200,
    /^<sip:ct-[^;]+>;q=0\.5;\+sip\.z="a"$/,
  ],
  ['maddr at our domain', ['Contact: <sip:alice@north.example;maddr=10.0.1.1>'], 200, /^<sip:ct-[^;]+@10\.0\.0\.1:5060>$/],
  ['a parameter of a URI at our domain', ['Contact: <sip:alice@north.example;x=10.0.1.1>'], 200, /^<sip:ct-/],
  ['headers of a URI at our domain', ['Contact: <sip:alice@north.example?Route=10.0.1.1>'], 200, /^<sip:ct-/],
  ['a display name at our domain', ['Contact: "10.0.1.1" <sip:alice@north.example>'], 200, /^<sip:alice@north\.example>$/],
  ['two Contacts', ['Contact: <sip:alice@10.0.1.1>', 'm: <sip:alice@10.0.1.2>'], 200, /^<sip:ct-/],
  ['a Contact that does not end', ['Contact: <sip:alice@10.0.1.1'], 400, undefined],
  ['a Contact with a space', ['Contact: <sip:al ice@10.0.1.1>'], 400, undefined],
  ['a Contact that is a star', ['Contact: *'], 400, undefined],
  ['one of two Contacts', ['Contact: <sip:alice@10.0.1.1>, <sip:10.0.1.1'], 400, undefined],
]
for (const [title, lines, status, contact] of requests) {
  test(`in a request: ${title}`, async (t) => {
    const phones = await telephones(t)
    await call(phones, lines)
    t.is(phones.a.statuses.at(-1), status)
    t.notRegex(crossed(phones), inner)
    const invite = phones.scene.crossed('south', 'INVITE')[0]
    t.is(invite === undefined, contact === undefined)
    if (contact !== undefined) t.regex(invite!.list(H.Contact)[0]!, contact)
  })
}

test('fields of our network alone do not cross; those that users write to each other do', async (t) => {
  const phones = await telephones(t)
  const own = ['Path: <sip:10.0.1.7;lr>', 'Service-Route: <sip:10.0.1.7;lr>', 'P-Access-Network-Info: x;y="10.0.1.7"']
  const headers = own.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const)
  await call(
    phones,
    ['Contact: <sip:alice@10.0.1.1>', ...own, 'Reply-To: <sip:a@x.example>', 'Referred-By: <sip:a@x.example>'],
    200,
    [['Contact', '<sip:bob@10.0.1.2:5060>'], ...headers],
  )
  t.notRegex(crossed(phones), inner)
  t.notRegex(crossed(phones), /^(?:Path|Service-Route|P-Access-Network-Info):/m)
  t.regex(phones.b.requests[0]!.toString(), /Reply-To: <sip:a@x\.example>\r\n/)
  t.regex(phones.b.requests[0]!.toString(), /Referred-By: <sip:a@x\.example>\r\n/)
})

const responses: readonly (readonly [title: string, status: number, contacts: readonly string[], seen: RegExp | undefined])[] = [
  ['a display name', 200, ['"10.0.1.2" <sip:bob@10.0.1.2>'], /^<sip:ct-[^;"]+@10\.0\.0\.2:5060>$/],
  ['maddr at our domain', 200, ['<sip:bob@south.example;maddr=10.0.1.2>'], /^<sip:ct-/],
  ['a Contact that does not end', 200, ['<sip:bob@10.0.1.2'], undefined],
  ['a redirection to a device', 302, ['<sip:bob@10.0.1.2:5090>'], undefined],
  [
    'a redirection to a user elsewhere',
    302,
    ['<sip:bob@10.0.1.2>', '"10.0.1.2" <sip:b@other.example>;q=0.3'],
    /^<sip:b@other\.example>;q=0\.3$/,
  ],
  ['a redirection to a number', 302, ['<tel:+4930123>'], /^<tel:\+4930123>$/],
  ['a redirection with a port', 302, ['<sip:bob@pc.other.example:5062>'], undefined],
  ['busy', 486, ['<sip:bob@10.0.1.2>'], undefined],
  ['ambiguous', 485, ['<sip:bob@10.0.1.2>', '<sip:carol@south.example>'], /^<sip:carol@south\.example>$/],
]
for (const [title, status, contacts, seen] of responses) {
  test(`in a response: ${title}`, async (t) => {
    const phones = await telephones(t)
    await call(
      phones,
      ['Contact: <sip:alice@10.0.1.1>'],
      status,
      contacts.map((each) => ['Contact', each] as const),
    )
    t.notRegex(crossed(phones), inner)
    const answer = phones.a.responses.find((each) => each.status === status)!
    const got = answer.list(H.Contact)
    t.is(got.length, seen === undefined ? 0 : 1, String(got))
    if (seen !== undefined) t.regex(got[0]!, seen)
  })
}

const routed = (message: { list(header: number): readonly string[] }): readonly string[] => message.list(H['Record-Route'])
const contactOf = (message: { text(header: number): string | undefined }): string =>
  /<([^>]+)>/.exec(message.text(H.Contact)!)![1]!

test('proxies between us and our devices stay in the dialog, and are not seen beyond the border', async (t) => {
  const phones = await telephones(t)
  const { scene, a, b } = phones
  b.onRequest = (request) => {
    const theirs = routed(request).map((value) => ['Record-Route', value] as const)
    const headers = [['Contact', '<sip:bob@10.0.1.2:5060>'], ['Record-Route', '<sip:10.0.1.72;lr>'], ...theirs] as const
    if (request.method !== 'ACK') b.answer(request, 200, { toTag: 'bobs', headers })
  }
  a.onRequest = (request) => a.answer(request, 200)
  const lines = ['Contact: <sip:alice@10.0.1.1:5060>', 'Record-Route: <sip:10.0.1.71;lr>']
  a.send(requestText('INVITE', bob!, { from: alice!, via: a.here.host, callId: 'call', lines }))
  await scene.clock.advance(1000)
  t.notRegex(crossed(phones), inner)
  const [accepted, [invite]] = [a.responses.at(-1)!, b.requests]
  t.is(routed(accepted).at(-1), '<sip:10.0.1.71;lr>', 'on its own side each value is as it was')
  t.is(routed(accepted).length, routed(invite!).length + 1)
  const parties = { from: alice!, to: bob!, toTag: 'bobs', callId: 'call', via: a.here.host, cseq: 2 }
  // her own proxy has taken its value off
  const routes = routed(accepted).toReversed().slice(1)
  for (const each of [a, b]) each.clear()
  const routeLines = routes.map((value) => `Route: ${value}`)
  a.send(requestText('INFO', contactOf(accepted), { ...parties, branch: 'z9hG4bKi', lines: routeLines }))
  await scene.clock.advance(1000)
  t.deepEqual(a.statuses, [200])
  const seen = ({ method, uriText }: SipRequest): unknown => [method, uriText]
  t.deepEqual(b.requests.map(seen), [['INFO', 'sip:bob@10.0.1.2:5060']])
  t.deepEqual(b.requests[0]!.list(H.Route), ['<sip:10.0.1.72;lr>'], 'on its way to him it goes through his proxy')
  for (const each of [a, b]) each.clear()
  const back = { from: bob!, fromTag: 'bobs', to: alice!, toTag: invite!.fromTag, callId: 'call', via: b.here.host }
  const theirs = routed(invite!).map((value) => `Route: ${value}`)
  b.send(requestText('BYE', contactOf(invite!), { ...back, branch: 'z9hG4bKb', lines: theirs }))
  await scene.clock.advance(1000)
  t.deepEqual(b.statuses, [200])
  t.deepEqual(a.requests.map(seen), [['BYE', 'sip:alice@10.0.1.1:5060']])
  t.deepEqual(a.requests[0]!.list(H.Route), ['<sip:10.0.1.71;lr>'])
  t.notRegex(crossed(phones), inner)
})

test('of a proxy with an inner and an outer socket a peer sees the outer one, and each side comes back by its own', async (t) => {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  const listen = ['10.0.0.1', '192.168.0.1'].map((host) => ({ transport: 'MEM' as const, host, port: 5060 }))
  await scene.operator('north', [asPeer('south')], [], { listen })
  await scene.operator('south', [asPeer('north')])
  const b = await scene.phone('bob', 'south')
  const a = await Wire.at(scene, '192.168.0.77', 5060, { host: '192.168.0.1', port: 5060 })
  const register = async (cseq: number, ...lines: readonly string[]): Promise<void> => {
    const parts = { from: alice!, to: alice!, cseq, via: a.here.host, branch: `z9hG4bKr${cseq}`, callId: 'r' }
    const contact = `Contact: <sip:alice@${a.here.host}:5060>`
    a.send(requestText('REGISTER', 'sip:north.example', { ...parts, lines: [contact, ...lines] }))
    await scene.clock.advance(1000)
  }
  await register(1)
  const challenges = a.responses.at(-1)!.texts('WWW-Authenticate')
  const credentials = { user: 'alice', password: 'alice-north' }
  await register(2, `Authorization: ${answerChallenge(challenges, credentials, 'REGISTER', 'sip:north.example', 'c')}`)
  const phones = { scene, a, b }
  await call(phones, [`Contact: <sip:alice@${a.here.host}:5060>`])
  t.is(a.statuses.at(-1), 200)
  t.notRegex(crossed(phones), inner)
  const accepted = a.responses.at(-1)!
  t.regex(routed(accepted).at(-1)!, /^<sip:proxy\.[^@]+@192\.168\.0\.1:5060;lr>$/)
  const [invite] = b.requests
  const back = { from: bob!, fromTag: 'bobs', to: alice!, toTag: invite!.fromTag, callId: 'call', via: b.here.host }
  const lines = routed(invite!).map((value) => `Route: ${value}`)
  b.send(requestText('INFO', contactOf(invite!), { ...back, branch: 'z9hG4bKb', lines }))
  await scene.clock.advance(1000)
  t.deepEqual(
    a.requests.map(({ method, uriText }) => [method, uriText]),
    [['INFO', 'sip:alice@192.168.0.77:5060']],
  )
  t.notRegex(crossed(phones), inner)
})

test('a hidden Contact leads to its device in its dialog alone, and for that peer alone', async (t) => {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  await scene.operator('south', [asPeer('north'), asPeer('west')])
  const [b, carol] = [await scene.phone('bob', 'south'), await scene.phone('carol', 'south')]
  const server = { host: '10.0.0.2', port: 5060 }
  const [north, west] = [await Wire.at(scene, '10.0.0.1', 5060, server), await Wire.at(scene, '10.0.0.3', 5060, server)]
  b.onRequest = (request) => b.answer(request, 200)
  const lines = [`Contact: <sip:bob@${b.here.host}:5060>`]
  b.send(requestText('INVITE', 'sip:w@west.example', { from: bob!, via: b.here.host, callId: 'call', lines }))
  await scene.clock.advance(200)
  const [invite] = west.requests
  west.answer(invite!, 200, { toTag: 'w', headers: [['Contact', '<sip:w@10.0.0.3>']], recordRoute: true })
  await scene.clock.advance(200)
  const contact = contactOf(invite!)
  let asked = 0
  const ask = async (wire: Wire, from: string, more: { readonly callId?: string; readonly toTag?: string }): Promise<unknown> => {
    for (const each of [b, carol, north, west]) each.clear()
    const routes = routed(invite!).map((value) => `Route: ${value}`)
    const parts = { from, fromTag: 'w', to: bob!, via: wire.here.host, callId: 'call', branch: `z9hG4bK${++asked}`, ...more }
    const asserted = from.includes('south') ? [] : [`P-Asserted-Identity: <${from}>`]
    wire.send(requestText('INFO', contact, { ...parts, cseq: asked, lines: [...routes, ...asserted] }))
    await scene.clock.advance(500)
    return [wire.statuses.at(-1), b.requests.length]
  }
  const toTag = invite!.fromTag
  t.deepEqual(await ask(west, 'sip:w@west.example', { toTag }), [200, 1])
  t.deepEqual(await ask(west, 'sip:w@west.example', { toTag, callId: 'another' }), [404, 0])
  t.deepEqual(await ask(west, 'sip:w@west.example', {}), [404, 0], 'it begins no dialog')
  t.deepEqual(await ask(north, 'sip:alice@north.example', { toTag }), [404, 0])
  t.deepEqual(await ask(carol, 'sip:carol@south.example', { toTag }), [404, 0])
  t.deepEqual(await ask(west, 'sip:w@west.example', { toTag }), [200, 1])
})
