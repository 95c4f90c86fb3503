/** The node as a whole: what it answers by itself, order within a dialog, overload of one peer, starting and stopping. */
import test from 'ava'
import type { Exchange } from '../../../signalling/index.ts'
import { Agent, Lab } from '../../support/lab.ts'
import { metric, requestText, Wire } from '../../support/wire.ts'

async function served(agent = new Agent('agent')) {
  const lab = new Lab()
  const node = await lab.serve(['localhost'], [agent])
  return { lab, node, agent, wire: await Wire.at(lab, '10.0.9.9') }
}

test('Via: received and rport are filled in, as asked', async (t) => {
  const { lab, wire } = await served()
  for (const [via, expected] of [
    ['10.0.9.9', 'SIP/2.0/UDP 10.0.9.9;branch=z'],
    ['192.0.2.1', 'SIP/2.0/UDP 192.0.2.1;branch=z;received=10.0.9.9'],
    ['host.example:5070;rport', 'SIP/2.0/UDP host.example:5070;branch=z;received=10.0.9.9;rport=5060'],
    ['10.0.9.9;rport', 'SIP/2.0/UDP 10.0.9.9;branch=z;received=10.0.9.9;rport=5060'],
    ['h.example;received=1.2.3.4;alias;rport=1', 'SIP/2.0/UDP h.example;alias;branch=z;received=10.0.9.9;rport=5060'],
  ] as const) {
    wire.clear()
    wire.send(requestText('OPTIONS', 'sip:agent@localhost', { via, branch: 'z', callId: via }))
    await lab.clock.advance(10)
    t.is(wire.responses[0]!.text('Via'), expected)
  }
})

test('messages of one dialog are handled one at a time, others at once', async (t) => {
  const agent = new Agent('agent')
  const log: string[] = []
  const waiting: (() => void)[] = []
  agent.handle = async (exchange: Exchange) => {
    const { cseq, callId } = exchange.request
    log.push(`start ${callId} ${cseq.number}`)
    await new Promise<void>((resolve) => waiting.push(resolve))
    exchange.reply(200)
    log.push(`end ${callId} ${cseq.number}`)
  }
  const { lab, wire } = await served(agent)
  for (const [callId, cseq] of [
    ['a', 1],
    ['a', 2],
    ['b', 1],
    ['a', 3],
  ] as const)
    wire.send(requestText('INFO', 'sip:agent@localhost', { callId, cseq, toTag: 'us', branch: `z9hG4bK-${callId}${cseq}` }))
  await lab.clock.advance(10)
  t.deepEqual(log, ['start a 1', 'start b 1'])
  for (let i = 0; i < 4; i++) {
    waiting[i]!()
    await lab.clock.advance(10)
  }
  t.deepEqual(
    log.filter((line) => line.includes(' a ')),
    ['start a 1', 'end a 1', 'start a 2', 'end a 2', 'start a 3', 'end a 3'],
  )
  t.is(wire.statuses.length, 4)
})

test('nobody’s request is 404, nobody’s OPTIONS 200, a Route that is none 400', async (t) => {
  const { lab, wire } = await served()
  const ask = async (method: string, uri: string, lines: readonly string[] = []): Promise<number> => {
    wire.clear()
    wire.send(requestText(method, uri, { lines, branch: `z9hG4bK-${lab.clock.now()}` }))
    await lab.clock.advance(10)
    return wire.statuses[0]!
  }
  t.is(await ask('MESSAGE', 'sip:x@elsewhere.example'), 404)
  t.is(await ask('OPTIONS', 'sip:elsewhere.example'), 200)
  t.is(await ask('MESSAGE', 'sip:agent@localhost', ['Route: nonsense']), 400)
  t.is(await ask('MESSAGE', 'sip:agent@localhost'), 200)
})

test('noise, malformed messages and strays are counted and leave nothing', async (t) => {
  const { lab, wire, node } = await served()
  wire.send('\r\n\r\n')
  wire.send(Buffer.from('000100002112a442b7e7a701bc34d686fa87dfae', 'hex'))
  wire.send(requestText('MESSAGE', 'sip:agent@localhost').replace('CSeq: 1 MESSAGE', 'CSeq: x'))
  wire.send(requestText('ACK', 'sip:agent@localhost').replace('CSeq: 1 ACK', 'CSeq: x'))
  wire.send(requestText('MESSAGE', 'sip:x').replace('MESSAGE sip:x SIP/2.0', 'SIP/2.0 200 OK'))
  await lab.clock.advance(10)
  t.deepEqual(wire.statuses, [400])
  t.regex(wire.responses[0]!.text('Warning')!, /^399 10\.0\.0\.1:5060 "CSeq/)
  t.deepEqual([metric(node, 'noise_total'), metric(node, 'malformed_total'), metric(node, 'server_transactions')], [1, 2, 0])
  t.is(metric(node, 'stun_answers_total'), 1)
})

test('an element’s own request: 503 where there is no way, 408 where nobody answers', async (t) => {
  const { lab, agent, node } = await served()
  const send = (to: string) => lab.during(agent.host.send({ method: 'MESSAGE', to }), 40_000)
  t.is((await send('sip:x@name.example')).status, 503)
  t.is((await send('nonsense')).status, 503)
  t.is((await send('sip:x@10.0.0.77')).status, 408)
  t.is((await send('sip:x@10.0.0.77;transport=tcp')).status, 503)
  t.is(metric(node, 'client_transactions'), 0)
})

test('after a stop nothing is answered, and the address is free again', async (t) => {
  const { lab, wire, node } = await served()
  await node.stop(0)
  wire.send(requestText('OPTIONS', 'sip:agent@localhost'))
  await lab.clock.advance(100)
  t.deepEqual(wire.arrivals, [])
  await lab.serve(['localhost'], [new Agent('agent')])
  wire.send(requestText('OPTIONS', 'sip:agent@localhost'))
  await lab.clock.advance(100)
  t.deepEqual(wire.statuses, [200])
})
