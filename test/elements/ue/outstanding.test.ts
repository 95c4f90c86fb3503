/** What sip.js lacks over UDP: retransmission and absorption, in virtual time. */
import test from 'ava'
import { OutstandingRequests } from '../../../elements/ue/agents/transports/outstanding.ts'
import { ManualClock } from '../../../signalling/testing.ts'

function request(branch: string, method = 'MESSAGE'): string {
  return `${method} sip:bob@localhost SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=${branch}\r\nCSeq: 7 ${method}\r\n\r\nCSeq: 1 BYE`
}
function response(branch: string, status: number, method = 'MESSAGE'): string {
  return `SIP/2.0 ${status} x\r\nv:  SIP/2.0/UDP 127.0.0.1:9 ; branch = ${branch};received=1\r\nCSEQ:7 ${method}\r\n\r\n`
}

function setUp(reliable = false) {
  const clock = new ManualClock()
  const sent: (readonly [ms: number, text: string])[] = []
  const outstanding = new OutstandingRequests(clock, reliable, (text) => sent.push([clock.now(), text]))
  return { clock, sent, outstanding, times: () => sent.map(([ms]) => ms) }
}

test('a request goes out again at T1, doubling to T2, until 64*T1', async (t) => {
  const { clock, times, outstanding } = setUp()
  const done = outstanding.send(request('a'))
  await clock.advance(40_000)
  t.deepEqual(times(), [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500])
  await t.notThrowsAsync(done, 'sip.js itself tells of the silence')
  t.is(outstanding.size, 0)
})

test('an INVITE has no T2, and stops at a provisional response', async (t) => {
  const { clock, times, outstanding } = setUp()
  void outstanding.send(request('a', 'INVITE'))
  await clock.advance(8000)
  t.deepEqual(times(), [0, 500, 1500, 3500, 7500])
  t.true(outstanding.admit(response('a', 100, 'INVITE')))
  await clock.advance(60_000)
  t.is(times().length, 5)
})

test('a final response ends it, of the same branch and method only', async (t) => {
  const { clock, times, outstanding } = setUp()
  const done = outstanding.send(request('a'))
  t.false(outstanding.admit(response('b', 200)), 'an answer to nothing')
  t.false(outstanding.admit(response('a', 200, 'INFO')))
  await clock.advance(600)
  t.is(times().length, 2)
  t.true(outstanding.admit(response('a', 404)))
  t.false(outstanding.admit(response('a', 404)), 'once')
  await done
  await clock.advance(60_000)
  t.is(times().length, 2)
})

test('after a provisional response it goes out every T2', async (t) => {
  const { clock, times, outstanding } = setUp()
  void outstanding.send(request('a'))
  outstanding.admit(response('a', 100))
  await clock.advance(9000)
  t.deepEqual(times(), [0, 500, 4500, 8500])
})

test('a request that comes again gets the response again and goes no further', async (t) => {
  const { clock, sent, outstanding } = setUp()
  t.true(outstanding.admit(request('x', 'NOTIFY')))
  t.false(outstanding.admit(request('x', 'NOTIFY')), 'not answered yet')
  t.is(sent.length, 0)
  await outstanding.send(response('x', 200, 'NOTIFY'))
  t.false(outstanding.admit(request('x', 'NOTIFY')))
  t.deepEqual(
    sent.map(([, text]) => text.slice(0, 11)),
    ['SIP/2.0 200', 'SIP/2.0 200'],
  )
  await clock.advance(32_000)
  t.is(outstanding.size, 0, 'Timer J')
  t.true(outstanding.admit(request('x', 'NOTIFY')))
})

test('ACK is neither repeated nor absorbed', async (t) => {
  const { clock, times, outstanding } = setUp()
  await outstanding.send(request('a', 'ACK'))
  await clock.advance(5000)
  t.is(times().length, 1)
  t.true(outstanding.admit(request('b', 'ACK')))
  t.true(outstanding.admit(request('b', 'ACK')))
})

test('where nobody listens a request is given up after some tries', async (t) => {
  const { clock, outstanding } = setUp()
  const done = outstanding.send(request('a'))
  outstanding.refused('connection refused')
  await clock.advance(500)
  outstanding.refused('connection refused')
  await clock.advance(1000)
  outstanding.refused('connection refused')
  await t.throwsAsync(done, { message: 'connection refused' })
  t.is(outstanding.size, 0)
})

test('over a connection nothing goes out again, and what is unanswered fails when it breaks', async (t) => {
  const { clock, times, outstanding } = setUp(true)
  const done = outstanding.send(request('a'))
  await clock.advance(20_000)
  t.is(times().length, 1)
  t.true(outstanding.admit(request('x')))
  t.true(outstanding.admit(request('x')))
  outstanding.clear('reset by peer')
  await t.throwsAsync(done, { message: 'reset by peer' })
})

test('what names no transaction passes', async (t) => {
  const { times, outstanding } = setUp()
  await outstanding.send('\r\n\r\n')
  t.is(times().length, 1)
  t.true(outstanding.admit('nonsense'))
  t.true(outstanding.admit('nonsense'))
})
