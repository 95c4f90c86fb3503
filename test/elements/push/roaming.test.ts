/** Roaming where a peer, or a user, is hostile (PUSH A1–A3, A18, A19), and what is on the wire between operators. */
import test from 'ava'
import { H, SipRequest, type SipResponse } from '../../../signalling/index.ts'
import { scan } from '../../../signalling/tools.ts'
import { ids, isBetweenOperators, lastOf, type OperatorName, places, pushOf, RoamingScene } from './roaming-scene.ts'

const warningOf = (response: SipResponse): string => /"([^"]*)"/.exec(response.text('Warning') ?? '')?.[1] ?? ''
const throughB = ['Path: <sip:pt-x.abcdefghijkl@op-b.example;lr>', 'P-Visited-Network-ID: "op-b.example"']

test('P49: Path of both, sealed, P-Visited-Network-ID, the challenge of home, no Service-Route; the client sees its Contact', async (t) => {
  const scene = await RoamingScene.open(t, 'op-a', 'op-b')
  const phone = await scene.end('10.0.1.7', 'op-b')
  const answer = await scene.register(phone, { lines: ['Supported: path'] })
  t.is(answer.status, 200)
  const challenge = phone.wire.responses.find(({ status }) => status === 401)!
  t.regex(challenge.text('WWW-Authenticate')!, /realm="op-a\.example"/)
  const crossed = messagesTo(scene, 'op-a').filter((message) => message instanceof SipRequest && message.method === 'REGISTER')
  t.true(crossed.length >= 2)
  for (const register of crossed) {
    const path = register.list(H.Path)
    t.is(path.length, 2, 'visited server, visited proxy')
    for (const value of path) t.regex(value, /^<sip:pt-[\w-]+\.[\w-]{12}@op-b\.example;lr>$/)
    t.is(register.text('P-Visited-Network-ID'), '"op-b.example"')
    t.regex(register.list(H.Contact)[0]!, /^<sip:rc-[^@]+@op-b\.example>;\+sip\.instance="<urn:uuid:1>";expires=3600$/)
  }
  t.is(answer.text('Service-Route'), undefined)
  t.is(answer.text('P-Associated-URI'), `<sip:alice@op-a.example>, <${pushOf('alice')}>`)
  t.is(answer.list(H.Path).length, 2)
  t.regex(answer.list(H.Contact).join(), /^<sip:alice@10\.0\.1\.7:5060>.*;expires="?3600"?/)
  const plain = await scene.register(phone)
  t.is(plain.status, 200)
  t.is(plain.text('Path'), undefined, 'a client that does not know it')
})

test('P3, P4: behind a translation of addresses, the client is reached at address and port as seen; its Contact is the Request-URI', async (t) => {
  const scene = await RoamingScene.open(t, 'op-a')
  const phone = await scene.end('10.0.1.7', 'op-a')
  const inside = '192.168.1.2'
  const contact = `sip:alice@${inside}:5070`
  const lines = [`Contact: <${contact}>;expires=3600`]
  const answer = await scene.register(phone, { lines, via: `${inside}:5070;rport` })
  t.is(answer.status, 200)
  t.regex(answer.text('Via')!, /;received=10\.0\.1\.7(?:;|$)/)
  t.regex(answer.text('Via')!, /;rport=5060(?:;|$)/)
  const sent = await scene.push(phone, pushOf('alice'), 'to oneself', {
    from: pushOf('alice'),
    user: 'alice',
    via: `${inside}:5070;rport`,
  })
  t.is(sent.status, 200)
  t.deepEqual(phone.got, ['to oneself'])
  t.is(lastOf(phone, 'MESSAGE')!.uriText, contact)
  t.is(phone.wire.requests[0]!.text('P-Asserted-Identity'), `<${pushOf('alice')}>`)
})

test('P51: no message at the source’s home, whoever gets it', async (t) => {
  const scene = await RoamingScene.open(t, 'op-a', 'op-b', 'op-c')
  const phone = await scene.end('10.0.1.7', 'op-b')
  t.is((await scene.register(phone)).status, 200)
  const before = scene.taps.get('op-a')!.messages.length
  for (const user of ['bob', 'erin'] as const)
    t.is((await scene.push(phone, pushOf(user), user, { from: pushOf('alice') })).status, 202)
  const after = scene.taps.get('op-a')!.messages.slice(before)
  t.deepEqual(
    after.filter(({ direction }) => direction !== 'local').map(({ bytes }) => String(Buffer.from(bytes)).split('\r\n')[0]),
    [],
  )
  t.is((await scene.push(phone, pushOf('carol'), 'home', { from: pushOf('alice') })).status, 202)
})

test('P54: a visitor is known until his binding ends, by its time too; a REGISTER that his home refuses makes nobody known', async (t) => {
  const scene = await RoamingScene.open(t, 'op-a', 'op-b')
  const phone = await scene.end('10.0.1.7', 'op-b')
  const push = async (): Promise<number> => (await scene.push(phone, pushOf('bob'), 'hi', { from: pushOf('alice') })).status
  t.is((await scene.register(phone, { user: 'alice', password: 'wrong' })).status, 401)
  t.is(await push(), 403)
  const lines = ['Contact: <sip:alice@10.0.1.7:5060>;expires=60']
  t.is((await scene.register(phone, { lines })).status, 200)
  t.is(await push(), 202)
  t.is(scene.metric('op-b', 'proxy_push_clients'), 1)
  await scene.clock.advance(62_000)
  t.is(await push(), 403)
  t.is(scene.metric('op-b', 'proxy_push_clients'), 0)
})

test('A1: a peer that vouches for others, in From, P-Asserted-Identity or a CPIM From: 403, counted, and nobody gets anything', async (t) => {
  const scene = await RoamingScene.open(t, 'op-a')
  const peer = await scene.end(places['op-b'], 'op-a')
  const carols = await scene.end('10.0.1.8', 'op-a')
  const carol = { user: 'carol', to: 'sip:carol@op-a.example', from: 'sip:carol@op-a.example' }
  t.is(
    (await scene.ask(carols, 'REGISTER', 'sip:op-a.example', { ...carol, lines: ['Contact: <sip:carol@10.0.1.8:5060>'] })).status,
    200,
  )
  const push = async (
    from: string,
    asserted: string,
    more: readonly string[] = [],
    body = 'hi',
    type = 'text/plain',
  ): Promise<string> => {
    const lines = [`P-Asserted-Identity: <${asserted}>`, ...more]
    const answer = await scene.push(peer, pushOf('carol'), body, { from, lines, type })
    return `${answer.status} ${warningOf(answer).split(':')[0]}`
  }
  const alice = pushOf('alice')
  t.is(await push(alice, alice), '403 peer', 'one of ours who is not there')
  t.is(await push('sip:bob@op-b.example', alice), '403 peer')
  t.is(
    await push('sip:alice@op-a.example', pushOf('bob')),
    '403 From names another user of this network than the one who signed in; expected your own address in From',
  )
  t.is(await push('sip:erin@op-c.example', pushOf('bob')), '403 source', 'From is of a third operator')
  t.is(await push(pushOf('bob'), 'sip:mallory@elsewhere.example'), '403 peer', 'of nobody we know')
  t.is(await push(pushOf('bob'), `sip:${ids.alice}@push.op-b.example;user=push`), '403 peer', 'with our flag bits')
  const cpim = 'From: <sip:erin@op-c.example>\r\n\r\nContent-Type: text/plain\r\n\r\nhi'
  t.is(await push(pushOf('bob'), pushOf('bob'), [], cpim, 'message/cpim'), '403 source')
  t.deepEqual(carols.got, [])
  t.true(scene.metric('op-a', 'push2_refused_source_total') >= 2)
  t.true(scene.metric('op-a', 'proxy_refused_roamers_total') >= 2)
  t.is(await push(pushOf('bob'), pushOf('bob')), '200 ', 'himself')
  t.is(await push(pushOf('erin'), pushOf('erin')), '200 ', 'a third operator’s, whose flag bits it vouches for')
})

test('P45: the source is checked at the source’s server, and at the destination’s by itself; each counts what it refuses', async (t) => {
  const scene = await RoamingScene.open(t, 'op-a')
  const [alices, carols] = [await scene.end('10.0.1.7', 'op-a'), await scene.end('10.0.1.8', 'op-a')]
  for (const [end, user] of [
    [alices, 'alice'],
    [carols, 'carol'],
  ] as const) {
    const address = `sip:${user}@op-a.example`
    const lines = [`Contact: <sip:${user}@${end.wire.here.host}:5060>`]
    const { status } = await scene.ask(end, 'REGISTER', 'sip:op-a.example', { user, to: address, from: address, lines })
    t.is(status, 200)
  }
  const push = async (to: string, cpimFrom: string, lines: readonly string[] = []): Promise<string> => {
    const body = `From: <${cpimFrom}>\r\n\r\nContent-Type: text/plain\r\n\r\n${cpimFrom}`
    const parts = { user: 'alice', from: 'sip:alice@op-a.example', type: 'message/cpim', lines }
    const answer = await scene.push(alices, to, body, parts)
    return `${answer.status} ${warningOf(answer).split(':')[0]}`
  }
  const refused = () => ['push', 'push2'].map((name) => scene.metric('op-a', `${name}_refused_source_total`))
  const straight = ['Route: <sip:10.0.0.1;lr>, <sip:push2@op-a.example;lr>']
  const carol = 'sip:carol@op-a.example'
  t.is(await push(pushOf('carol'), carol), '403 source')
  t.deepEqual(refused(), [1, 0], 'at hers')
  t.is(await push(pushOf('carol'), carol, straight), '403 source')
  t.deepEqual(refused(), [1, 1], 'at the destination’s, which is asked alone')
  const nobodys = pushOf('carol').replace(ids.carol, '3c5e0f91a7b24d69')
  t.regex(await push(nobodys, 'sip:alice@op-a.example', straight), /^404 /)
  t.deepEqual(carols.got, [])
  t.is(await push(pushOf('carol'), pushOf('alice')), '200 ')
  t.is(await push(pushOf('carol'), 'sip:alice@op-a.example', straight), '200 ')
  t.is(carols.got.length, 2)
})

test('A1: an untrusted network that names a user of a peer, or asserts one of ours: 403, or a challenge', async (t) => {
  const scene = await RoamingScene.open(t, 'op-a')
  const rogue = await scene.end('10.0.9.9', 'op-a')
  const asserted = ['P-Asserted-Identity: <sip:alice@op-a.example>']
  t.is((await scene.push(rogue, pushOf('carol'), 'a', { from: pushOf('bob') })).status, 403)
  t.is((await scene.push(rogue, pushOf('carol'), 'b', { from: pushOf('bob'), lines: asserted })).status, 403)
  t.is((await scene.push(rogue, pushOf('carol'), 'c', { from: 'sip:alice@op-a.example', lines: asserted })).status, 407)
  t.is((await scene.push(rogue, pushOf('carol'), 'd', { from: 'sip:carol@op-a.example', user: 'alice' })).status, 403)
  t.is((await scene.push(rogue, pushOf('carol'), 'e', { from: pushOf('carol'), user: 'alice' })).status, 403)
  t.is(scene.metric('op-a', 'push2_copies_waiting'), 0)
})

test('A2: another’s good digest through a network that is no peer, or by a Path of another: 403', async (t) => {
  const scene = await RoamingScene.open(t, 'op-a')
  const rogue = await scene.end('10.0.9.9', 'op-a')
  const peer = await scene.end(places['op-b'], 'op-a')
  const refused = async (...lines: readonly string[]): Promise<string> => {
    const answer = await scene.register(peer, { lines })
    return `${answer.status} ${warningOf(answer).split(':')[0]}`
  }
  const unlisted = await scene.register(rogue, { lines: ['Path: <sip:10.0.9.9;lr>'] })
  t.is(unlisted.status, 403)
  t.regex(warningOf(unlisted), /^roaming:/)
  t.is(await refused(...throughB), '200 ', 'a peer with its own')
  t.is(await refused(), '403 roaming', 'without Path')
  t.is(await refused(throughB[0]!), '403 roaming', 'without P-Visited-Network-ID')
  t.is(await refused(throughB[0]!, 'P-Visited-Network-ID: "op-c.example"'), '403 roaming', 'in the name of another')
  t.is(await refused('Path: <sip:pt-x.abcdefghijkl@op-c.example;lr>', throughB[1]!), '403 roaming', 'by the Path of another')
  t.is(await refused(throughB[0]!, 'Path: <sip:10.0.1.9;lr>', throughB[1]!), '403 roaming', 'behind it one of nobody')
})

test('A2: a captured REGISTER sent again gets 401 with stale, and changes nothing', async (t) => {
  const scene = await RoamingScene.open(t, 'op-a', 'op-b')
  const phone = await scene.end('10.0.1.7', 'op-b')
  t.is((await scene.register(phone)).status, 200)
  const captured = scene.taps.get('op-b')!.messages.filter(({ bytes, direction }) => {
    return direction === 'in' && /^REGISTER [\s\S]*\r\nAuthorization: /.test(String(Buffer.from(bytes)))
  })
  const text = String(Buffer.from(captured.at(-1)!.bytes)).replace(/branch=[^;\r]*/, 'branch=z9hG4bK-again')
  const thief = await scene.end('10.0.1.66', 'op-b')
  thief.wire.send(text.replaceAll('10.0.1.7', '10.0.1.66'))
  await scene.clock.advance(3000)
  const answer = thief.wire.responses.at(-1)!
  t.is(answer.status, 401)
  t.regex(answer.text('WWW-Authenticate')!, /stale=true/i)
  t.is((await scene.push(phone, pushOf('alice'), 'mine', { from: pushOf('alice') })).status, 200)
  t.deepEqual([phone.got, thief.got], [['mine'], []])
})

test('A1, A2: a home that answers for the user of another home makes nobody of him: 403, and it is not asked', async (t) => {
  const scene = await RoamingScene.open(t, 'op-b')
  const home = await scene.end(places['op-a'], 'op-b')
  const phone = await scene.end('10.0.1.7', 'op-b')
  home.wire.onRequest = (request) => {
    const contacts = request.list(H.Contact).map((value) => ['Contact', value] as const)
    home.wire.answer(request, 200, { headers: [...contacts, ['P-Associated-URI', `<${request.to.uri.text}>`]] })
  }
  const push = async (from: string): Promise<number> => (await scene.push(phone, pushOf('bob'), 'hi', { from })).status
  for (const to of [pushOf('erin'), 'sip:mallory@push.op-a.example', 'sip:alice@op-a.example']) {
    const refused = await scene.register(phone, { to, from: to })
    t.is(`${refused.status} ${warningOf(refused).split(':')[0]}`, '403 roaming', to)
    t.is(await push(to), 403, to)
  }
  t.deepEqual(home.wire.requests, [])
  t.is((await scene.register(phone)).status, 200, 'its own user')
  t.is(await push(pushOf('alice')), 202)
  t.is(await push(pushOf('erin')), 403)
})

test('A12: at another operator its Push servers alone tell for those whom a message was sent to, and never what users see', async (t) => {
  const scene = await RoamingScene.open(t, 'op-a')
  const peer = await scene.end(places['op-b'], 'op-a')
  const alices = await scene.end('10.0.1.8', 'op-a')
  const alice = { user: 'alice', to: 'sip:alice@op-a.example', from: 'sip:alice@op-a.example' }
  const registering = { ...alice, lines: ['Contact: <sip:alice@10.0.1.8:5060>'] }
  t.is((await scene.ask(alices, 'REGISTER', 'sip:op-a.example', registering)).status, 200)
  const fields = ['NS: imdn <urn:ietf:params:imdn>', 'imdn.Message-ID: m1', 'imdn.Disposition-Notification: processing, display']
  const body = [...fields, '', 'Content-Type: text/plain', '', 'hello'].join('\r\n')
  t.is((await scene.push(alices, pushOf('bob'), body, { from: alice.from, user: 'alice', type: 'message/cpim' })).status, 200)
  const tell = async (asserted: string, kind: string, status: string): Promise<number> => {
    const event = `<${kind}-notification><status><${status}/></status></${kind}-notification>`
    const xml = `<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>m1</message-id>${event}</imdn>`
    const lines = [`P-Asserted-Identity: <${asserted}>`]
    return (await scene.push(peer, pushOf('alice'), xml, { from: asserted, lines, type: 'message/imdn+xml' })).status
  }
  const [server, eve] = ['sip:push@op-b.example', 'sip:eve@op-b.example']
  t.is(await tell(eve, 'delivery', 'failed'), 403)
  t.is(await tell(eve, 'display', 'displayed'), 403)
  t.is(await tell(server, 'display', 'displayed'), 403)
  t.is(alices.got.length, 0)
  t.is(await tell(server, 'processing', 'stored'), 200)
  t.is(await tell(pushOf('bob'), 'display', 'displayed'), 200)
  t.is(alices.got.length, 2)
})

test('A3, A19: a Path leads back for its home alone, for MESSAGEs, and reads no flag bits, whatever the Contact is called', async (t) => {
  const scene = await RoamingScene.open(t, 'op-b')
  const home = await scene.end(places['op-a'], 'op-b')
  const other = await scene.end(places['op-c'], 'op-b')
  const phone = await scene.end('10.0.1.7', 'op-b')
  const bobs = await scene.end('10.0.1.8', 'op-b')
  const bob = { user: 'bob', to: 'sip:bob@op-b.example', from: 'sip:bob@op-b.example' }
  t.is(
    (await scene.ask(bobs, 'REGISTER', 'sip:op-b.example', { ...bob, lines: ['Contact: <sip:bob@10.0.1.8:5060>'] })).status,
    200,
  )
  home.wire.onRequest = (request) => {
    const contacts = request.list(H.Contact).map((value) => ['Contact', value] as const)
    if (request.method === 'REGISTER')
      home.wire.answer(request, 200, { headers: [...contacts, ['P-Associated-URI', `<${pushOf('alice')}>`]] })
  }
  const asBob = `Contact: <sip:${ids.bob}@push.op-b.example;user=push>;expires=3600` // the flag bits of the visited server itself
  t.is((await scene.register(phone, { lines: [asBob] })).status, 200)
  const registered = lastOf(home, 'REGISTER')!
  const route = registered.list(H.Path).map((value) => `Route: ${value}`)
  const uri = /<([^>]+)>/.exec(registered.list(H.Contact)[0]!)![1]!
  const send = async (from: typeof home, lines: readonly string[], target = uri, method = 'MESSAGE'): Promise<number> =>
    (await scene.ask(from, method, target, { from: 'sip:erin@op-c.example', body: `by ${from.wire.here.host}`, lines })).status
  t.is(await send(home, route), 200)
  t.deepEqual(phone.got, ['by 10.0.0.1'])
  t.deepEqual(bobs.got, [], 'no flag bits are read again')
  t.is(await send(other, route), 403, 'another peer that has seen it')
  t.is(await send(home, route.slice(0, 1)), 403, 'half of it')
  t.is(await send(home, route, uri.replace(/rc-../, 'rc-AA')), 403, 'a Contact that was made up')
  t.is(await send(home, route, uri, 'INVITE'), 403)
  t.is(await send(bobs, route), 407, 'no peer at all')
  t.deepEqual([phone.got.length, bobs.got.length], [1, 0])
})

test('A18, P65: between operators only addresses that these advertise to each other are seen', async (t) => {
  const scene = await RoamingScene.open(t, 'op-a', 'op-b', 'op-c')
  const phone = await scene.end('10.0.1.7', 'op-b')
  const carols = await scene.end('10.0.1.8', 'op-a')
  const carol = { user: 'carol', to: 'sip:carol@op-a.example', from: 'sip:carol@op-a.example' }
  const inner = [
    'P-Access-Network-Info: 3GPP; x="10.0.1.7"',
    'Contact: "10.0.1.7" <sip:alice@10.0.1.7:5060>;+sip.instance="<urn:uuid:1>";x="10.0.1.7";expires=3600',
  ]
  t.is((await scene.register(phone, { lines: inner })).status, 200)
  t.is(
    (await scene.ask(carols, 'REGISTER', 'sip:op-a.example', { ...carol, lines: ['Contact: <sip:carol@10.0.1.8:5060>'] })).status,
    200,
  )
  t.is((await scene.push(phone, pushOf('carol'), 'to carol', { from: pushOf('alice') })).status, 200)
  t.is((await scene.push(carols, pushOf('alice'), 'to alice', { from: 'sip:carol@op-a.example', user: 'carol' })).status, 200)
  t.is((await scene.push(phone, pushOf('erin'), 'to erin', { from: pushOf('alice') })).status, 202)
  phone.wire.onRequest = (request) =>
    phone.wire.answer(request, 302, { toTag: 'theirs', headers: [['Contact', '<sip:10.0.1.77>']] })
  t.is((await scene.push(carols, pushOf('alice'), 'redirected', { from: 'sip:carol@op-a.example', user: 'carol' })).status, 202)
  t.is(
    (await scene.register(phone, { lines: ['Contact: <sip:alice@10.0.1.7:5060>;+sip.instance="<urn:uuid:1>";expires=0'] }))
      .status,
    200,
  )
  let seen = 0
  for (const tap of scene.taps.values())
    for (const message of tap.messages.filter(isBetweenOperators)) {
      const text = String(Buffer.from(message.bytes))
      const allowed = [message.from.address, message.to.address]
      const others = (text.match(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g) ?? []).filter((address) => !allowed.includes(address))
      t.deepEqual(others, [], text)
      seen++
    }
  t.true(seen > 30, `${seen} messages`)
})

/** Messages that an operator got from another one. */
function messagesTo(scene: RoamingScene, operator: OperatorName) {
  const messages = scene.taps.get(operator)!.messages.filter((each) => isBetweenOperators(each) && each.direction === 'in')
  return messages.flatMap(({ bytes }) => scan(Buffer.from(bytes)) ?? [])
}
