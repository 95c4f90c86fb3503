/** Every message of RFC 4475 against the scanner and live nodes. Nothing is skipped; each verdict says what it must get. */
import { readdirSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { encode } from '../../signalling/messages/edit.ts'
import { type SipMessage, SipRequest, SipResponse, stride } from '../../signalling/messages/message.ts'
import { H } from '../../signalling/messages/names.ts'
import { scan } from '../../signalling/messages/scan.ts'
import { Wire } from '../support/wire.ts'
import { challenge, type Ground, play, proxying, registrar, torture, tortureRequest, userAgent, withDigest } from './ground.ts'

const tried = new Set<string>()

function trying(name: string): Buffer {
  tried.add(name)
  return torture(name)
}

/** All that a proxy has to leave alone: everything but Via, Max-Forwards, Route, and what it adds for its own purposes. */
function untouched(message: SipMessage): string {
  const drop = [
    H.Via,
    H['Max-Forwards'],
    H.Route,
    H['Record-Route'],
    H['Proxy-Authorization'],
    H['P-Asserted-Identity'],
    H['Content-Length'],
  ]
  return encode(message, { drop }).toString('latin1')
}

function recordRoutes(request: SipRequest): readonly string[] {
  return request.list(H['Record-Route']).filter((value) => !value.includes('sip:proxy.'))
}

/** No getter throws, and every header field has its name and value. */
function readAll(t: ExecutionContext, message: SipMessage): void {
  const { via, vias, callId, cseq, from, to, contacts, routes, recordRoutes, event, contentType, body, expires } = message
  t.truthy(via && vias.every((each) => each !== undefined), 'every Via is readable')
  t.true(callId !== '' && cseq.method !== '' && from.uri.host !== 'anonymous.invalid' && to.uri.host !== 'anonymous.invalid')
  t.true(
    [contacts, routes, recordRoutes].every((list) => list !== undefined),
    'every address is readable',
  )
  t.is(message.headers.length, message.index.length / stride)
  t.true(message.headers.every(([name, value]) => name !== '' && !value.includes('\n')))
  t.is(body.length, message.bodyEnd - message.bodyStart)
  t.pass(`${event?.value}${contentType}${expires}`)
}

const forwarded = [
  'wsinv',
  'intmeth',
  'esc01',
  'esc02',
  'lwsdisp',
  'longreq',
  'semiuri',
  'transports',
  'mpart01',
  'baddate',
  'badaspec',
  'baddn',
  'badbranch',
  'invut',
  'sdp01',
  'inv2543',
]

for (const name of forwarded)
  test(`${name} is valid and forwarded byte for byte`, async (t) => {
    const bytes = trying(name)
    const request = tortureRequest(name)
    t.is(request.fault, undefined)
    readAll(t, request)
    const made = await proxying()
    const strictRoute = await Wire.at(made.lab, '127.0.0.1', 5080) // mpart01 names it in a Route
    const trusted = name === 'mpart01' // from outside nobody may choose a way by Route
    const ready = trusted ? bytes : withDigest(bytes, await challenge(made), 'alice')
    const source = trusted ? made.neighbour : made.source
    const { left, faults } = await play(made, ready, source)
    const got = [...made.peer.requests, ...strictRoute.requests].filter(({ method }) => method === request.method)
    t.true(got.length > 0, `forwarded; answered ${made.source.statuses}`)
    for (const copy of got) {
      // mpart01's Route is a strict one: it takes the place of the Request-URI, which goes behind (RFC 3261 §16.6 step 6)
      t.is(untouched(copy).replace(copy.uriText, request.uriText), untouched(request))
      t.is(copy.uriText, trusted ? 'sip:127.0.0.1:5080' : request.uriText)
      if (trusted) t.deepEqual(copy.list(H.Route), [`<${request.uriText}>`])
      t.deepEqual(copy.texts(H.Via).slice(1).join(','), withReceived(request, source.here.host))
      t.deepEqual(recordRoutes(copy), request.list(H['Record-Route']))
      t.is(copy.maxForwards, request.maxForwards - 1)
    }
    t.is(left, 0, 'a transaction stayed in a table')
    t.is(faults, 0)
  })

/** The Via values as the next hop has to see them: `received` on the topmost, and nothing else. */
function withReceived(request: SipRequest, from: string): string {
  const { bytes, index, topViaEnd } = request
  const all = request.texts(H.Via)
  const top = bytes.toString('latin1', index[request.find(H.Via) + 2], topViaEnd)
  const rest = all[0]!.slice(all[0]!.length - (index[request.find(H.Via) + 3]! - topViaEnd))
  const stamped = top.includes(';rport') ? `${top.replace(';rport', '')};received=${from};rport=5060` : `${top};received=${from}`
  return [
    stamped.replace(/\s*\r?\n[ \t]+/g, ' ') + (topViaEnd < index[request.find(H.Via) + 3]! ? rest : ''),
    ...all.slice(1),
  ].join(',')
}

const refused: readonly (readonly [name: string, ...statuses: number[]])[] = [
  ['badinv01', 400],
  ['clerr', 400],
  ['ncl', 400],
  ['scalar02', 400],
  ['quotbal', 400],
  ['ltgtruri', 400],
  ['lwsruri', 400],
  ['lwsstart', 400],
  ['trws', 400],
  ['escruri', 400],
  ['badvers', 505],
  ['mismatch01', 400],
  ['mismatch02', 400],
  ['insuf', 400],
  ['unkscm', 416],
  ['novelsc', 416],
  ['bext01', 420],
  ['multi01', 400],
  ['mcl01', 400],
  ['zeromf', 483],
]

for (const [name, ...statuses] of refused)
  test(`${name} gets ${statuses.join(' or ')} from a proxy, once, and goes no further`, async (t) => {
    const bytes = trying(name)
    const made = await proxying()
    const request = scan(bytes)
    const needsDigest = name === 'zeromf' // all others are refused before anybody asks who it is
    const { finals, left, faults } = await play(made, needsDigest ? withDigest(bytes, await challenge(made), 'alice') : bytes)
    t.deepEqual(finals, statuses)
    t.deepEqual(made.peer.requests, [])
    t.is(left, 0)
    t.is(faults, 0)
    t.true(request instanceof SipRequest)
    const answer = made.source.responses.at(-1)!
    if (name === 'bext01') t.regex(answer.text('Unsupported') ?? '', /noProxiesSupportThis, norDoAnyProxiesSupportThis/)
    if (name !== 'multi01' && name !== 'insuf') t.is(answer.callId, (request as SipRequest).callId)
  })

for (const name of ['scalarlg', 'bigcode', 'bcast', 'unreason', 'noreason'])
  test(`${name}, a response that nobody awaits, is discarded`, async (t) => {
    const bytes = trying(name)
    const made = await proxying()
    const sent = made.lab.network.sent
    const { finals, left, faults } = await play(made, bytes)
    t.deepEqual(finals, [])
    t.deepEqual(made.peer.arrivals, [])
    t.is(made.lab.network.sent, sent + 1, 'nothing was sent to anybody')
    t.is(left + faults, 0)
  })

test('unreason and noreason are valid responses', (t) => {
  for (const [name, status, reason] of [
    ['unreason', 200, '= 2**3 * 5**2 но сто девяносто девять - простое'],
    ['noreason', 100, ''],
  ] as const) {
    const message = scan(torture(name))
    if (!(message instanceof SipResponse)) return t.fail(name)
    t.is(message.fault, undefined)
    t.is(message.status, status)
    t.is(message.reason, reason)
    readAll(t, message)
  }
  const malformed = scan(torture('scalarlg'))
  t.true(malformed instanceof SipResponse && malformed.fault !== undefined)
  t.is(scan(torture('bigcode')), undefined)
})

async function registering(name: string, user: string | undefined): Promise<Ground & { finals: readonly number[] }> {
  const bytes = trying(name)
  const made = await registrar()
  const ready = user === undefined ? bytes : withDigest(bytes, await challenge(made), user)
  made.source.send(ready)
  await made.lab.clock.advance(1000)
  const finals = made.source.statuses.filter((status) => status >= 200)
  return { ...made, finals }
}

async function cleared(t: ExecutionContext, made: Ground): Promise<void> {
  const { left, faults } = await play(made, Buffer.from('\r\n\r\n'))
  t.is(left + faults, 0)
}

test('escnull: two Contacts with escaped NULs are two bindings', async (t) => {
  const made = await registering('escnull', 'null-%00-null')
  t.deepEqual(made.finals, [200])
  t.deepEqual(
    made.source.responses
      .at(-1)!
      .list('Contact')
      .map((value) => value.split(';')[0]),
    ['<sip:%00@host5.example.com>', '<sip:%00%00@host5.example.com>'],
  )
  await cleared(t, made)
})

test('cparam01: a parameter behind a bare URI is of the header field', async (t) => {
  const made = await registering('cparam01', 'watson')
  t.deepEqual(made.finals, [200])
  t.regex(made.source.responses.at(-1)!.text('Contact')!, /^<sip:\+19725552222@gw1\.example\.net>;unknownparam;expires=\d+$/)
  await cleared(t, made)
})

test('cparam02: a parameter in brackets is of the URI', async (t) => {
  const made = await registering('cparam02', 'watson')
  t.deepEqual(made.finals, [200])
  t.regex(made.source.responses.at(-1)!.text('Contact')!, /^<sip:\+19725552222@gw1\.example\.net;unknownparam>;expires=\d+$/)
  await cleared(t, made)
})

test('regescrt: a Route escaped in a Contact becomes no Route', async (t) => {
  const made = await registering('regescrt', 'user')
  t.deepEqual(made.finals, [200])
  t.regex(made.source.responses.at(-1)!.text('Contact')!, /^<sip:user@example\.com\?Route=%3Csip:sip\.example\.com%3E>/)
  await made.lab.clock.advance(40_000)
  made.source.clear()
  made.source.send(
    torture('lwsdisp')
      .toString('latin1')
      .replace(/caller@example/g, 'user@example'),
  )
  await made.lab.clock.advance(1000)
  const [called] = made.source.requests
  t.truthy(called, `routed to the binding's flow; ${made.source.statuses}`)
  t.deepEqual(called!.texts('Route'), [])
  await cleared(t, made)
})

test('dblreq: what follows in the datagram is no second request', async (t) => {
  const made = await registering('dblreq', 'j.user')
  t.deepEqual(made.finals, [200])
  t.is(made.source.responses.length, 1)
  await cleared(t, made)
})

test('regbadct: a question mark in a Contact without brackets is refused', async (t) => {
  const made = await registering('regbadct', 'user')
  t.deepEqual(made.finals, [400])
  await cleared(t, made)
})

test('unksm2: no binding for a To that names no user of ours', async (t) => {
  const made = await registering('unksm2', undefined)
  t.deepEqual(made.finals, [404])
  await cleared(t, made)
})

test('regaut01: an unknown scheme of Authorization is challenged', async (t) => {
  const made = await registering('regaut01', undefined)
  t.deepEqual(made.finals, [401])
  t.regex(
    made.source.responses[0]!.text('WWW-Authenticate')!,
    /^Digest realm="example\.com", nonce="[^"]+", algorithm=MD5, qop="auth"$/,
  )
  await cleared(t, made)
})

test('esc02: an escaped REGISTER is not REGISTER', async (t) => {
  t.is(tortureRequest('esc02').method, 'RE%47IST%45R')
  t.is(tortureRequest('esc02').text('C%6Fntact'), '<sip:alias2@host2.example.com>')
  const made = await registering('esc02', undefined)
  t.not(made.finals[0], 200)
  t.not(made.finals[0], 401)
  await cleared(t, made)
})

const atAgent: readonly (readonly [name: string, status: number, header: string, value: RegExp])[] = [
  ['intmeth', 501, 'Allow', /INVITE/],
  ['unkscm', 416, 'Via', /./],
  ['novelsc', 416, 'Via', /./],
  ['bext01', 420, 'Unsupported', /^nothingSupportsThis, nothingSupportsThisEither$/],
  ['invut', 415, 'Accept', /application\/sdp/],
  ['sdp01', 406, 'Via', /./],
  ['zeromf', 200, 'Via', /./],
  ['inv2543', 200, 'Via', /./],
  ['wsinv', 200, 'Via', /./],
  ['baddate', 200, 'Via', /./],
  ['badbranch', 200, 'Via', /./],
  ['lwsdisp', 200, 'Via', /./],
  ['mpart01', 200, 'Via', /./],
  ['clerr', 400, 'Warning', /Content-Length/],
]

for (const [name, status, header, value] of atAgent)
  test(`${name} gets ${status} from a user agent`, async (t) => {
    const made = await userAgent()
    const { finals, left, faults } = await play(made, trying(name))
    t.deepEqual(finals, [status])
    t.regex(made.source.responses.at(-1)!.text(header) ?? '', value)
    t.is(left + faults, 0)
  })

test('badbranch: the cookie alone joins no two requests in one transaction', async (t) => {
  const made = await userAgent()
  const first = trying('badbranch')
  made.source.send(first)
  made.source.send(first.toString('latin1').replace('badbranch.sadonfo', 'badbranch.another'))
  made.source.send(first)
  await made.lab.clock.advance(1000)
  t.is(made.agent.served.length, 2, 'two requests, and one that came again')
  t.deepEqual(made.source.statuses, [200, 200, 200])
})

test('inv2543: ACK and CANCEL find the transaction of an RFC 2543 INVITE', async (t) => {
  const made = await userAgent()
  made.source.send(
    trying('inv2543').toString('latin1').replace('Content-Type: application/sdp', 'Content-Type: application/none'),
  )
  await made.lab.clock.advance(100)
  const refusal = made.source.responses[0]!
  t.is(refusal.status, 415)
  const { uriText } = tortureRequest('inv2543')
  made.source.send(
    `ACK ${uriText} SIP/2.0\r\nVia: SIP/2.0/UDP iftgw.example.com\r\nFrom: ${refusal.text('From')}\r\nTo: ${refusal.text('To')}\r\n` +
      `Call-ID: ${refusal.callId}\r\nCSeq: 56 ACK\r\n\r\n`,
  )
  await made.lab.clock.advance(40_000)
  t.deepEqual(made.source.statuses, [415], 'the ACK has stopped the repetition')
})

test.after('every message of the RFC was tried', (t) => {
  const all = readdirSync(new URL('rfc4475/', import.meta.url)).map((file) => file.replace('.dat', ''))
  t.is(all.length, 49)
  t.deepEqual(
    all.filter((name) => !tried.has(name)),
    [],
  )
})
