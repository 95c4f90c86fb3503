/** Calls through the proxy, end to end (RFC 3261 §16): one callee, and the way of everything that follows in the dialog. */
import test from 'ava'
import { buildResponse } from '../../../signalling/messages/build.ts'
import { H } from '../../../signalling/messages/names.ts'
import type { Wire } from '../../support/wire.ts'
import { calledRoutes, callerRoutes, ForkScene, story } from './fork-scene.ts'

const bob = 'sip:bob@localhost'

async function ringing(): Promise<{ scene: ForkScene; caller: Wire; callee: Wire; branch: string }> {
  const scene = await ForkScene.open()
  const caller = await scene.phone('alice')
  const callee = await scene.phone('bob')
  const branch = scene.send(caller, 'INVITE', bob, { lines: [`Contact: <sip:alice@${caller.here.host}>`] })
  await scene.pass(10)
  callee.answer(callee.requests[0]!, 180, { recordRoute: true, headers: [['Contact', `<sip:bob@${callee.here.host}>`]] })
  await scene.pass(10)
  return { scene, caller, callee, branch }
}

test('INVITE, 100, 180, 200, ACK, BYE', async (t) => {
  const { scene, caller, callee } = await ringing()
  t.deepEqual(caller.statuses, [100, 180])
  const invite = callee.requests[0]!
  t.is(invite.uriText, `sip:bob@${callee.here.host}:5060`)
  t.is(invite.maxForwards, 69)
  t.is(invite.vias.length, 2)
  t.is(invite.list(H['Record-Route']).length, 2)
  callee.answer(invite, 200, { recordRoute: true, headers: [['Contact', `<sip:bob@${callee.here.host}>`]] })
  await scene.pass(10)
  const accepted = caller.responses[2]!
  t.is(accepted.status, 200)
  t.is(accepted.vias.length, 1, 'our Via is off again')
  const dialog = { toTag: accepted.toTag, to: bob, lines: callerRoutes(accepted) }
  scene.send(caller, 'ACK', `sip:bob@${callee.here.host}`, dialog)
  await scene.pass(10)
  const ack = callee.requests[1]!
  t.is(ack.method, 'ACK')
  t.deepEqual(ack.texts(H.Route), [])
  t.is(ack.maxForwards, 69)
  t.not(ack.via?.branch, invite.via?.branch)
  scene.send(callee, 'BYE', `sip:alice@${caller.here.host}`, {
    from: bob,
    fromTag: accepted.toTag,
    to: 'sip:alice@localhost',
    toTag: 'from-1',
    lines: calledRoutes(invite),
  })
  await scene.pass(10)
  caller.answer(caller.requests[0]!, 200)
  await scene.pass(10)
  t.deepEqual(story(caller), [
    'SIP/2.0 100 Trying',
    'SIP/2.0 180 Ringing',
    'SIP/2.0 200 OK',
    `BYE sip:alice@${caller.here.host} SIP/2.0`,
  ])
  t.is(callee.statuses[0], 200)
  await scene.quiet(t)
})

test('a 2xx that is not acknowledged comes again, and so does its ACK', async (t) => {
  const { scene, caller, callee } = await ringing()
  for (let i = 0; i < 3; i++) {
    callee.answer(callee.requests[0]!, 200, { recordRoute: true })
    await scene.pass(500)
  }
  t.deepEqual(caller.statuses, [100, 180, 200, 200, 200])
  const ack = { branch: 'z9hG4bK-ack', toTag: caller.responses[2]!.toTag, lines: callerRoutes(caller.responses[2]!) }
  scene.send(caller, 'ACK', `sip:bob@${callee.here.host}`, ack)
  scene.send(caller, 'ACK', `sip:bob@${callee.here.host}`, ack)
  await scene.pass(10)
  t.deepEqual(
    callee.requests.map(({ method }) => method),
    ['INVITE', 'ACK', 'ACK'],
  )
  await scene.quiet(t)
})

test('CANCEL: 200 for it, 487 for the INVITE, each hop acknowledges for itself', async (t) => {
  const { scene, caller, callee, branch } = await ringing()
  scene.send(caller, 'CANCEL', bob, { branch })
  await scene.pass(10)
  const cancel = callee.requests[1]!
  t.is(cancel.method, 'CANCEL')
  t.is(cancel.uriText, callee.requests[0]!.uriText)
  callee.answer(cancel, 200)
  callee.answer(callee.requests[0]!, 487)
  await scene.pass(10)
  t.deepEqual(caller.statuses, [100, 180, 200, 487])
  t.is(callee.requests[2]!.method, 'ACK', 'ours')
  scene.send(caller, 'ACK', bob, { branch, toTag: caller.responses.at(-1)!.toTag })
  await scene.pass(10)
  t.is(callee.requests.length, 3, 'the caller’s ACK goes no further')
  await scene.quiet(t)
})

test('a CANCEL by somebody else who has read the branch cancels nothing', async (t) => {
  const { scene, caller, callee, branch } = await ringing()
  const stranger = await scene.phone()
  scene.send(stranger, 'CANCEL', bob, { branch, via: caller.here.host })
  await scene.pass(10)
  t.deepEqual(stranger.statuses, [481])
  t.is(callee.requests.length, 1)
  callee.answer(callee.requests[0]!, 200)
  await scene.pass(10)
  t.is(caller.statuses.at(-1), 200)
})

test('a 487 that a callee made from the CANCEL, with our Via alone, finds the caller all the same', async (t) => {
  const { scene, caller, callee, branch } = await ringing()
  scene.send(caller, 'CANCEL', bob, { branch })
  await scene.pass(10)
  const cancel = callee.requests[1]!
  callee.answer(cancel, 200)
  const made = buildResponse(cancel, 487, { toTag: 'net-sip' }).toString().replace('CSeq: 1 CANCEL', 'CSeq: 1 INVITE')
  callee.send(Buffer.from(made))
  await scene.pass(10)
  const last = caller.responses.at(-1)!
  t.deepEqual([last.status, last.via?.branch, last.toTag], [487, branch, 'net-sip'])
  scene.send(caller, 'ACK', bob, { branch, toTag: last.toTag })
  await scene.quiet(t)
})

test('CANCEL before the callee has said anything waits, and no answer at all is 408', async (t) => {
  const scene = await ForkScene.open()
  const caller = await scene.phone('alice')
  const callee = await scene.phone('bob')
  const branch = scene.send(caller, 'INVITE', bob)
  await scene.pass(10)
  scene.send(caller, 'CANCEL', bob, { branch })
  await scene.pass(100_000)
  t.true(callee.requests.every(({ method }) => method === 'INVITE'))
  t.deepEqual([...new Set(caller.statuses)], [100, 200, 408])
  await scene.quiet(t)
})

test('a callee that rings for ever is cancelled after Timer C; each sign of life starts it anew', async (t) => {
  const { scene, caller, callee } = await ringing()
  await scene.pass(170_000)
  callee.answer(callee.requests[0]!, 180)
  await scene.pass(170_000)
  t.is(callee.requests.length, 1)
  await scene.pass(15_000)
  t.is(callee.requests[1]!.method, 'CANCEL')
  callee.answer(callee.requests[0]!, 487)
  await scene.pass(10)
  t.is(caller.statuses.at(-1), 487)
  await scene.quiet(t)
})

test('a callee that neither rings off nor answers its CANCEL is given up', async (t) => {
  const { scene, caller, callee, branch } = await ringing()
  scene.send(caller, 'CANCEL', bob, { branch })
  await scene.pass(1000)
  callee.answer(callee.requests[0]!, 180)
  await scene.pass(32_500)
  t.is(caller.statuses.at(-1), 408)
  await scene.quiet(t)
})

test('the failure of a call is acknowledged to the callee and repeated to the caller', async (t) => {
  const { scene, caller, callee, branch } = await ringing()
  callee.answer(callee.requests[0]!, 486)
  await scene.pass(600)
  t.deepEqual(caller.statuses, [100, 180, 486, 486])
  scene.send(caller, 'ACK', bob, { branch, toTag: caller.responses.at(-1)!.toTag })
  callee.answer(callee.requests[0]!, 486)
  await scene.pass(10_000)
  t.is(caller.statuses.length, 4)
  t.deepEqual(
    callee.requests.map(({ method }) => method),
    ['INVITE', 'ACK', 'ACK'],
  )
  await scene.quiet(t)
})

test('a lost INVITE, 180, 200 or ACK ends in one call all the same', async (t) => {
  for (let lost = 0; lost < 6; lost++) {
    const scene = await ForkScene.open()
    const caller = await scene.phone('alice')
    const callee = await scene.phone('bob')
    let count = 0
    scene.lab.network.fate = () => (count++ === lost ? [] : [1])
    let rung = false
    callee.onRequest = (request) => {
      if (request.method === 'INVITE') callee.answer(request, rung ? 200 : 180, { recordRoute: true })
      rung = true
    }
    const branch = scene.send(caller, 'INVITE', bob)
    for (let i = 0; i < 8 && !caller.statuses.includes(200); i++) {
      await scene.pass(500)
      if (caller.statuses.length === 0) scene.send(caller, 'INVITE', bob, { branch })
      const invite = callee.requests[0]
      if (invite !== undefined) callee.answer(invite, 200, { recordRoute: true })
    }
    t.true(caller.statuses.includes(200), `datagram ${lost} lost`)
    t.is(new Set(callee.requests.map(({ via }) => via!.branch)).size, 1)
    await scene.quiet(t)
  }
})

test('RFC 4320: a MESSAGE that nobody answers gets no late 408', async (t) => {
  const scene = await ForkScene.open()
  const caller = await scene.phone('alice')
  const callee = await scene.phone('bob')
  scene.send(caller, 'MESSAGE', bob)
  await scene.pass(100_000)
  t.deepEqual(caller.statuses, [])
  t.is(callee.requests.length, 11)
  await scene.quiet(t)
})

test('the 100 echoes Timestamp, and nothing else does (RFC 3261 §8.2.6.1)', async (t) => {
  const scene = await ForkScene.open()
  const [caller, callee] = [await scene.phone('alice'), await scene.phone('bob')]
  scene.send(caller, 'INVITE', bob, { lines: ['Timestamp: 54.3'] })
  await scene.pass(10)
  callee.answer(callee.requests[0]!, 180)
  await scene.pass(10)
  t.deepEqual(
    caller.responses.map((response) => [response.status, response.text('Timestamp')]),
    [
      [100, '54.3'],
      [180, undefined],
    ],
  )
})
