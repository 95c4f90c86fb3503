/** The client transactions of RFC 3261 §17.1, RFC 6026: each timer at its time, and nothing left when quiet. */
import test from 'ava'
import { H } from '../../../signalling/messages/names.ts'
import { Bench } from './bench.ts'

const halfMinute = 32_000

test('non-INVITE repeats at T1, doubling to T2, and gives up after 64*T1', async (t) => {
  const bench = new Bench()
  const { outcomes } = bench.client('MESSAGE')
  await bench.clock.advance(40_000)
  t.deepEqual(
    bench.sent.map(([, at]) => at),
    [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500],
  )
  t.deepEqual(outcomes, ['none 408'])
  t.is(bench.left, 0)
  t.is(bench.clock.nextDue, undefined, 'no timer is left running')
})

test('non-INVITE repeats every T2 once a provisional response has come', async (t) => {
  const bench = new Bench()
  const { outcomes } = bench.client('MESSAGE')
  await bench.clock.advance(100)
  bench.answer(100)
  await bench.clock.advance(halfMinute)
  t.deepEqual(
    bench.sent.map(([, at]) => at),
    [0, 500, 4500, 8500, 12_500, 16_500, 20_500, 24_500, 28_500],
  )
  t.deepEqual(outcomes, [100, 'none 408'])
  t.is(bench.left, 0)
})

test('non-INVITE: a final response ends it, and its copies are dropped', async (t) => {
  const bench = new Bench()
  const { outcomes } = bench.client('MESSAGE')
  await bench.clock.advance(100)
  bench.answer(200)
  bench.answer(200)
  bench.answer(404)
  await bench.clock.advance(halfMinute)
  t.deepEqual(outcomes, [200])
  t.is(bench.sent.length, 1)
  t.is(bench.left, 0)
})

test('a branch that its user has named is answered like any other, until it has its outcome', async (t) => {
  const bench = new Bench()
  const { outcomes } = bench.client('MESSAGE', { branch: 'z9hG4bKagain' })
  bench.answer(200)
  bench.answer(404)
  t.deepEqual(outcomes, [200])
  await bench.clock.advance(halfMinute)
  t.is(bench.left, 0)
})

test('a slot that is used again does not hear of the answers to what was in it', (t) => {
  const bench = new Bench()
  const first = bench.client('MESSAGE')
  bench.answer(200, 0)
  const second = bench.client('MESSAGE')
  t.is(first.transaction.slot, second.transaction.slot)
  bench.answer(503, 0)
  t.deepEqual(second.outcomes, [])
  bench.answer(202, 1)
  t.deepEqual([first.outcomes, second.outcomes], [[200], [202]])
})

test('on a connection nothing is repeated, and a break is told once', async (t) => {
  for (const method of ['MESSAGE', 'INVITE']) {
    const bench = new Bench(true)
    const { outcomes } = bench.client(method)
    await bench.clock.advance(10_000)
    t.is(bench.sent.length, 1)
    bench.table.flowClosed(bench.flow)
    bench.table.flowClosed(bench.flow)
    bench.answer(200)
    await bench.clock.advance(halfMinute)
    t.deepEqual(outcomes, ['none 503'])
    t.is(bench.left, 0)
  }
})

test('on a connection that stays silent the time runs out all the same', async (t) => {
  for (const method of ['MESSAGE', 'INVITE']) {
    const bench = new Bench(true)
    const { outcomes } = bench.client(method)
    await bench.clock.advance(31_999)
    t.deepEqual(outcomes, [])
    await bench.clock.advance(1)
    t.deepEqual(outcomes, ['none 408'])
    t.is(bench.left, 0)
  }
})

test('what a flow does not take fails at once, but not within the call', async (t) => {
  const bench = new Bench(true)
  bench.flow.close()
  const { outcomes } = bench.client('MESSAGE')
  t.deepEqual(outcomes, [])
  await bench.clock.settle()
  t.deepEqual(outcomes, ['none 503'])
  t.is(bench.left, 0)
  t.is(bench.clock.nextDue, undefined)
})

test('INVITE repeats at T1, doubling without bound, and gives up after 64*T1', async (t) => {
  const bench = new Bench()
  const { outcomes } = bench.client('INVITE')
  await bench.clock.advance(40_000)
  t.deepEqual(
    bench.sent.map(([, at]) => at),
    [0, 500, 1500, 3500, 7500, 15_500, 31_500],
  )
  t.deepEqual(outcomes, ['none 408'])
  t.is(bench.left, 0)
})

test('INVITE: a provisional response stops the repeating; there is no end but the user’s', async (t) => {
  const bench = new Bench()
  const { outcomes } = bench.client('INVITE')
  await bench.clock.advance(600)
  bench.answer(100)
  bench.answer(180)
  await bench.clock.advance(100_000)
  t.is(bench.sent.length, 2)
  t.deepEqual(outcomes, [100, 180])
})

test('INVITE: each copy of a failure is acknowledged on the same branch, for 64*T1', async (t) => {
  const bench = new Bench()
  const { outcomes, transaction } = bench.client('INVITE', { lines: ['Route: <sip:10.0.0.9;lr>', 'Subject: x'] })
  bench.answer(486)
  await bench.clock.advance(500)
  bench.answer(486)
  bench.answer(500)
  t.deepEqual(outcomes, [486])
  t.deepEqual(bench.sent, [
    ['INVITE', 0],
    ['ACK', 0],
    ['ACK', 500],
    ['ACK', 500],
  ])
  const [invite, ack] = [bench.request(0), bench.request(1)]
  t.is(ack.fault, undefined)
  t.is(ack.via?.branch, transaction.branch)
  t.is(ack.uriText, invite.uriText)
  t.deepEqual(ack.cseq, { number: invite.cseq.number, method: 'ACK' })
  t.is(ack.toTag, 'peer')
  t.deepEqual(ack.texts(H.Route), ['<sip:10.0.0.9;lr>'])
  t.is(ack.text('Subject'), undefined)
  t.is(ack.vias.length, 1)
  t.is(bench.left, 1)
  await bench.clock.advance(halfMinute)
  t.is(bench.left, 0)
  bench.answer(486)
  t.is(bench.sent.length, 4)
})

test('INVITE on a connection ends with its ACK', (t) => {
  const bench = new Bench(true)
  bench.client('INVITE')
  bench.answer(404)
  t.deepEqual(bench.sent.at(-1)?.[0], 'ACK')
  t.is(bench.left, 0)
})

test('INVITE: every 2xx is passed up for 64*T1, and none is acknowledged here', async (t) => {
  const bench = new Bench()
  const { outcomes } = bench.client('INVITE')
  bench.answer(180)
  bench.answer(200, 0, 'first')
  await bench.clock.advance(500)
  bench.answer(200, 0, 'first')
  bench.answer(200, 0, 'second')
  bench.answer(486, 0, 'late')
  bench.answer(183, 0, 'late')
  t.deepEqual(outcomes, [180, 200, 200, 200])
  t.is(bench.sent.length, 1)
  t.is(bench.left, 1)
  await bench.clock.advance(halfMinute)
  t.is(bench.left, 0)
  bench.answer(200, 0, 'first')
  t.is(outcomes.length, 4)
})

test('CANCEL waits for a provisional response', async (t) => {
  const bench = new Bench()
  const { outcomes, transaction } = bench.client('INVITE')
  transaction.cancel()
  transaction.cancel()
  await bench.clock.advance(100)
  t.deepEqual(bench.sent, [['INVITE', 0]])
  bench.answer(180)
  t.deepEqual(bench.sent.at(-1), ['CANCEL', 100])
  const cancel = bench.request(-1)
  t.is(cancel.fault, undefined)
  t.is(cancel.via?.branch, transaction.branch)
  t.deepEqual(cancel.cseq, { number: 1, method: 'CANCEL' })
  t.is(cancel.toTag, '')
  bench.answer(200, -1)
  bench.answer(487)
  t.deepEqual(outcomes, [180, 487])
  await bench.clock.advance(halfMinute)
  t.deepEqual(
    bench.sent.map(([what]) => what),
    ['INVITE', 'CANCEL', 'ACK'],
  )
  t.is(bench.left, 0)
})

test('CANCEL is repeated like any request, and a peer that answers neither is given up', async (t) => {
  const bench = new Bench()
  const { outcomes, transaction } = bench.client('INVITE')
  bench.answer(100)
  transaction.cancel()
  await bench.clock.advance(5000)
  bench.answer(180) // another provisional response must not stop the clock
  await bench.clock.advance(60_000)
  const cancels = bench.sent.filter(([what]) => what === 'CANCEL').map(([, at]) => at)
  t.deepEqual(cancels.slice(0, 6), [0, 500, 1500, 3500, 7500, 11_500])
  t.true(cancels.at(-1)! <= halfMinute)
  t.deepEqual(outcomes, [100, 180, 'none 408'])
  t.is(bench.left, 0)
  t.is(bench.clock.nextDue, undefined)
})

test('CANCEL that crosses a 2xx changes nothing', async (t) => {
  const bench = new Bench()
  const { outcomes, transaction } = bench.client('INVITE')
  bench.answer(180)
  transaction.cancel()
  bench.answer(200)
  bench.answer(481, 1)
  transaction.cancel()
  await bench.clock.advance(40_000)
  t.deepEqual(outcomes, [180, 200])
  t.deepEqual(
    bench.sent.map(([what]) => what),
    ['INVITE', 'CANCEL'],
  )
  t.is(bench.left, 0)
})

test('a thousand at once leave nothing behind', async (t) => {
  const bench = new Bench()
  const all = Array.from({ length: 1000 }, (_, i) => bench.client(i % 3 === 0 ? 'INVITE' : 'MESSAGE'))
  t.is(bench.left, 1000)
  for (let i = 0; i < 1000; i += 2) bench.answer(i % 4 === 0 ? 200 : 500, i)
  await bench.clock.advance(70_000)
  t.true(all.every(({ outcomes }) => outcomes.length === 1))
  t.is(bench.left, 0)
  t.is(bench.clock.nextDue, undefined)
})
