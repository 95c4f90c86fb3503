/** The server transactions of RFC 3261 §17.2, RFC 6026 and RFC 4320. */
import test from 'ava'
import { buildResponse } from '../../../signalling/messages/build.ts'
import { Bench } from './bench.ts'

const halfMinute = 32_000

test('non-INVITE: repeats are absorbed, and answered again once there is an answer', async (t) => {
  const bench = new Bench()
  bench.receive('MESSAGE')
  bench.receive('MESSAGE')
  t.is(bench.served.length, 1)
  t.deepEqual(bench.sent, [])
  await bench.clock.advance(1000)
  bench.respond(bench.served[0]!, 202)
  bench.receive('MESSAGE')
  t.deepEqual(bench.sent, [
    [202, 1000],
    [202, 1000],
  ])
  t.deepEqual(bench.bytes[0], bench.bytes[1])
  await bench.clock.advance(halfMinute - 1)
  bench.receive('MESSAGE')
  t.is(bench.sent.length, 3)
  t.is(bench.left, 1)
  await bench.clock.advance(1)
  t.is(bench.left, 0)
  bench.receive('MESSAGE')
  t.is(bench.served.length, 2, 'after Timer J it is a new request')
})

test('non-INVITE on a connection is gone with its answer', (t) => {
  const bench = new Bench(true)
  bench.receive('MESSAGE')
  bench.respond(bench.served[0]!, 200)
  t.is(bench.left, 0)
  t.is(bench.clock.nextDue, undefined)
})

test('non-INVITE takes one final answer', (t) => {
  const bench = new Bench()
  bench.receive('MESSAGE')
  const [side] = bench.served
  bench.respond(side!, 100)
  bench.receive('MESSAGE')
  bench.respond(side!, 200)
  side!.respond(500, Buffer.from('never'))
  t.deepEqual(
    bench.sent.map(([what]) => what),
    [100, 100, 200],
  )
})

test('RFC 4320: given up, a non-INVITE says nothing', async (t) => {
  const bench = new Bench()
  bench.receive('MESSAGE')
  bench.served[0]!.abandon()
  t.is(bench.left, 0)
  t.deepEqual(bench.sent, [])
})

test('another branch, sender or method is another transaction', (t) => {
  const bench = new Bench()
  bench.receive('MESSAGE')
  bench.receive('MESSAGE', { branch: 'z9hG4bK-two' })
  bench.receive('MESSAGE', { via: '10.0.9.10' })
  bench.receive('MESSAGE', { via: '10.0.9.9:5070' })
  bench.receive('OPTIONS')
  t.is(bench.served.length, 5)
})

test('RFC 2543 branches are told apart by what that RFC names', (t) => {
  const bench = new Bench()
  for (const branch of ['1', 'z9hG4bK']) {
    const before = bench.served.length
    bench.receive('MESSAGE', { branch })
    bench.receive('MESSAGE', { branch })
    bench.receive('MESSAGE', { branch, callId: 'another' })
    bench.receive('MESSAGE', { branch, cseq: 2 })
    bench.receive('MESSAGE', { branch, fromTag: 'another' })
    t.is(bench.served.length, before + 4)
  }
})

test('INVITE: a failure is repeated at T1, doubling to T2, for 64*T1', async (t) => {
  const bench = new Bench()
  bench.receive('INVITE')
  bench.respond(bench.served[0]!, 486)
  await bench.clock.advance(40_000)
  t.deepEqual(
    bench.sent.map(([, at]) => at),
    [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500],
  )
  t.is(bench.left, 0)
  t.is(bench.clock.nextDue, undefined)
})

test('INVITE: the ACK of a failure ends there, and its copies are absorbed for T4', async (t) => {
  const bench = new Bench()
  bench.receive('INVITE')
  bench.respond(bench.served[0]!, 486)
  await bench.clock.advance(600)
  bench.receive('ACK', { toTag: 'us' })
  bench.receive('ACK', { toTag: 'us' })
  bench.receive('INVITE')
  await bench.clock.advance(4999)
  t.deepEqual(bench.sent, [
    [486, 0],
    [486, 500],
  ])
  t.is(bench.left, 1)
  await bench.clock.advance(1)
  t.is(bench.left, 0)
  t.deepEqual(bench.acks, [])
})

test('INVITE on a connection: one failure, gone with its ACK or after 64*T1', async (t) => {
  const bench = new Bench(true)
  bench.receive('INVITE')
  bench.respond(bench.served[0]!, 486)
  bench.receive('ACK', { toTag: 'us' })
  t.is(bench.left, 0)
  bench.receive('INVITE', { branch: 'z9hG4bK-two' })
  bench.respond(bench.served[1]!, 486)
  await bench.clock.advance(halfMinute)
  t.is(bench.left, 0)
  t.is(bench.sent.length, 2)
})

test('INVITE: repeats get the newest provisional response', (t) => {
  const bench = new Bench()
  bench.receive('INVITE')
  bench.receive('INVITE')
  t.deepEqual(bench.sent, [])
  bench.respond(bench.served[0]!, 100)
  bench.respond(bench.served[0]!, 180)
  bench.receive('INVITE')
  t.deepEqual(
    bench.sent.map(([what]) => what),
    [100, 180, 180],
  )
  t.is(bench.served.length, 1)
})

test('INVITE accepted: 2xx pass as often as they come, repeats and failures do not, the ACK goes on', async (t) => {
  const bench = new Bench()
  bench.receive('INVITE')
  const side = bench.served[0]!
  bench.respond(side, 200)
  bench.respond(side, 200)
  bench.respond(side, 486)
  bench.respond(side, 180)
  bench.receive('INVITE')
  t.deepEqual(
    bench.sent.map(([what]) => what),
    [200, 200],
  )
  bench.receive('ACK', { branch: 'z9hG4bK-ack', toTag: 'us' })
  bench.receive('ACK', { toTag: 'us' })
  t.is(bench.acks.length, 2, 'also that of a peer which reuses the branch')
  await bench.clock.advance(halfMinute - 1)
  t.is(bench.left, 1)
  await bench.clock.advance(1)
  t.is(bench.left, 0)
})

test('an ACK that belongs to nothing makes no transaction', (t) => {
  const bench = new Bench()
  bench.receive('ACK', { toTag: 'us' })
  t.is(bench.left, 0)
  t.is(bench.acks.length, 1)
})

test('CANCEL finds its INVITE by branch, is answered at once, and tells the user', async (t) => {
  const bench = new Bench()
  bench.receive('INVITE')
  let cancels = 0
  bench.served[0]!.onCancel = { cancel: () => void cancels++, withdraw: () => undefined }
  bench.receive('CANCEL')
  bench.receive('CANCEL')
  t.is(cancels, 1)
  t.deepEqual(
    bench.sent.map(([what]) => what),
    [200, 200],
  )
  bench.respond(bench.served[0]!, 487)
  bench.receive('ACK', { toTag: 'us' })
  bench.receive('CANCEL')
  t.is(cancels, 1)
  await bench.clock.advance(halfMinute)
  t.is(bench.left, 0)
})

test('CANCEL after a final answer changes nothing; CANCEL of nothing is 481', async (t) => {
  const bench = new Bench()
  bench.receive('INVITE')
  let cancels = 0
  bench.served[0]!.onCancel = { cancel: () => void cancels++, withdraw: () => undefined }
  bench.respond(bench.served[0]!, 486)
  bench.receive('CANCEL')
  t.is(cancels, 0)
  t.is(bench.sent.at(-1)?.[0], 200)
  bench.receive('CANCEL', { branch: 'z9hG4bK-nothing' })
  bench.receive('MESSAGE', { branch: 'z9hG4bK-message' })
  bench.receive('CANCEL', { branch: 'z9hG4bK-message' })
  t.deepEqual(
    bench.sent.slice(-2).map(([what]) => what),
    [481, 481],
  )
})

test('the table is bounded: the oldest answered ones go first, those in progress never', (t) => {
  const bench = new Bench(false, 10)
  bench.receive('MESSAGE', { branch: 'z9hG4bK-busy' })
  for (let i = 0; i < 50; i++) {
    bench.receive('MESSAGE', { branch: `z9hG4bK-${i}` })
    bench.respond(bench.served.at(-1)!, 200)
  }
  t.true(bench.left <= 11)
  bench.receive('MESSAGE', { branch: 'z9hG4bK-busy' })
  t.is(bench.served.length, 51)
})

test('a thousand answers end each at its time, and leave neither memory nor a timer', async (t) => {
  const bench = new Bench(false, 10_000)
  const branch = (i: number): string => `z9hG4bK-${i}`
  for (let i = 0; i < 1000; i++) {
    bench.receive('MESSAGE', { branch: branch(i) })
    bench.respond(bench.served[i]!, 200)
    t.is(bench.table.unanswered, 0)
    await bench.clock.advance(1)
  }
  t.is(bench.left, 1000)
  await bench.clock.advance(halfMinute - 1000 + 300)
  bench.receive('MESSAGE', { branch: branch(301) })
  t.is(bench.served.length, 1000)
  t.deepEqual(bench.bytes.at(-1), bench.bytes[301])
  bench.receive('MESSAGE', { branch: branch(300) })
  t.is(bench.served.length, 1001, 'its time was over in this millisecond')
  t.is(bench.left, 700)
  bench.served[1000]!.abandon()
  await bench.clock.advance(699)
  t.is(bench.left, 0)
  await bench.clock.advance(50)
  t.is(bench.clock.nextDue, undefined)
})

for (const method of ['MESSAGE', 'INVITE'])
  test(`${method}: a final answer that its flow cannot carry becomes a 500 that says why, a provisional one is left out`, async (t) => {
    const bench = new Bench()
    bench.flow.longest = 1000
    bench.receive(method)
    const [side] = bench.served
    const long = (status: number): Buffer =>
      buildResponse(side!.request, status, { toTag: 'us', headers: [['X-Long', 'x'.repeat(1000)]] })
    side!.respond(180, long(180))
    side!.respond(200, long(200))
    t.deepEqual(bench.sent, [[500, 0]])
    t.deepEqual(bench.tooLong, [180, 200])
    t.regex(
      bench.bytes[0]!.toString(),
      /\r\nWarning: 399 proxima "an answer of 1\d\d\d bytes is more than a datagram carries: come by TCP/,
    )
    bench.receive(method)
    t.deepEqual(bench.bytes[0], bench.bytes[1], 'its repetition is answered the same')
  })

test('a flow that cannot carry even the 500 gets nothing, and nothing stays', (t) => {
  const bench = new Bench()
  bench.flow.longest = 100
  bench.receive('MESSAGE')
  bench.respond(bench.served[0]!, 200)
  t.deepEqual([bench.sent, bench.tooLong, bench.left], [[], [200], 0])
})
