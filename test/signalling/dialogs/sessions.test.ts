/** Sessions (RFC 3261 §12–§15): INVITE, its answers and forks, ACK, CANCEL and BYE, of both sides. */
import test from 'ava'
import { H } from '../../../signalling/messages/names.ts'
import { Lab } from '../../support/lab.ts'
import { metric, requestText } from '../../support/wire.ts'
import { answered, Call, methods, wired } from './sessions-scene.ts'

for (const ends of ['caller', 'callee'] as const)
  test(`a session: offer, 180, answer, ACK, and the BYE of the ${ends}`, async (t) => {
    const call = await Call.open((made, exchange) => {
      t.is(exchange.request.body.toString(), 'offer')
      exchange.reply(180)
      return made.later(() => made.accept(exchange))
    })
    call.invite()
    await call.pass(2000)
    t.deepEqual(call.caller.words, ['180', '200 answer'])
    t.true(call.caller.session.live)
    t.true(call.callee.session.live)
    const other = ends === 'caller' ? call.callee : call.caller
    call[ends].session.end([['Reason', 'SIP;cause=480;text="no-direct-path"']])
    await call.pass()
    t.is(other.words.at(-1), 'ended by peer: SIP;cause=480;text="no-direct-path"')
    t.false(other.session.live)
    t.is(call[ends].words.length, ends === 'caller' ? 2 : 0, 'who ends it is not told')
    await call.pass(40_000)
    for (const node of call.lab.nodes) t.is(metric(node, 'sessions'), 0)
  })

test('CANCEL: the callee is told and the caller gets 487, also where it comes before anybody is there', async (t) => {
  for (const early of [false, true]) {
    let cancelled = 0
    const call = await Call.open((made, exchange) => {
      const listen = (): void => exchange.onCancel(() => cancelled++)
      if (!early) listen()
      exchange.reply(180)
      return made.later(() => early && listen())
    })
    const outgoing = call.invite()
    await call.pass()
    outgoing.cancel()
    await call.pass(2000)
    t.is(cancelled, 1)
    t.deepEqual(call.caller.words, ['180', 'refused 487'])
    t.false(call.exchanges[0]!.answerInvite({}, call.callee).live, 'it is settled')
  }
})
test('an answer that crosses the CANCEL is acknowledged and ended, and counts as cancelled', async (t) => {
  const { agent, pass, side, wire } = await wired()
  const outgoing = agent.host.invite({ to: 'sip:peer@10.0.9.9' }, side)
  await pass()
  wire.answer(wire.requests[0]!, 180)
  await pass()
  outgoing.cancel()
  wire.answer(wire.requests[0]!, 200, { headers: [['Contact', '<sip:peer@10.0.9.9>']] })
  await pass(400)
  t.deepEqual(methods(wire), ['INVITE 1', 'CANCEL 1', 'ACK 1', 'BYE 2'])
  t.deepEqual(side.words, ['180', 'refused 487'])
})

test('a refusal and silence are told once', async (t) => {
  const { agent, pass, side, wire } = await wired()
  agent.host.invite({ to: 'sip:peer@10.0.9.9' }, side)
  await pass()
  wire.answer(wire.requests[0]!, 486)
  await pass()
  t.deepEqual(methods(wire), ['INVITE 1', 'ACK 1'])
  wire.clear()
  agent.host.invite({ to: 'sip:peer@10.0.9.9' }, side)
  await pass(40_000)
  t.deepEqual(side.words, ['refused 486', 'refused 408'])
})

test('a challenge is answered once, and the ACK has the same credentials', async (t) => {
  const { agent, pass, side, wire } = await wired()
  agent.host.invite({ to: 'sip:peer@10.0.9.9', credentials: { user: 'agent', password: 'secret' } }, side)
  await pass()
  const challenge: [string, string] = ['Proxy-Authenticate', 'Digest realm="there", nonce="1", algorithm=MD5, qop="auth"']
  wire.answer(wire.requests[0]!, 407, { headers: [challenge] })
  await pass()
  const second = wire.requests.at(-1)!
  t.is(second.cseq.number, 2)
  t.regex(second.text('Proxy-Authorization')!, /username="agent"/)
  wire.answer(second, 200, { headers: [['Contact', '<sip:peer@10.0.9.9>']] })
  await pass()
  t.deepEqual(methods(wire), ['INVITE 1', 'ACK 1', 'INVITE 2', 'ACK 2'])
  t.is(wire.requests.at(-1)!.text('Proxy-Authorization'), second.text('Proxy-Authorization'))
  agent.host.invite({ to: 'sip:peer@10.0.9.9', credentials: { user: 'agent', password: 'wrong' } }, side)
  for (let i = 0; i < 2; i++) {
    await pass()
    wire.answer(wire.requests.at(-1)!, 407, { headers: [challenge] })
  }
  await pass()
  t.is(side.words.at(-1), 'refused 407')
})

test('each repetition of the 2xx gets its ACK, by the route set and to the Contact', async (t) => {
  const { agent, pass, side, wire } = await wired()
  agent.host.invite({ to: 'sip:peer@10.0.9.9' }, side)
  await pass()
  const headers: [string, string][] = [
    ['Contact', '<sip:device@10.0.9.8>'],
    ['Record-Route', '<sip:second@10.0.9.7;lr>'],
    ['Record-Route', '<sip:first@10.0.9.9;lr>'],
  ]
  for (let i = 0; i < 3; i++) {
    wire.answer(wire.requests[0]!, 200, { headers })
    await pass(1000)
  }
  const acks = wire.requests.filter(({ method }) => method === 'ACK')
  t.is(acks.length, 3)
  for (const ack of acks) {
    t.is(ack.uriText, 'sip:device@10.0.9.8')
    t.deepEqual(ack.list(H.Route), ['<sip:first@10.0.9.9;lr>', '<sip:second@10.0.9.7;lr>'])
  }
  t.deepEqual(side.words, ['200'])
})
test('of two forks that answer the first one stays, and the other is ended', async (t) => {
  const { agent, pass, side, wire } = await wired()
  agent.host.invite({ to: 'sip:peer@10.0.9.9' }, side)
  await pass()
  for (const toTag of ['desk', 'pocket'])
    wire.answer(wire.requests[0]!, 200, { toTag, headers: [['Contact', `<sip:${toTag}@10.0.9.9>`]] })
  await pass()
  const said = wire.requests.slice(1).map(({ method, toTag, uriText }) => `${method} ${toTag} ${uriText}`)
  t.deepEqual(said, ['ACK desk sip:desk@10.0.9.9', 'ACK pocket sip:pocket@10.0.9.9', 'BYE pocket sip:pocket@10.0.9.9'])
  t.true(side.session.live)
  const bye = (fromTag: string): string =>
    requestText('BYE', 'sip:agent@10.0.1.1', {
      ...{ fromTag, via: '10.0.9.9', branch: `z9hG4bK-${fromTag}`, callId: wire.requests[0]!.callId, cseq: 7 },
      toTag: wire.requests[0]!.fromTag,
    })
  wire.send(bye('desk'))
  await pass()
  t.deepEqual(side.words, ['200', 'ended by peer'])
})
test('of 20 forks that answer 16 are acknowledged', async (t) => {
  const { agent, lab, pass, side, wire } = await wired()
  agent.host.invite({ to: 'sip:peer@10.0.9.9' }, side)
  await pass()
  for (let i = 0; i < 20; i++)
    wire.answer(wire.requests[0]!, 200, { toTag: `fork-${i}`, headers: [['Contact', `<sip:victim-${i}@10.0.9.9>`]] })
  await pass()
  const count = (method: string): number => wire.requests.filter((each) => each.method === method).length
  t.deepEqual([count('ACK'), count('BYE')], [16, 15])
  t.is(metric(lab.nodes[0]!, 'sessions'), 16)
  t.is(metric(lab.nodes[0]!, 'invite_forks_dropped_total'), 4)
  t.true(side.session.live)
})

test('the 2xx is repeated until its ACK has come, with Contact and the recorded route', async (t) => {
  const { pass, say, wire } = await answered()
  await pass(4000)
  t.deepEqual(
    wire.times(0).map(([what, at]) => [what, Math.round(at / 100) / 10]),
    [
      [200, 0],
      [200, 0.5],
      [200, 1.5],
      [200, 3.5],
    ],
  )
  t.is(wire.responses[0]!.contactUri?.text, 'sip:agent@10.0.1.1:5060')
  t.deepEqual(wire.responses[0]!.list(H['Record-Route']), ['<sip:10.0.9.9;lr>'])
  await say('ACK', 5)
  await pass(30_000)
  t.is(wire.responses.length, 4)
})
test('without an ACK it ends after 32 s, by BYE', async (t) => {
  const { pass, side, wire } = await answered()
  await pass(33_000)
  t.deepEqual(side.words, ['ended by silence: no ACK came'])
  t.is(wire.requests[0]?.method, 'BYE')
  t.regex(wire.requests[0]!.text('Reason')!, /408/)
})
test('the BYE of a callee waits for the ACK', async (t) => {
  const { pass, say, side, wire } = await answered()
  side.session.end()
  await pass(1000)
  t.is(wire.requests.length, 0)
  await say('ACK', 5)
  t.is(wire.requests[0]?.method, 'BYE')
  t.is(wire.requests[0]?.uriText, 'sip:peer@10.0.9.9')
  t.deepEqual(side.words, [])
})
test('inside a session: what changes it is refused, old numbers 500, other tags are not its own', async (t) => {
  const { say, side, wire } = await answered()
  await say('ACK', 5)
  await say('INVITE', 6)
  await say('OPTIONS', 7)
  await say('INFO', 8)
  await say('OPTIONS', 4)
  await say('BYE', 9, { fromTag: 'stranger' })
  const answers = (): readonly string[] => [...new Set(wire.responses.map(({ cseq, status }) => `${cseq.method} ${status}`))]
  t.deepEqual(answers(), ['INVITE 200', 'INVITE 488', 'OPTIONS 200', 'INFO 405', 'OPTIONS 500', 'BYE 481'])
  t.true(side.session.live)
  await say('BYE', 9)
  t.is(answers().at(-1), 'BYE 200')
  t.false(side.session.live)
})
test('where there are as many sessions as may be, INVITE gets 503, from here and to here', async (t) => {
  const full = new Lab()
  full.sessions = 1
  const { agent, lab, pass, side, wire } = await answered(full)
  t.is(metric(lab.nodes[0]!, 'sessions'), 1)
  wire.send(requestText('INVITE', 'sip:agent@10.0.1.1', { branch: 'z9hG4bK-more', callId: 'more' }))
  agent.host.invite({ to: 'sip:peer@10.0.9.9' }, side)
  await pass()
  const refusal = wire.responses.find(({ callId }) => callId === 'more')!
  t.deepEqual([refusal.status, refusal.text(H['Retry-After'])], [503, '60'])
  t.false(side.session.live)
  t.deepEqual(side.words, ['refused 503'])
  t.is(wire.requests.length, 0)
})
test('an element that is let go, or its node stopped, says BYE for its sessions', async (t) => {
  for (const stops of [false, true]) {
    const { lab, pass, say, wire } = await answered()
    await say('ACK', 5)
    if (stops) await lab.stop()
    else void lab.nodes[0]!.letGo('agent')
    await pass(2000)
    t.is(wire.requests[0]?.method, 'BYE', stops ? 'stopped' : 'let go')
    t.is(metric(lab.nodes[0]!, 'sessions'), stops ? 0 : 1, 'a BYE of its peer that crosses it gets an answer')
  }
})
for (const [what, waits, status, times] of [
  ['a refusal by who waits for CANCEL', true, 486, 3],
  ['the 487 of who waits for CANCEL', true, 487, 3],
  ['a refusal by who does not', false, 486, 1],
] as const)
  test(`over datagrams, ${what} is said ${times} times in 2 s, and no more after its ACK`, async (t) => {
    const { agent, pass, wire } = await wired()
    agent.answer = async (exchange) => {
      const over = waits ? new Promise<void>((resolve) => exchange.onCancel(resolve)) : undefined
      if (status === 486) return exchange.reply(486)
      exchange.reply(180)
      return over
    }
    const say = (method: string): Promise<void> => {
      wire.send(requestText(method, 'sip:agent@10.0.1.1', { branch: 'z9hG4bK-refused' }))
      return pass()
    }
    const refusals = (): number => wire.statuses.filter((each) => each === status).length
    await say('INVITE')
    if (status === 487) await say('CANCEL')
    await pass(1800)
    t.is(refusals(), times)
    await say('ACK')
    await pass(30_000)
    t.is(refusals(), times)
  })
test('each who waits for CANCEL is told, whenever it asked, and without one nobody', async (t) => {
  const heard: string[] = []
  const call = await Call.open((made, exchange) => {
    exchange.onCancel(() => heard.push('first'))
    exchange.onCancel(() => heard.push('second'))
    exchange.reply(180)
    return made.later(() => exchange.onCancel(() => heard.push('late')))
  })
  const outgoing = call.invite()
  await call.pass()
  t.deepEqual([heard, call.caller.words], [[], ['180']])
  outgoing.cancel()
  await call.pass(2000)
  t.deepEqual(heard, ['first', 'second', 'late'])
  t.deepEqual(call.caller.words, ['180', 'refused 487'])
})
function fails(): never {
  throw new Error('a fault of the element')
}
test('a caller that throws over the answer has its session ended by BYE', async (t) => {
  const { agent, lab, pass, side, wire } = await wired()
  side.answered = fails
  agent.host.invite({ to: 'sip:peer@10.0.9.9' }, side)
  await pass()
  wire.answer(wire.requests[0]!, 200, { headers: [['Contact', '<sip:peer@10.0.9.9>']] })
  await pass(400)
  t.deepEqual(methods(wire), ['INVITE 1', 'ACK 1', 'BYE 2'])
  await pass(40_000)
  t.is(metric(lab.nodes[0]!, 'sessions'), 0)
  t.is(metric(lab.nodes[0]!, 'faults_total'), 1)
})
test('an element that throws over the end of its session, or over silence, costs nothing else', async (t) => {
  const { agent, lab, pass, side, wire } = await answered()
  side.ended = fails
  side.refused = fails
  agent.host.invite({ to: 'sip:peer@10.0.9.9' }, side)
  await t.notThrowsAsync(pass(33_000))
  t.true(
    wire.requests.some(({ method }) => method === 'BYE'),
    'its peer is told nevertheless',
  )
  t.is(metric(lab.nodes[0]!, 'faults_total'), 2)
})
test('a node that stops leaves no timer of a session', async (t) => {
  const { lab } = await answered()
  await lab.stop()
  await t.notThrowsAsync(lab.clock.advance(60_000))
})
