/** Calls that ring and are not answered: so many of one caller, and not one more; others are not concerned. */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { Lab } from '../../support/lab.ts'
import { metric, requestText, Wire } from '../../support/wire.ts'

test('the hundred and first ringing call of one caller gets 503, until one has ended', async (t) => {
  const lab = new Lab()
  lab.trusted.push('10.0.5.1')
  const elements = [createProxy('proxy', { authenticate: 'none', registration: 'optional' }), createHss('hss', { open: true })]
  const node = await lab.serve(['localhost'], elements)
  const gateway = await Wire.at(lab, '10.0.5.1')
  const phone = await Wire.at(lab, '10.0.5.2')
  const to = 'sip:bob@localhost'
  phone.send(
    requestText('REGISTER', 'sip:localhost', { via: '10.0.5.2', to, lines: ['Contact: <sip:bob@10.0.5.2>', 'Expires: 7200'] }),
  )
  await lab.clock.advance(100)
  phone.onRequest = (request) => {
    if (request.method === 'INVITE') phone.answer(request, 180)
  }
  const call = async (number: number, caller: string, toTag?: string): Promise<number> => {
    gateway.clear()
    const own = [`P-Asserted-Identity: <sip:${caller}@elsewhere>`, 'Contact: <sip:x@10.0.5.1>']
    const names = { via: '10.0.5.1', branch: `z9hG4bK-${number}`, callId: `call-${number}`, from: `sip:${caller}@elsewhere` }
    gateway.send(requestText('INVITE', to, { ...names, lines: own, ...(toTag === undefined ? {} : { toTag }) }))
    await lab.clock.advance(5)
    return gateway.statuses.at(-1)!
  }
  // Half of them with a To tag that she has made up: no dialog is proven by it.
  for (let i = 0; i < 100; i++) t.is(await call(i, 'mallory', i % 2 === 0 ? 'made-up' : undefined), 180)
  t.is(await call(100, 'mallory', 'made-up'), 503)
  t.is(await call(100, 'mallory'), 503)
  t.regex(gateway.responses.at(-1)!.text('Warning')!, /too many of your calls are unanswered: end some first/)
  t.is(gateway.responses.at(-1)!.text('Retry-After'), '30')
  t.is(await call(101, 'alice'), 180)
  const invite = phone.requests.find(({ callId }) => callId === 'call-7')!
  phone.answer(invite, 486)
  await lab.clock.advance(5)
  t.is(await call(102, 'mallory'), 180)
  t.is(await call(103, 'mallory'), 503)
  phone.answer(phone.requests.find(({ callId }) => callId === 'call-8')!, 200, { headers: [['Contact', '<sip:bob@10.0.5.2>']] })
  await lab.clock.advance(5)
  t.is(await call(104, 'mallory'), 180, 'one that talks rings no more')
  await lab.clock.advance(400_000)
  t.is(metric(node, 'server_transactions'), 0)
  t.is(await call(105, 'mallory'), 180, 'and none is counted for ever')
})
