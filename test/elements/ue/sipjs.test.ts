/** The agent on sip.js against an unkind network and a silent server. */
import test from 'ava'
import { type PortListener, SipJsAgent } from '../../../elements/ue/index.ts'
import type { Flow } from '../../../signalling/index.ts'
import { type Clock, RealClock, randomIds, silent } from '../../../signalling/index.ts'
import { Ground } from '../../contracts/agent-ground.ts'

const text = (content: string) => ({ type: 'text/plain', content })

/** A way on a network in memory, under `host`. */
function inMemory(ground: Ground, host: string) {
  return async (server: { host: string; port: number }, listener: PortListener): Promise<Flow> => {
    const transport = ground.network!.transport({
      listen: { host, port: 5060 },
      isTrusted: () => false,
      sink: { received: (bytes) => listener.received(bytes), closed: () => undefined, failed: () => undefined },
    })
    await transport.listen()
    return transport.connect(server)
  }
}

test('every message may be lost once: all is asked and delivered, and delivered once', async (t) => {
  for (let lost = 0; lost < 16; lost++) {
    const ground = new Ground('MEM', async (ground, name, password, server) => {
      const carrier = { protocol: 'UDP' as const, server, open: inMemory(ground, `10.0.1.${name.length}`) }
      const { clock, ids } = ground
      return new SipJsAgent({ identity: `sip:${name}@localhost`, password, carrier, clock, ids, log: silent })
    })
    await ground.open()
    const [alice, bob] = [await ground.registered('alice'), await ground.registered('bob')]
    let count = 0
    ground.network!.fate = () => (count++ === lost ? [] : [1])
    const [got, heard]: [string[], string[]] = [[], []]
    bob.onMessage(({ body }) => got.push(body.toString()))
    t.is((await ground.during(alice.message('sip:bob@localhost', text('hi')))).status, 200, `datagram ${lost} lost`)
    const watching = alice.subscribe(
      { to: 'sip:bell@localhost', event: 'bell', accept: ['text/plain'], expires: 600 },
      { notified: ({ body, state }) => heard.push(`${state} ${body}`), ended: (status) => heard.push(String(status)) },
    )
    await ground.until('the first NOTIFY', () => heard.length === 1)
    ground.bell.ring('loud')
    await ground.until('the second', () => heard.length === 2)
    watching.unsubscribe()
    await ground.until('the end', () => heard.length === 4)
    t.deepEqual(got, ['hi'])
    t.deepEqual(heard, ['active silent', 'active loud', 'terminated loud', '200'])
    await ground.close()
  }
})

test('every message may come twice', async (t) => {
  const ground = new Ground('MEM', async (ground, name, password, server) => {
    const carrier = { protocol: 'UDP' as const, server, open: inMemory(ground, `10.0.1.${name.length}`) }
    const { clock, ids } = ground
    return new SipJsAgent({ identity: `sip:${name}@localhost`, password, carrier, clock, ids, log: silent })
  })
  await ground.open()
  ground.network!.fate = () => [1, 1]
  const [alice, bob] = [await ground.registered('alice'), await ground.registered('bob')]
  const got: string[] = []
  bob.onMessage(({ body }) => got.push(body.toString()))
  t.is((await ground.during(alice.message('sip:bob@localhost', text('hi')))).status, 200)
  t.deepEqual(got, ['hi'])
  const heard: string[] = []
  alice.subscribe(
    { to: 'sip:bell@localhost', event: 'bell', accept: ['text/plain'], expires: 600 },
    { notified: ({ body }) => heard.push(body.toString()), ended: () => undefined },
  )
  await ground.until('the first NOTIFY', () => heard.length > 0)
  ground.bell.ring('loud')
  await ground.until('the second', () => heard.includes('loud'))
  t.deepEqual(heard, ['silent', 'loud'])
  await ground.close()
})

test('a listener that throws harms nobody, and nonsense from the network neither', async (t) => {
  const clock: Clock = new RealClock((fault) => t.fail(String(fault)))
  let listener: PortListener | undefined
  const sent: string[] = []
  const flow = { local: { host: '127.0.0.1', port: 7 }, reliable: false, close: () => undefined }
  const agent = new SipJsAgent({
    identity: 'sip:alice@localhost',
    clock,
    ids: randomIds(),
    log: silent,
    carrier: {
      protocol: 'UDP',
      server: { host: '127.0.0.1', port: 9 },
      open: async (_server, given) => {
        listener = given
        return { ...flow, send: (bytes: Uint8Array) => sent.push(Buffer.from(bytes).toString()) > 0 } as unknown as Flow
      },
    },
  })
  await agent.start()
  agent.onMessage(() => {
    throw new Error('listener')
  })
  const message = (branch: string, callId: string) =>
    `MESSAGE sip:alice@127.0.0.1:7 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=${branch}\r\nFrom: <sip:b@c>;tag=1\r\nTo: <sip:alice@localhost>\r\nCall-ID: ${callId}\r\nCSeq: 1 MESSAGE\r\nContent-Length: 2\r\n\r\nhi`
  for (const noise of ['', '\r\n', 'nonsense', 'SIP/2.0 200 OK\r\n\r\n', 'MESSAGE x SIP/2.0\r\nVia: \r\n\r\n', '\0\xff'])
    t.notThrows(() => listener!.received(Buffer.from(noise)))
  for (const [i, method] of ['CANCEL', 'INVITE', 'PUBLISH', 'NOTIFY', 'OPTIONS', 'BYE', 'PRACK'].entries())
    t.notThrows(() => listener!.received(Buffer.from(message(`z9hG4bK${i}`, `c${i}`).replaceAll('MESSAGE', method))))
  listener!.received(Buffer.from(message('z9hG4bKlast', 'last')))
  t.true(sent.some((answer) => answer.startsWith('SIP/2.0 200') && answer.includes('z9hG4bKlast')))
  await agent.stop()
})

test('Via and Contact say where it listens', async (t) => {
  const ground = new Ground('MEM', async (ground, name, password, server) => {
    const carrier = { protocol: 'UDP' as const, server, open: inMemory(ground, '10.0.1.1') }
    const { clock, ids } = ground
    return new SipJsAgent({ identity: `sip:${name}@localhost`, password, carrier, clock, ids, log: silent })
  })
  await ground.open()
  const sent: string[] = []
  ground.network!.fate = (from, _to, bytes) => {
    if (from.host === '10.0.1.1') sent.push(Buffer.from(bytes).toString())
    return [1]
  }
  await ground.registered('alice')
  t.regex(sent[0]!, /^REGISTER sip:localhost SIP\/2.0\r\n/)
  t.regex(sent[0]!, /\r\nVia: SIP\/2.0\/UDP 10\.0\.1\.1:5060;branch=z9hG4bK\w+;rport\r\n/)
  t.regex(sent[0]!, /\r\nContact: <sip:alice@10\.0\.1\.1:5060>\r\n/)
  await ground.close()
})

test('what is no SIP URI is refused in words', async (t) => {
  const ground = new Ground('MEM', async (ground, name, password, server) => {
    const carrier = { protocol: 'UDP' as const, server, open: inMemory(ground, '10.0.1.1') }
    const { clock, ids } = ground
    t.throws(() => new SipJsAgent({ identity: 'alice', carrier, clock, ids, log: silent }), { message: 'alice is no SIP URI' })
    return new SipJsAgent({ identity: `sip:${name}@localhost`, password, carrier, clock, ids, log: silent })
  })
  await ground.open()
  const alice = await ground.registered('alice')
  t.is((await alice.message('not a uri', text(''))).status, 416)
  let ended = 0
  alice.subscribe(
    { to: 'not a uri', event: 'bell', accept: [], expires: 60 },
    { notified: () => undefined, ended: (status) => (ended = status) },
  )
  await ground.until('the refusal', () => ended === 416)
  await ground.close()
  t.pass()
})
