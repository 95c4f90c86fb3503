/** Random traffic into a live node: no fault of ours, nothing left behind, and it serves the next as before. */
import test from 'ava'
import fc from 'fast-check'
import { createHss } from '../../elements/hss/index.ts'
import { createProxy } from '../../elements/proxy/index.ts'
import type { SipRequest } from '../../signalling/index.ts'
import { Ticker } from '../signalling/dialogs/subscriptions-scene.ts'
import { Lab } from '../support/lab.ts'
import { metric, requestText, Wire } from '../support/wire.ts'
import { anyBytes } from './arbitraries.ts'

const settings = [
  { authenticate: 'none', registration: 'optional' } as const, // everything gets as far as it can
  {},
]

for (const [i, each] of settings.entries())
  test(`a node survives anything, ${i === 0 ? 'open' : 'guarded'}`, async (t) => {
    const lab = new Lab()
    const ticker = new Ticker()
    ticker.handle = (exchange) => (exchange.request.method === 'SUBSCRIBE' ? ticker.accept(exchange) : exchange.reply(200))
    const elements = [createProxy('proxy', each), createHss('hss', { open: true }), ticker]
    const node = await lab.serve(['localhost'], elements)
    const wire = await Wire.at(lab, '10.0.9.9')
    wire.onRequest = (request: SipRequest) => {
      if (request.method !== 'ACK') wire.answer(request, request.method === 'CANCEL' || request.bodyEnd % 3 > 0 ? 200 : 486)
    }
    const samples = fc.sample(anyBytes, { seed: 1 + i, numRuns: 2000 })
    for (const [index, bytes] of samples.entries()) {
      wire.send(bytes)
      if (index % 5 === 0) wire.send(bytes)
      if (index % 50 === 0) await lab.clock.advance(20)
    }
    const sound = metric(node, 'received_total') - metric(node, 'malformed_total')
    t.true(sound > 250, `only ${sound} sound messages`)
    await lab.clock.advance(500_000)
    t.is(metric(node, 'faults_total'), 0)
    t.is(metric(node, 'client_transactions'), 0)
    t.is(metric(node, 'server_transactions'), 0)
    if (i === 0) t.true(ticker.notifiers.length > 3, `only ${ticker.notifiers.length} subscriptions`)
    wire.clear()
    wire.send(requestText('OPTIONS', 'sip:localhost', { branch: 'z9hG4bK-alive' }))
    await lab.clock.advance(100)
    t.deepEqual(wire.statuses, [200])
    await lab.clock.advance(3_700_000)
    t.is(ticker.notifiers.filter(({ live }) => live).length, 0, 'every subscription has ended in its time')
  })
