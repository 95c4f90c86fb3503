/** Requests that come by two ways (RFC 3261 §8.2.2.2): who carries them out does so once; a proxy passes both on. */
import test from 'ava'
import { createProxy } from '../../../elements/proxy/index.ts'
import type { Exchange } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { type RequestParts, requestText, Wire } from '../../support/wire.ts'
import { Scene } from './subscriptions-scene.ts'

async function scene() {
  const { ticker, lab, pass } = await Scene.open()
  const done: string[] = []
  ticker.handle = (exchange: Exchange) => {
    done.push(exchange.request.method)
    exchange.reply(200)
  }
  const wire = await Wire.at(lab, '10.0.6.1')
  let sent = 0
  const send = async (parts: RequestParts = {}, method = 'MESSAGE'): Promise<number | undefined> => {
    const before = wire.statuses.length
    wire.send(requestText(method, 'sip:ticker@localhost', { via: wire.here.host, branch: `z9hG4bK-way-${++sent}`, ...parts }))
    await pass(20)
    return wire.statuses[before]
  }
  return { ticker, wire, send, done, pass }
}

test('a MESSAGE by two branches is carried out once, the other is 482; again after 64*T1 it is a new one', async (t) => {
  const { send, done, wire, pass } = await scene()
  t.is(await send(), 200)
  t.is(await send(), 482)
  t.regex(wire.responses.at(-1)!.text('Warning')!, /has come by another way already/)
  t.is(await send({ toTag: 'somebody' }), 200, 'inside a dialog there are CSeqs for that')
  t.is(done.length, 2)
  await pass(65_000)
  t.is(await send(), 200)
})

test('another Call-ID, CSeq or From tag is another request', async (t) => {
  const { send, done } = await scene()
  for (const parts of [{}, { callId: 'call-2' }, { cseq: 2 }, { fromTag: 'from-2' }]) t.is(await send(parts), 200)
  t.is(done.length, 4)
})

test('while the first is being carried out the second waits for nothing', async (t) => {
  const { ticker, send } = await scene()
  let settle = (): void => undefined
  ticker.handle = (exchange) =>
    new Promise((resolve) => {
      settle = () => {
        exchange.reply(202)
        resolve()
      }
    })
  const first = send()
  await first
  t.is(await send(), 482)
  settle()
})

test('what was refused, or failed, may come by another way', async (t) => {
  const { ticker, send, done } = await scene()
  const usual = ticker.handle
  for (const status of [403, 503]) {
    ticker.handle = (exchange) => exchange.reply(status)
    t.is(await send(), status)
    t.is(await send(), status)
  }
  ticker.handle = () => {
    throw new Error('oops')
  }
  t.is(await send(), 500)
  ticker.handle = usual
  t.is(await send(), 200)
  t.is(done.length, 1)
})

test('OPTIONS begins nothing and is answered each time', async (t) => {
  const { send } = await scene()
  t.deepEqual([await send({}, 'OPTIONS'), await send({}, 'OPTIONS')], [200, 200])
})

test('a proxy passes on what came by two ways, to each of its callees', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], [createProxy('proxy', { authenticate: 'none', registration: 'optional' })])
  const [alice, bob] = [await Wire.at(lab, '10.0.6.1'), await Wire.at(lab, '10.0.6.2')]
  bob.onRequest = (request) => bob.answer(request, 200)
  const register = requestText('REGISTER', 'sip:localhost', {
    via: bob.here.host,
    from: 'sip:bob@localhost',
    to: 'sip:bob@localhost',
    lines: [`Contact: <sip:bob@${bob.here.host}>`],
  })
  bob.send(register)
  await lab.clock.advance(100)
  for (const branch of ['z9hG4bK-a', 'z9hG4bK-b']) {
    alice.send(requestText('MESSAGE', 'sip:bob@localhost', { via: alice.here.host, branch, from: 'sip:alice@localhost' }))
    await lab.clock.advance(100)
  }
  t.deepEqual([alice.statuses, bob.requests.length], [[200, 200], 2])
})
