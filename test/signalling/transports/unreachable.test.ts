/** ICMP says that nobody is there: who sent is told at once, and not when all retransmissions are over (RFC 3261 §18.4). */
import { createSocket } from 'node:dgram'
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createNode, RealClock, randomIds, SipResponse, silent } from '../../../signalling/index.ts'
import { scan } from '../../../signalling/messages/scan.ts'
import { compilePlan } from '../../../signalling/routing/compile.ts'
import { memoryStore } from '../../../signalling/storage/memory.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'
import type { ServerSide } from '../../../signalling/transactions/server.ts'
import { TransactionTable } from '../../../signalling/transactions/table.ts'
import type { Flow } from '../../../signalling/transports/transport.ts'
import { udpKind } from '../../../signalling/transports/udp.ts'
import { requestText } from '../../support/wire.ts'

const flow = { id: 'udp', transport: 'UDP', reliable: false } as Flow

test('the transaction whose request is quoted fails, and no other; our own requests have their time', (t) => {
  const clock = new ManualClock()
  const user = { onRequest: () => undefined, onAck: () => undefined }
  const sent: string[] = []
  const transmit = (_flow: Flow, bytes: Buffer): boolean => sent.push(bytes.toString()) > 0
  const table = new TransactionTable({ clock, ids: seededIds(1), user, transmit })
  const outcomes: string[] = []
  const begin = (name: string, origin?: ServerSide): string => {
    const transaction = table.client('MESSAGE', flow, {
      ...(origin === undefined ? {} : { origin }),
      onResponse: () => undefined,
      onNoResponse: (status) => outcomes.push(`${name} ${status}`),
    })
    const { branch } = transaction
    const lines = `Via: SIP/2.0/UDP 10.0.0.1:5060;branch=${branch};rport\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK-1\r\n\r\n`
    transaction.begin(Buffer.from(`MESSAGE sip:bob@10.0.0.2 SIP/2.0\r\n${lines}`))
    return sent.at(-1)!
  }
  const origin = {} as ServerSide
  const [first, , own] = [begin('first', origin), begin('second', origin), begin('own')]
  const cut = first.indexOf('branch=') + 20
  for (const noise of [
    '',
    first.slice(0, cut),
    own,
    `SIP/2.0 200 OK${first.slice(first.indexOf('\r\n'))}`,
    first.replace('branch=', 'branch=x'),
  ])
    table.unreachable(Buffer.from(noise))
  t.deepEqual(outcomes, [])
  table.unreachable(Buffer.from(first.slice(0, cut + 30)))
  t.deepEqual(outcomes, ['first 503'])
  table.unreachable(Buffer.from(first))
  t.deepEqual(outcomes, ['first 503'], 'once')
  t.is(table.clientCount, 2)
})

/** dgram hears nothing of ICMP on a socket that is not connected. */
if (udpKind().kind === 'native') {
  for (const host of ['127.0.0.1', '::1']) {
    test(`on real sockets, ${host}: 480 at once, and everybody else is served as before`, async (t) => {
      const clock = new RealClock(console.error)
      const elements = [
        createProxy('proxy', { authenticate: 'none', registration: 'optional' }),
        createHss('hss', { open: true }),
      ]
      const claims = new Map(elements.map((element) => [element.name, element.claims]))
      const { plan } = compilePlan({ domains: ['localhost'], elements: claims, proxy: 'proxy', ownAddresses: [] })
      const node = createNode({
        name: 'unreachable',
        plan: plan!,
        domains: ['localhost'],
        elements,
        store: memoryStore(clock),
        clock,
        ids: randomIds(),
        log: silent,
        trusted: [],
        listen: [{ transport: 'UDP', host, port: 0 }],
        udp: 'native',
      })
      await node.start()
      t.teardown(() => node.stop(0))
      const { port } = node.listening[0]!
      const family = host.includes(':') ? 'udp6' : 'udp4'
      const open = () =>
        new Promise<ReturnType<typeof createSocket>>((resolve) => {
          const socket = createSocket(family)
          socket.bind(0, host, () => resolve(socket))
        })
      const [alice, bob, carol] = [await open(), await open(), await open()]
      for (const each of [alice, carol]) t.teardown(() => void each.close())
      const answers = new Map<string, (response: SipResponse) => void>()
      for (const each of [alice, bob, carol])
        each.on('message', (bytes) => {
          const message = scan(bytes)
          if (message instanceof SipResponse) return void answers.get(message.callId)?.(message)
          const text = bytes
            .toString()
            .replace(/^.*\r\n/, 'SIP/2.0 200 OK\r\n')
            .replace(/\r\n\r\n.*$/s, '\r\n\r\n')
          each.send(text.replace(/Content-Length: \d+/, 'Content-Length: 0'), port, host)
        })
      let count = 0
      const ask = (
        socket: typeof alice,
        method: string,
        uri: string,
        from: string,
        lines: readonly string[] = [],
        more: object = {},
      ) =>
        new Promise<SipResponse>((resolve) => {
          const callId = `call-${++count}`
          answers.set(callId, (response) => response.status >= 200 && resolve(response))
          const names = { via: `x.invalid;rport`, branch: `z9hG4bK-${callId}`, callId, from: `sip:${from}@localhost` }
          const to = method === 'REGISTER' ? names.from : uri
          socket.send(
            requestText(method, uri, { ...names, ...more, to, lines, ...(method === 'MESSAGE' ? { body: 'x' } : {}) }),
            port,
            host,
          )
        })
      for (const [socket, name] of [
        [bob, 'bob'],
        [carol, 'carol'],
      ] as const)
        t.is((await ask(socket, 'REGISTER', 'sip:localhost', name, [`Contact: <sip:${name}@x.invalid>`])).status, 200)
      const text = ['Content-Type: text/plain']
      t.is((await ask(alice, 'MESSAGE', 'sip:bob@localhost', 'alice', text)).status, 200)
      await new Promise<void>((resolve) => bob.close(() => resolve()))
      const asked = Array.from({ length: 50 }, (_, i) =>
        ask(alice, 'MESSAGE', `sip:${i % 2 === 0 ? 'bob' : 'carol'}@localhost`, 'alice', text),
      )
      const statuses = (await Promise.all(asked)).map(({ status }) => status)
      t.deepEqual(
        statuses,
        Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? 480 : 200)),
      )
      t.is((await ask(alice, 'INVITE', 'sip:bob@localhost', 'alice', ['Contact: <sip:alice@x.invalid>'])).status, 480)
      const within = await ask(alice, 'MESSAGE', 'sip:bob@localhost', 'alice', text, { toTag: 'of-a-dialog' })
      t.is(within.status, 500, 'a dialog does not end for it')
    })
  }
}
