/** Who gets in: refusals when it is too much, for one address and for the node, and what peers with overload control are told. */
import test from 'ava'
import type { SipRequest, SipResponse } from '../../../signalling/index.ts'
import { scan } from '../../../signalling/messages/scan.ts'
import { Gate } from '../../../signalling/overload/gate.ts'
import { Stats } from '../../../signalling/stats.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'
import { Agent, Lab } from '../../support/lab.ts'
import { metric, requestText, Wire } from '../../support/wire.ts'
import { BenchFlow } from '../transactions/bench.ts'

test('one address beyond its rate is refused, far beyond it is ignored; others are served', async (t) => {
  const lab = new Lab()
  lab.sourceRate = { rate: 10, burst: 20 }
  const node = await lab.serve(['localhost'], [new Agent('agent')])
  const [greedy, modest] = [await Wire.at(lab, '10.0.9.9'), await Wire.at(lab, '10.0.9.8')]
  for (let i = 0; i < 100; i++)
    greedy.send(requestText('OPTIONS', 'sip:agent@localhost', { branch: `z9hG4bK-${i}`, callId: `c${i}` }))
  modest.send(requestText('OPTIONS', 'sip:agent@localhost', { branch: 'z9hG4bK-m', callId: 'm' }))
  await lab.clock.advance(50)
  t.deepEqual(modest.statuses, [200])
  t.is(greedy.statuses.filter((status) => status === 200).length, 20)
  const refused = greedy.responses.filter(({ status }) => status === 503)
  t.is(refused.length, 19, 'a debt of one burst, then silence')
  t.regex(refused[0]!.text('Retry-After')!, /^[1-5]$/)
  t.regex(refused[0]!.text('Warning')!, /too many requests from this address/)
  t.is(metric(node, 'refused_rate_total'), 19)
  t.is(metric(node, 'dropped_flood_total'), 61)
  t.is(metric(node, 'server_transactions'), 21, 'what is refused keeps no state')
  greedy.clear()
  await lab.clock.advance(5000)
  greedy.send(requestText('OPTIONS', 'sip:agent@localhost', { branch: 'z9hG4bK-late', callId: 'late' }))
  await lab.clock.advance(50)
  t.deepEqual(greedy.statuses, [200], 'forgiven after a while')
})

test('an overloaded node says when to come again; a flood on a connection ends it', async (t) => {
  const clock = new ManualClock()
  const stats = new Stats()
  const sent: SipResponse[] = []
  const gate = new Gate({
    clock,
    ids: seededIds(1),
    stats,
    lag: () => 2000,
    ration: () => 0,
    serve: (waiting, flow) => {
      if (Buffer.isBuffer(waiting)) t.fail()
      else t.true(gate.admits(waiting, flow, 'waited'))
    },
    source: { rate: 1, burst: 5000 },
    agent: () => 'us',
    transmit: (_flow, bytes) => sent.push(scan(bytes) as SipResponse) > 0,
  })
  const request = scan(Buffer.from(requestText('MESSAGE', 'sip:bob@localhost', {}))) as SipRequest
  const flow = new BenchFlow(true)
  for (let i = 0; i < 100; i++) t.true(gate.admits(request, flow))
  for (let look = 0; look < 40; look++) {
    await clock.advance(50)
    for (let i = 0; i < 40; i++) gate.admits(request, flow)
  }
  sent.length = 0
  for (let i = 0; i < 2000; i++) t.false(gate.admits(request, flow))
  t.true(sent.length > 100 && sent.length < 2000, `${2000 - sent.length} wait`)
  t.is(sent[0]!.status, 503)
  t.regex(sent[0]!.text('Warning')!, /overloaded/)
  t.regex(sent[0]!.text('Retry-After')!, /^[1-5]$/)
  t.true(flow.open)
  const controlled = scan(
    Buffer.from(requestText('MESSAGE', 'sip:bob@localhost', { via: '10.0.0.2;oc;oc-algo="loss"' })),
  ) as SipRequest
  t.false(gate.admits(controlled, flow))
  t.regex(sent.at(-1)!.text('Via')!, /;oc=\d+;oc-algo="loss";/, 'who is refused is told to send less')
  for (let i = 0; i < 12_000; i++) gate.admits(request, flow)
  t.false(flow.open)
})

test('a peer that offers overload control is told the loss in its Via, others are not', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], [new Agent('agent')])
  const wire = await Wire.at(lab, '10.0.9.9')
  for (const [via, expected] of [
    [
      '10.0.9.9;oc;oc-algo="loss,rate"',
      /^SIP\/2\.0\/UDP 10\.0\.9\.9;branch=z;received=10\.0\.9\.9;oc=0;oc-algo="loss";oc-validity=500;oc-seq=\d+\.\d+$/,
    ],
    ['10.0.9.9;rport;oc;oc-algo="loss"', /;rport=5060;oc=0;oc-algo="loss";/],
    ['10.0.9.9;oc;oc-algo="rate"', /^SIP\/2\.0\/UDP 10\.0\.9\.9;oc;oc-algo="rate";branch=z$/],
    ['10.0.9.9;oc-algo="loss"', /^SIP\/2\.0\/UDP 10\.0\.9\.9;oc-algo="loss";branch=z$/],
    ['10.0.9.9;focus;doc=1', /^SIP\/2\.0\/UDP 10\.0\.9\.9;focus;doc=1;branch=z$/],
  ] as const) {
    wire.clear()
    wire.send(requestText('OPTIONS', 'sip:agent@localhost', { via, branch: 'z', callId: via.replaceAll('"', '') }))
    await lab.clock.advance(10)
    t.regex(wire.responses[0]!.text('Via')!, expected)
  }
})

test('an address whose requests take long is told so, until it has rested; others, and what it has begun, go on', async (t) => {
  const clock = new ManualClock()
  const stats = new Stats()
  const sent: SipResponse[] = []
  const gate = new Gate({
    clock,
    ids: seededIds(1),
    stats,
    lag: () => 0,
    ration: () => 0,
    serve: () => t.fail(),
    source: undefined,
    agent: () => 'us',
    transmit: (_flow, bytes) => sent.push(scan(bytes) as SipResponse) > 0,
  })
  const request = (toTag?: string) =>
    scan(Buffer.from(requestText('MESSAGE', 'sip:bob@localhost', toTag === undefined ? {} : { toTag }))) as SipRequest
  const heavy = new BenchFlow(true)
  const other = Object.assign(new BenchFlow(true), { remote: { host: '10.9.9.9', port: 5060 } })
  for (let i = 0; i < 1000; i++) gate.took(15, heavy)
  t.true(gate.admits(request(), heavy), 'a pause now and then is none of its doing')
  for (let i = 0; i < 12; i++) gate.took(200, heavy)
  t.false(gate.admits(request(), heavy))
  t.is(sent[0]!.status, 503)
  t.regex(sent[0]!.text('Warning')!, /your requests take too long/)
  t.true(gate.admits(request(), other))
  t.true(gate.admits(request('in-a-dialog'), heavy))
  await clock.advance(10_000)
  t.true(gate.admits(request(), heavy))
})

/** Answers to new requests after a second in which each, one in 50 ms, caused so many messages inside, of a millisecond each. */
async function causing(inside: number) {
  const clock = new ManualClock()
  const stats = new Stats()
  const gate = new Gate({
    clock,
    ids: seededIds(1),
    stats,
    lag: () => 150,
    ration: () => 0,
    serve: () => undefined,
    source: undefined,
    agent: () => 'us',
    transmit: () => true,
  })
  const request = scan(Buffer.from(requestText('SUBSCRIBE', 'sip:friends@localhost', {}))) as SipRequest
  const flow = new BenchFlow(false)
  for (let at = 0; at < 1000; at += 50) {
    gate.admits(request, flow)
    for (let i = 0; i < inside; i++) gate.took(1)
    await clock.advance(50)
  }
  const lag = [...stats.metrics()].find(({ name }) => name === 'proxima_lag_milliseconds')!.value
  return { lag, admitted: Array.from({ length: 40 }, () => gate.admits(request, flow)).filter(Boolean).length }
}

test('what few requests cause inside counts by its sum, however small each piece is', async (t) => {
  t.deepEqual(await causing(40), { lag: 150, admitted: 0 })
})

test('late for another reason than work of ours: few requests are not held against anybody', async (t) => {
  t.deepEqual(await causing(10), { lag: 0, admitted: 40 })
})

test('what has waited is in, counted for its source once: a datagram when it is read, a request before it waited', async (t) => {
  const clock = new ManualClock()
  const gate = new Gate({
    clock,
    ids: seededIds(1),
    stats: new Stats(),
    lag: () => 2000,
    ration: () => 0,
    serve: () => undefined,
    source: { rate: 0.001, burst: 300 },
    agent: () => 'us',
    transmit: () => true,
  })
  const request = scan(Buffer.from(requestText('MESSAGE', 'sip:bob@localhost', {}))) as SipRequest
  const flow = new BenchFlow(false)
  for (let look = 0; look < 4; look++) {
    for (let i = 0; i < 64; i++) gate.admits(request, flow)
    await clock.advance(50)
  }
  t.false(gate.admits(request, flow), 'there is a line')
  for (let i = 0; i < 1000; i++) t.true(gate.admits(request, flow, 'waited'))
  const unread = Array.from({ length: 100 }, () => gate.admits(request, flow, 'waited-unread'))
  t.is(unread.indexOf(false), 300 - 4 * 64 - 1, 'as many as are left of the burst')
  t.true(gate.admits(request, flow, 'waited'))
})
