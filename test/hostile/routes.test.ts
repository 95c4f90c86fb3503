/** Via, Route, Contact and flow tokens that lie: answers go to where the datagram came from, and nobody is relayed anywhere. */
import test from 'ava'
import { requestText } from '../support/wire.ts'
import { domain, openStand, type Stand, UdpHand } from './stand.ts'

let stand: Stand
test.beforeEach(async () => {
  stand = await openStand()
})
test.afterEach.always(() => stand.close())

interface Scene {
  readonly alice: UdpHand
  readonly bob: UdpHand
  /** Whom nobody may be made to write to. */
  readonly victim: UdpHand
}

async function scene(t: { teardown(end: () => void): void }): Promise<Scene> {
  const [alice, bob, victim] = [await UdpHand.open(stand), await UdpHand.open(stand), await UdpHand.open(stand)]
  for (const hand of [alice, bob, victim]) t.teardown(() => hand.close())
  await alice.register('alice')
  await bob.register('bob')
  return { alice, bob, victim }
}
/** Whatever was to come to the victim has come: it asks something itself, and gets that alone. */
async function heard(victim: UdpHand): Promise<number> {
  await victim.ask('OPTIONS', `sip:${domain}`, { callId: `sentinel-${victim.raw.length}` })
  return victim.raw.filter((bytes) => !bytes.includes('sentinel')).length
}

test.serial('a spoofed Via, with or without rport, received and maddr: the source is answered, its owner is not', async (t) => {
  const { alice, victim } = await scene(t)
  const there = `127.0.0.1:${victim.port}`
  for (const [i, via] of [
    `${there};rport`,
    `${there};received=127.0.0.1;rport=${victim.port}`,
    `127.0.0.1;rport=${victim.port}`,
    `10.255.255.1:${victim.port};maddr=127.0.0.1`,
    `nowhere.invalid;received=127.0.0.1`,
    `[::1]:${victim.port}`,
  ].entries()) {
    const answer = await alice.ask('OPTIONS', `sip:${domain}`, { via, branch: `z9hG4bK-via-${i}`, callId: `via-${i}` })
    t.is(answer.status, 200, via)
    t.is(answer.via?.has('rport') ? answer.via.parameters.get('rport') : '', via.includes('rport') ? String(alice.port) : '')
  }
  alice.send(requestText('OPTIONS', 'sip:a b', { via: `${there};rport`, branch: 'z9hG4bK-bad', callId: 'bad' })) // malformed
  await alice.until(() => alice.finalOf('bad', 1) !== undefined)
  t.is(await heard(victim), 0)
})

test.serial(
  'a Via without rport, of the very address that it came from: its port is answered, and no other host (RFC 3261 §18.2.2)',
  async (t) => {
    const { alice, victim } = await scene(t)
    const own = await UdpHand.open(stand) // another socket of the same host
    t.teardown(() => own.close())
    alice.send(requestText('OPTIONS', `sip:${domain}`, { via: `127.0.0.1:${own.port}`, branch: 'z9hG4bK-own', callId: 'own' }))
    await own.until(() => own.finalOf('own', 1) !== undefined)
    t.is(own.finalOf('own', 1)?.status, 200)
    t.is(alice.finalOf('own', 1), undefined)
    t.is(await heard(victim), 0)
  },
)

test.serial('a forged response, with a branch that is nobody’s or of another flow, changes nothing', async (t) => {
  const { alice, bob, victim } = await scene(t)
  const waiting = alice.askAs('alice', 'MESSAGE', `sip:bob@${domain}`, { body: 'hello', lines: ['Content-Type: text/plain'] })
  await bob.until(() => bob.requests.length > 0)
  const [message] = bob.requests
  const vias = message!.vias.length
  t.is(vias, 2)
  const guess = `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-guess\r\nVia: SIP/2.0/UDP 127.0.0.1:${alice.port}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n\r\n`
  victim.send(guess)
  t.is(await heard(victim), 0)
  t.false(alice.responses.some((each) => each.callId === '1'))
  bob.send(Buffer.from(responseTo(message!.bytes.toString(), 200)))
  t.is((await waiting).status, 200)
})

function responseTo(request: string, status: number): string {
  const lines = request.split('\r\n\r\n')[0]!.split('\r\n').slice(1)
  const kept = lines.filter((line) => /^(Via|From|To|Call-ID|CSeq):/i.test(line))
  return `SIP/2.0 ${status} OK\r\n${kept.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`
}

test.serial('no open relay: by Route, Request-URI, maddr, or a URI in a GRUU’s or an element’s clothes', async (t) => {
  const { alice, victim } = await scene(t)
  const there = `127.0.0.1:${victim.port}`
  const routed = (route: string) => ({ lines: [`Route: <${route}>`] })
  const ways = [
    [`sip:bob@${domain}`, routed(`sip:${there};lr`)],
    [`sip:bob@${domain}`, routed(`sip:${domain};lr>,<sip:${there};lr`)],
    [`sip:bob@${domain}`, routed(`sip:proxy@${domain};lr>,<sip:${there};lr`)],
    [`sip:victim@${there}`, {}],
    [`sip:victim@${there};transport=udp`, {}],
    [`sip:victim@${there};maddr=127.0.0.1`, {}],
    [`sip:${domain};maddr=127.0.0.1`, {}],
    [`sip:victim@elsewhere.invalid;maddr=127.0.0.1`, {}],
    [`sip:victim@${there};gr=urn:uuid:0`, {}],
    [`sip:hss@${there}`, {}],
    [`sip:prose@${there}`, {}],
    [`sip:%70rose@${there}`, {}],
  ] as const
  for (const method of ['MESSAGE', 'INVITE', 'SUBSCRIBE', 'OPTIONS', 'REFER']) {
    for (const [uri, parts] of ways) {
      const anonymous = await alice.ask(method, uri, { from: 'sip:stranger@elsewhere.invalid', ...parts })
      t.true(anonymous.status >= 400 || method === 'OPTIONS', `${method} ${uri}: ${anonymous.status}`)
      const known = await alice.askAs('alice', method, uri, parts)
      t.true(known.status >= 400 || method === 'OPTIONS', `alice, ${method} ${uri}: ${known.status}`)
    }
  }
  t.is(await heard(victim), 0)
  t.is(stand.count('faults_total'), 0)
})

test.serial('flow tokens: forged ones lead nowhere, another’s leads to its owner alone', async (t) => {
  const { alice, bob, victim } = await scene(t)
  const calling = alice.askAs('alice', 'INVITE', `sip:bob@${domain}`, { lines: [`Contact: <sip:alice@127.0.0.1:${alice.port}>`] })
  await bob.until(() => bob.requests.length > 0)
  const invite = bob.requests[0]!
  const routes = invite.list('Record-Route')
  t.true(routes.length >= 1)
  bob.send(responseTo(invite.bytes.toString(), 486))
  t.is((await calling).status, 486)
  const tokenOf = (route: string): string => /sip:proxy\.([^@]+)@/.exec(route)![1]!
  const tokens = routes.map(tokenOf)
  const body = (name: string): string => Buffer.from(name).toString('base64url')
  const forged = [
    `${body(`UDP|127.0.0.1|${victim.port}|${stand.udp}`)}.${tokens[0]!.split('.').at(-1)}`,
    `${body(`UDP|127.0.0.1|${victim.port}|${stand.udp}`)}.`,
    body(`UDP|127.0.0.1|${victim.port}|${stand.udp}`),
    tokens[0]!.slice(0, -1),
    `${tokens[0]}x`,
    tokens[0]!.replace(/^.../, 'VVR'),
    '.',
    '%00',
  ]
  const place = /@([^;>]+)/.exec(routes[0]!)![1]!
  for (const token of forged) {
    const lines = [`Route: <sip:proxy.${token}@${place};lr>`]
    for (const method of ['MESSAGE', 'ACK', 'BYE']) {
      if (method === 'ACK') victim.send(victim.text('ACK', `sip:victim@127.0.0.1:${victim.port}`, { lines }))
      else {
        t.true((await victim.ask(method, `sip:victim@127.0.0.1:${victim.port}`, { lines })).status >= 400)
        t.true((await alice.askAs('alice', method, `sip:victim@127.0.0.1:${victim.port}`, { lines })).status >= 400)
      }
    }
  }
  await heard(victim)
  t.deepEqual(victim.requests, [])

  const stolen = { lines: [`Route: <sip:proxy.${tokens.find((token) => token !== tokens.at(-1)) ?? tokens[0]}@${place};lr>`] }
  const stranger = await victim.ask('MESSAGE', `sip:victim@127.0.0.1:${victim.port}`, stolen)
  t.is(stranger.status, 407, 'who has stolen a token still has to say who he is')
  await heard(victim)
  t.deepEqual(victim.requests, [])
  t.is(bob.requests.filter(({ method }) => method === 'MESSAGE').length, 0)
})

test.serial('a Contact that names another address brings nothing there: requests go by the flow of its REGISTER', async (t) => {
  const { alice, bob, victim } = await scene(t)
  const { status } = await bob.askAs('bob', 'REGISTER', `sip:${domain}`, {
    to: `sip:bob@${domain}`,
    lines: [`Contact: <sip:bob@127.0.0.1:${victim.port};transport=udp;maddr=127.0.0.1>`, 'Contact: <sip:bob@127.0.0.1:9>'],
  })
  t.is(status, 200)
  const asking = alice.askAs('alice', 'MESSAGE', `sip:bob@${domain}`, { body: 'x', lines: ['Content-Type: text/plain'] })
  await bob.until(() => bob.requests.length >= 2)
  for (const request of bob.requests) bob.send(responseTo(request.bytes.toString(), 200))
  t.is((await asking).status, 200)
  t.is(await heard(victim), 0)
})

test.serial('nobody registers, publishes or speaks for another', async (t) => {
  const { alice, victim } = await scene(t)
  const forBob = { to: `sip:bob@${domain}`, lines: [`Contact: <sip:x@127.0.0.1:${victim.port}>`] }
  t.is((await alice.askAs('alice', 'REGISTER', `sip:${domain}`, forBob)).status, 403)
  t.is((await alice.askAs('alice', 'REGISTER', `sip:${domain}`, { ...forBob, lines: ['Contact: *', 'Expires: 0'] })).status, 403)
  const asBob = { from: `sip:bob@${domain}`, body: 'x', lines: ['Content-Type: text/plain'] }
  t.is((await victim.ask('MESSAGE', `sip:alice@${domain}`, asBob)).status, 407, 'from another port he is a stranger')
  const asserted = { lines: [`P-Asserted-Identity: <sip:bob@${domain}>`, 'Content-Type: text/plain'], body: 'x' }
  const sending = alice.askAs('alice', 'MESSAGE', `sip:alice@${domain}`, asserted)
  await alice.until(() => alice.requests.length > 0)
  const [got] = alice.requests
  t.deepEqual(got!.texts('P-Asserted-Identity'), [`<sip:alice@${domain}>`])
  alice.send(responseTo(got!.bytes.toString(), 200))
  t.is((await sending).status, 200)
})
