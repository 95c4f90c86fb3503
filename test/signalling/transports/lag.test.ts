/** The wait of a datagram, by one that a socket sends to itself. */
import test from 'ava'
import { LagProbe } from '../../../signalling/transports/lag.ts'
import { udpTransport } from '../../../signalling/transports/udp.ts'

function probe() {
  const sent: Buffer[] = []
  const time = { now: 10_000 }
  return {
    sent,
    time,
    probe: new LagProbe(
      (bytes) => sent.push(bytes),
      () => time.now,
    ),
  }
}

test('what came back tells the lag; what does not come back yet tells it too', (t) => {
  const { sent, time, probe: lag } = probe()
  t.is(lag.read(), 0)
  t.is(sent.length, 1)
  time.now += 30
  t.is(lag.read(), 30, 'it is on its way')
  t.is(sent.length, 1, 'and one at a time is enough')
  time.now += 20
  t.true(lag.takes(sent[0]!))
  t.is(lag.read(), 50)
  t.is(sent.length, 2)
  time.now += 1
  t.true(lag.takes(sent[1]!))
  t.is(lag.read(), 1)
})

test('one that was lost is sent again, and does not count when it comes after all', (t) => {
  const { sent, time, probe: lag } = probe()
  lag.read()
  time.now += 501
  t.is(lag.read(), 501)
  t.is(sent.length, 2)
  t.true(lag.takes(sent[0]!))
  time.now += 3
  t.is(lag.read(), 3)
  t.true(lag.takes(sent[1]!))
})

test('what was measured long ago says nothing', (t) => {
  const { sent, time, probe: lag } = probe()
  lag.read()
  time.now += 400
  lag.takes(sent[0]!)
  time.now += 5000
  t.is(lag.read(), 0)
})

test('nothing else is taken for a probe', (t) => {
  const { sent, probe: lag } = probe()
  lag.read()
  for (const bytes of ['', '\0lag', '\0lagtoolong', 'OPTIONS sip:a SIP/2.0\r\n\r\n', '\r\n\r\n'])
    t.false(lag.takes(Buffer.from(bytes)))
  t.true(lag.takes(sent[0]!))
})

for (const kind of ['dgram', 'auto'] as const)
  test(`a socket knows its own datagrams among more peers than it remembers (${kind})`, async (t) => {
    const got: string[] = []
    const sink = {
      received: (bytes: Buffer) => void got.push(bytes.toString()),
      closed: () => undefined,
      failed: () => undefined,
    }
    const options = { listen: { host: '127.0.0.1', port: 0 }, sink, isTrusted: () => false, kind }
    const [ours, peer] = [udpTransport({ ...options, flows: 3 }), udpTransport({ ...options })]
    await Promise.all([ours.listen(), peer.listen()])
    ours.lag?.()
    for (let port = 40_000; port < 40_010; port++) ours.connect({ host: '127.0.0.2', port })
    peer.connect(ours.local).send(Buffer.from('from a peer'))
    while (!got.includes('from a peer')) await new Promise<void>((resolve) => setImmediate(resolve))
    await Promise.all([ours.close(), peer.close()])
    t.deepEqual(got, ['from a peer'])
  })
