/** One request to several bindings (RFC 3261 §16.6, §16.7), and what is refused rather than forwarded. */
import test from 'ava'
import { H } from '../../../signalling/messages/names.ts'
import type { Wire } from '../../support/wire.ts'
import { calledRoutes, callerRoutes, ForkScene } from './fork-scene.ts'

const bob = 'sip:bob@localhost'

interface Forked {
  readonly scene: ForkScene
  readonly caller: Wire
  readonly desk: Wire
  readonly mobile: Wire
  readonly branch: string
}

async function forked(method: string, deskParameters = '', mobileParameters = ''): Promise<Forked> {
  const scene = await ForkScene.open()
  const caller = await scene.phone('alice')
  const desk = await scene.phone('bob', deskParameters)
  const mobile = await scene.phone('bob', mobileParameters)
  const branch = scene.send(caller, method, bob)
  await scene.pass(10)
  return { scene, caller, desk, mobile, branch }
}

function methods(wire: Wire): readonly string[] {
  return wire.requests.map(({ method }) => method)
}

test('both ring, the first 200 wins, the other is cancelled', async (t) => {
  const { scene, caller, desk, mobile } = await forked('INVITE')
  desk.answer(desk.requests[0]!, 180)
  mobile.answer(mobile.requests[0]!, 180)
  await scene.pass(10)
  mobile.answer(mobile.requests[0]!, 200)
  await scene.pass(10)
  t.deepEqual(methods(desk), ['INVITE', 'CANCEL'])
  t.deepEqual(methods(mobile), ['INVITE'])
  desk.answer(desk.requests[1]!, 200)
  desk.answer(desk.requests[0]!, 487)
  await scene.pass(10)
  t.deepEqual(caller.statuses, [100, 180, 180, 200])
  t.not(desk.requests[0]!.via?.branch, mobile.requests[0]!.via?.branch)
  await scene.quiet(t)
})

test('two that answer at once are both passed on: the caller has two dialogs', async (t) => {
  const { scene, caller, desk, mobile } = await forked('INVITE')
  desk.answer(desk.requests[0]!, 200)
  mobile.answer(mobile.requests[0]!, 200)
  await scene.pass(10)
  t.deepEqual(caller.statuses, [100, 200, 200])
  t.is(new Set(caller.responses.slice(1).map(({ toTag }) => toTag)).size, 2)
  await scene.quiet(t)
})

test('each binding’s dialog has its own way back and forth', async (t) => {
  for (const winner of ['desk', 'mobile'] as const) {
    const scenery = await forked('INVITE')
    const { scene, caller } = scenery
    const callee = scenery[winner]
    callee.answer(callee.requests[0]!, 200, { recordRoute: true })
    await scene.pass(10)
    const accepted = caller.responses.at(-1)!
    scene.send(caller, 'BYE', `sip:bob@${callee.here.host}`, { toTag: accepted.toTag, cseq: 2, lines: callerRoutes(accepted) })
    await scene.pass(10)
    t.deepEqual(methods(callee), ['INVITE', 'BYE'], `to the ${winner}`)
    scene.send(callee, 'INFO', `sip:alice@${caller.here.host}`, {
      from: bob,
      fromTag: accepted.toTag,
      to: 'sip:alice@localhost',
      toTag: 'from-1',
      lines: calledRoutes(callee.requests[0]!),
    })
    await scene.pass(10)
    t.deepEqual(methods(caller), ['INFO'])
    await scene.quiet(t)
  }
})

test('a 6xx ends the search, and is the answer', async (t) => {
  const { scene, caller, desk, mobile } = await forked('INVITE')
  desk.answer(desk.requests[0]!, 180)
  mobile.answer(mobile.requests[0]!, 603)
  await scene.pass(10)
  t.deepEqual(methods(desk), ['INVITE', 'CANCEL'])
  t.false(caller.statuses.includes(603), 'not before all branches have ended')
  desk.answer(desk.requests[0]!, 487)
  await scene.pass(10)
  t.is(caller.statuses.at(-1), 603)
  await scene.quiet(t)
})

const bests: readonly (readonly [number, number, number])[] = [
  [486, 404, 486],
  [404, 302, 302],
  [503, 486, 486],
  [500, 480, 480],
  [480, 401, 401],
  [486, 415, 415],
  [503, 500, 500],
]

for (const [first, second, best] of bests)
  test(`of ${first} and ${second} the best is ${best}`, async (t) => {
    const { scene, caller, desk, mobile } = await forked('INVITE')
    desk.answer(desk.requests[0]!, first)
    await scene.pass(10)
    t.deepEqual(caller.statuses, [100])
    mobile.answer(mobile.requests[0]!, second)
    await scene.pass(10)
    t.deepEqual(caller.statuses, [100, best])
    await scene.quiet(t)
  })

test('a silent binding does not outweigh one that answered', async (t) => {
  const { scene, caller, desk } = await forked('INVITE')
  desk.answer(desk.requests[0]!, 486)
  await scene.pass(31_000)
  t.deepEqual(caller.statuses, [100])
  await scene.pass(1100)
  t.is(caller.statuses[1], 486)
  await scene.quiet(t)
})

test('challenges of all branches go back together, whichever answer is the best', async (t) => {
  const { scene, caller, desk, mobile } = await forked('MESSAGE')
  mobile.answer(mobile.requests[0]!, 407, { headers: [['Proxy-Authenticate', 'Digest realm="mobile", nonce="1"']] })
  desk.answer(desk.requests[0]!, 401, { headers: [['WWW-Authenticate', 'Digest realm="desk", nonce="2"']] })
  await scene.pass(10)
  const [answer] = caller.responses
  t.is(caller.responses.length, 1)
  t.deepEqual(
    [answer!.texts(H['WWW-Authenticate']), answer!.texts(H['Proxy-Authenticate'])],
    [['Digest realm="desk", nonce="2"'], ['Digest realm="mobile", nonce="1"']],
  )
  await scene.quiet(t)
})

test('q: the higher first, the lower only when that has failed', async (t) => {
  const { scene, caller, desk, mobile } = await forked('INVITE', ';q=0.3', ';q=0.8')
  t.deepEqual([methods(desk), methods(mobile)], [[], ['INVITE']])
  mobile.answer(mobile.requests[0]!, 486)
  await scene.pass(10)
  t.deepEqual(methods(desk), ['INVITE'])
  desk.answer(desk.requests[0]!, 200)
  await scene.pass(10)
  t.deepEqual(caller.statuses, [100, 200])
  await scene.quiet(t)
})

test('q: who cancels, or hears a 6xx, spares the rest', async (t) => {
  const first = await forked('INVITE', ';q=0.3', ';q=0.8')
  first.mobile.answer(first.mobile.requests[0]!, 603)
  await first.scene.pass(100)
  t.deepEqual(methods(first.desk), [])
  t.is(first.caller.statuses.at(-1), 603)
  await first.scene.quiet(t)
  const second = await forked('INVITE', ';q=0.3', ';q=0.8')
  second.mobile.answer(second.mobile.requests[0]!, 180)
  await second.scene.pass(10)
  second.scene.send(second.caller, 'CANCEL', bob, { branch: second.branch })
  await second.scene.pass(10)
  second.mobile.answer(second.mobile.requests[0]!, 487)
  await second.scene.pass(10)
  t.deepEqual(methods(second.desk), [])
  t.is(second.caller.statuses.at(-1), 487)
  await second.scene.quiet(t)
})

test('a MESSAGE to two bindings: the first 200 is the answer, the second is not sent again', async (t) => {
  const { scene, caller, desk, mobile } = await forked('MESSAGE')
  desk.answer(desk.requests[0]!, 200)
  mobile.answer(mobile.requests[0]!, 200)
  await scene.pass(1000)
  t.deepEqual(caller.statuses, [200])
  await scene.quiet(t)
})

test('no hops left is 483; the last one is used', async (t) => {
  const scene = await ForkScene.open()
  const [caller, callee] = [await scene.phone('alice'), await scene.phone('bob')]
  scene.send(caller, 'MESSAGE', bob, { maxForwards: 0 })
  await scene.pass(10)
  t.deepEqual(caller.statuses, [483])
  scene.send(caller, 'MESSAGE', bob, { maxForwards: 1 })
  await scene.pass(10)
  t.is(callee.requests[0]!.maxForwards, 0)
  callee.answer(callee.requests[0]!, 200)
  await scene.quiet(t)
})

test('a request that comes back as it went is a loop: 482', async (t) => {
  const scene = await ForkScene.open()
  const [caller, callee] = [await scene.phone('alice'), await scene.phone('bob')]
  // A phone that passes everything on to the user it serves.
  callee.onRequest = (request) => {
    const copy = request.toString().replace(request.uriText, bob)
    callee.send(copy.replace('Via: ', `Via: SIP/2.0/UDP ${callee.here.host};branch=z9hG4bK-back-${request.via!.branch}\r\nVia: `))
  }
  scene.send(caller, 'MESSAGE', bob)
  await scene.pass(100)
  t.deepEqual(callee.statuses, [482])
  t.is(callee.requests.length, 1)
  callee.answer(callee.requests[0]!, 482)
  await scene.pass(100)
  t.deepEqual(caller.statuses, [482])
  await scene.quiet(t)
})

test('a request that comes back for somebody else is a spiral, and goes its way', async (t) => {
  const scene = await ForkScene.open()
  const [caller, callee, other] = [await scene.phone('alice'), await scene.phone('bob'), await scene.phone('carol')]
  callee.onRequest = (request) => {
    const copy = request.toString().replace(request.uriText, 'sip:carol@localhost')
    callee.send(copy.replace('Via: ', `Via: SIP/2.0/UDP ${callee.here.host};branch=z9hG4bK-diverted\r\nVia: `))
  }
  scene.send(caller, 'MESSAGE', bob)
  await scene.pass(100)
  t.deepEqual(callee.statuses, [])
  const [got] = other.requests
  t.is(got!.vias.length, 4)
  other.answer(got!, 200)
  await scene.pass(100)
  t.deepEqual(callee.statuses, [200])
  t.is(callee.responses[0]!.list(H.Via).length, 3)
  callee.send(callee.responses[0]!.toString().replace(/Via: .*\r\n/, ''))
  await scene.pass(100)
  t.deepEqual(caller.statuses, [200])
  await scene.quiet(t)
})

test('two who divert to each other make a loop that ends', async (t) => {
  const scene = await ForkScene.open()
  const [caller, one, two] = [await scene.phone('alice'), await scene.phone('bob'), await scene.phone('carol')]
  for (const [wire, next] of [
    [one, 'carol'],
    [two, 'bob'],
  ] as const) {
    wire.onRequest = (request) => {
      if (request.method !== 'MESSAGE') return
      const copy = request.toString().replace(request.uriText, `sip:${next}@localhost`)
      wire.send(
        copy.replace('Via: ', `Via: SIP/2.0/UDP ${wire.here.host};branch=z9hG4bK-${next}-${request.via!.branch}\r\nVia: `),
      )
    }
  }
  scene.send(caller, 'MESSAGE', bob)
  await scene.pass(100)
  t.deepEqual([one.requests.length, two.requests.length], [1, 1])
  t.deepEqual(two.statuses, [482])
  await scene.quiet(t)
})

test('our own Via made up by a stranger is no loop', async (t) => {
  const { scene, caller, desk } = await forked('MESSAGE')
  desk.answer(desk.requests[0]!, 200)
  await scene.pass(100)
  const branch = desk.requests[0]!.via!.branch!
  desk.clear()
  scene.send(caller, 'MESSAGE', bob, { lines: [`Via: SIP/2.0/UDP 10.0.0.1;branch=${branch}`], callId: 'another' })
  await scene.pass(100)
  t.is(desk.requests.length, 1)
  desk.answer(desk.requests[0]!, 200)
  await scene.quiet(t)
})

test('a CANCEL says why, and what the caller says passes (RFC 3326)', async (t) => {
  const reasons = ({ requests }: Wire): readonly string[] => requests.find(({ method }) => method === 'CANCEL')!.texts(H.Reason)
  for (const [status, reason] of [
    [200, 'SIP;cause=200;text="Call completed elsewhere"'],
    [603, 'SIP;cause=603;text="Decline"'],
  ] as const) {
    const { scene, desk, mobile } = await forked('INVITE')
    desk.answer(desk.requests[0]!, 180)
    mobile.answer(mobile.requests[0]!, status)
    await scene.pass(10)
    t.deepEqual(reasons(desk), [reason])
    desk.answer(desk.requests[0]!, 487)
    await scene.quiet(t)
  }
  const { scene, caller, desk, mobile, branch } = await forked('INVITE')
  for (const wire of [desk, mobile]) wire.answer(wire.requests[0]!, 180)
  await scene.pass(10)
  const said = ['SIP ;cause=487 ;text="Never mind"', 'Q.850;cause=16']
  scene.send(caller, 'CANCEL', bob, { branch, lines: said.map((value) => `Reason: ${value}`) })
  await scene.pass(10)
  for (const wire of [desk, mobile]) t.deepEqual(reasons(wire), said)
})

test('before the callee has said anything the reason waits with its CANCEL; without any there is none', async (t) => {
  for (const lines of [['Reason: Q.850;cause=16'], []]) {
    const { scene, caller, desk, branch } = await forked('INVITE')
    scene.send(caller, 'CANCEL', bob, { branch, lines })
    await scene.pass(10)
    t.deepEqual(methods(desk), ['INVITE'])
    desk.answer(desk.requests[0]!, 180)
    await scene.pass(10)
    const [, cancel] = desk.requests
    t.deepEqual(
      cancel!.texts(H.Reason).map((reason) => `Reason: ${reason}`),
      lines,
    )
  }
})

test('Proxy-Authorization is consumed where it is for our realm; any other goes on (RFC 3261 §22.3)', async (t) => {
  const scene = await ForkScene.open()
  const [caller, callee] = [await scene.phone('alice'), await scene.phone('bob')]
  const theirs = [
    'Digest username="alice", realm="pbx.example", nonce="n, realm=localhost", uri="sip:bob@localhost", response="0123"',
    'Bearer realm="elsewhere", token=x',
  ]
  const ours = 'Digest username="alice",\r\n realm="localhost", nonce="n", uri="sip:bob@localhost", response="0123"'
  const lines = [ours, ...theirs, 'Digest what="nobody can tell"'].map((value) => `Proxy-Authorization: ${value}`)
  scene.send(caller, 'MESSAGE', bob, { lines })
  await scene.pass(10)
  t.deepEqual(callee.requests[0]!.texts(H['Proxy-Authorization']), theirs)
  callee.answer(callee.requests[0]!, 200)
  await scene.quiet(t)
})
