/** Nonces that are flooded, replayed and made up; users and passwords that are guessed. */
import test from 'ava'
import type { SipResponse } from '../../signalling/index.ts'
import { answerChallenge } from '../../signalling/testing.ts'
import { domain, openStand, type Stand, UdpHand } from './stand.ts'

let stand: Stand
test.before(async () => {
  stand = await openStand()
})
test.after.always(() => stand.close())

const contact = 'Contact: <sip:alice@127.0.0.1:9>'
const aor = `sip:alice@${domain}`
const uri = `sip:${domain}`
const forAlice = { from: aor, to: aor }

function credentials(challenge: SipResponse, user = 'alice', password = `${user}-secret`, count = 1): string {
  const answer = answerChallenge(challenge.texts('WWW-Authenticate'), { user, password }, 'REGISTER', uri, 'c', count)
  return `Authorization: ${answer}`
}

test('a flood of challenges is remembered by nobody', async (t) => {
  const hand = await UdpHand.open(stand)
  t.teardown(() => hand.close())
  const seen = new Set<string>()
  for (let i = 0; i < 2000; i++) seen.add((await hand.ask('REGISTER', uri, forAlice)).text('WWW-Authenticate')!)
  t.is(seen.size, 2000)
  t.true(stand.count('proxy_nonces_counted') < 20, 'those that were answered alone')
})

test('credentials count once, for one method, with a count that grows, and only with a nonce of ours', async (t) => {
  const hand = await UdpHand.open(stand)
  const thief = await UdpHand.open(stand)
  for (const each of [hand, thief]) t.teardown(() => each.close())
  const challenge = await hand.ask('REGISTER', uri, forAlice)
  const line = credentials(challenge)
  t.is((await hand.ask('REGISTER', uri, { ...forAlice, lines: [contact, line] })).status, 200)
  for (const [what, stolen] of [
    ['replayed', line],
    ['count 0', credentials(challenge, 'alice', 'alice-secret', 0)],
    ['count told, not signed', line.replace('nc=00000001', 'nc=00000002')],
    ['no count', line.replace(/qop=auth, nc=00000001, /, '')],
    ['another nonce', line.replace(/nonce="./, 'nonce="_')],
    ['a nonce made up', line.replace(/nonce="[^"]*"/, `nonce="${'a'.repeat(400)}"`)],
    ['no nonce', line.replace(/nonce="[^"]*", /, '')],
    ['another realm', line.replace(/realm="[^"]*"/, 'realm="elsewhere"')],
    ['an empty response', line.replace(/response="[^"]*"/, 'response=""')],
    ['a response cut short', line.replace(/response="(.{10})[^"]*"/, 'response="$1"')],
  ] as const) {
    const answer = await thief.ask('REGISTER', uri, { ...forAlice, lines: [contact, stolen] })
    t.is(answer.status, 401, what)
  }
  t.is(
    (await hand.ask('REGISTER', uri, { ...forAlice, lines: [contact, credentials(challenge, 'alice', 'alice-secret', 2)] }))
      .status,
    200,
  )
  const asMessage = await thief.ask('MESSAGE', `sip:bob@${domain}`, {
    from: aor,
    lines: [line.replace('Authorization', 'Proxy-Authorization')],
  })
  t.is(asMessage.status, 407)
})

/** What somebody learns from a response: its status and fields, and how long it is. */
function shape(response: SipResponse, user: string): string {
  const fields = response.headers.map(([name, value]) => {
    const plain = value
      .replaceAll(user, '<user>')
      .replace(
        /(tag|branch|nonce|rport)=("[^"]*"|[^;,]*)/g,
        (_all, key, text: string) => `${key}=${key === 'rport' ? '' : text.length}`,
      )
    return name === 'Call-ID' || name === 'CSeq' || name === 'Via' ? name : `${name}: ${plain}`
  })
  return [response.status, response.reason, ...fields].join('\n')
}

test('a wrong user and a wrong password look alike, by every method', async (t) => {
  const hand = await UdpHand.open(stand)
  t.teardown(() => hand.close())
  for (const [method, place] of [
    ['REGISTER', uri],
    ['MESSAGE', `sip:bob@${domain}`],
    ['INVITE', `sip:bob@${domain}`],
    ['SUBSCRIBE', `sip:bob@${domain}`],
    ['PUBLISH', `sip:bob@${domain}`],
  ] as const) {
    const shapes = new Set<string>()
    for (const user of ['alice', 'carol', 'nobody', '100', 'admin', 'hss', 'proxy']) {
      const who = `sip:${user}@${domain}`
      const parts = { from: who, to: method === 'REGISTER' ? who : place }
      const first = await hand.ask(method, place, parts)
      const header = method === 'REGISTER' ? 'WWW-Authenticate' : 'Proxy-Authenticate'
      const guess = answerChallenge(first.texts(header), { user, password: 'guess' }, method, place, 'c')
      const line = `${method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization'}: ${guess}`
      const second = await hand.ask(method, place, { ...parts, lines: [line] })
      shapes.add(`${shape(first, user)}\n\n${shape(second, user)}`)
    }
    t.is(shapes.size, 1, `${method}\n${[...shapes].join('\n---\n')}`)
  }
})

test('whom one asks for makes no difference to a stranger', async (t) => {
  const hand = await UdpHand.open(stand)
  t.teardown(() => hand.close())
  for (const method of ['INVITE', 'MESSAGE', 'SUBSCRIBE', 'OPTIONS', 'BYE', 'NOTIFY', 'PUBLISH', 'REFER', 'INFO', 'CANCEL']) {
    const shapes = new Set<string>()
    for (const user of ['alice', 'bob', 'nobody', '100', 'admin']) {
      const place = `sip:${user}@${domain}`
      shapes.add(shape(await hand.ask(method, place, { from: `sip:stranger@elsewhere.invalid`, to: place }), user))
    }
    t.is(shapes.size, 1, `${method}\n${[...shapes].join('\n---\n')}`)
  }
})

test('a flood of SUBSCRIBE for users that nobody knows makes no subscription and leaves no transaction', async (t) => {
  const hand = await UdpHand.open(stand)
  t.teardown(() => hand.close())
  const [subscriptions, transactions] = [stand.count('subscriptions_held'), stand.count('server_transactions')]
  const parts = { lines: ['Event: presence', contact] }
  for (let i = 0; i < 3000; i++) {
    hand.send(hand.text('SUBSCRIBE', `sip:user-${i}@${domain}`, { from: `sip:spam-${i}@${domain}`, ...parts }))
    if (i % 100 === 0) await hand.ask('OPTIONS', uri)
  }
  await hand.ask('OPTIONS', uri)
  t.true(stand.count('subscriptions_held') <= subscriptions)
  t.true(stand.count('server_transactions') - transactions < 200, 'the OPTIONS asked in between, here and in other tests')
  t.is(stand.count('faults_total'), 0)
})
