/** Requests forwarded with a status for silence (`unanswered` of `ForwardOptions`). */
import test from 'ava'
import type { Element, Exchange } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'

class Relaying implements Element {
  readonly name = 'relaying'
  readonly claims = [{ method: 'MESSAGE' }]
  readonly isProxy = true

  handle(exchange: Exchange): void {
    exchange.forward(
      { uri: `${exchange.request.uriText.replace('localhost', '10.0.5.1')};transport=mem` },
      {
        unanswered: { status: 503, after: 5000 },
      },
    )
  }
}

async function scene() {
  const lab = new Lab()
  await lab.serve(['localhost'], [new Relaying()])
  const [phone, caller] = [await Wire.at(lab, '10.0.5.1'), await Wire.at(lab, '10.0.5.2')]
  caller.send(requestText('MESSAGE', 'sip:bob@localhost', { via: '10.0.5.2' }))
  await lab.clock.advance(100)
  return { lab, phone, caller }
}

test('silence is answered with that status after that time, and a late answer is heard by nobody', async (t) => {
  const { lab, phone, caller } = await scene()
  t.true(phone.requests.length > 0)
  await lab.clock.advance(4800)
  t.deepEqual(caller.statuses, [])
  await lab.clock.advance(200)
  t.deepEqual(caller.statuses, [503])
  phone.answer(phone.requests[0]!, 200)
  await lab.clock.advance(60_000)
  t.deepEqual(caller.statuses, [503])
  t.deepEqual(lab.errors, [])
})

test('an answer in time is passed on, and nothing follows it', async (t) => {
  const { lab, phone, caller } = await scene()
  phone.answer(phone.requests[0]!, 486)
  await lab.clock.advance(60_000)
  t.deepEqual(caller.statuses, [486])
})
