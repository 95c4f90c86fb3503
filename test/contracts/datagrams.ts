/** What UDP promises whatever carries it. */
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import type { ExecutionContext, TestFn } from 'ava'
import { seemsNew } from '../../signalling/overload/new-requests.ts'
import type { Flow, Transport } from '../../signalling/transports/transport.ts'
import { type UdpKind, udpTransport } from '../../signalling/transports/udp.ts'

export interface Carried {
  readonly kind: UdpKind
  /** The native module, if it is not the usual one. */
  readonly file?: string
}

export interface End {
  readonly transport: Transport
  readonly port: number
  readonly got: { readonly bytes: Buffer; readonly flow: Flow }[]
  readonly failures: string[]
  readonly texts: readonly string[]
  to(other: { readonly port: number }): Flow
}

interface EndOptions extends Carried {
  readonly host?: string
  readonly port?: number
  /** Answer every datagram with itself. */
  readonly echo?: boolean
  readonly throwAt?: string
  readonly flows?: number
}

/** An open socket that keeps what it gets. */
export async function openEnd({ host = '127.0.0.1', port = 0, echo, throwAt, ...options }: EndOptions): Promise<End> {
  const got: { readonly bytes: Buffer; readonly flow: Flow }[] = []
  const failures: string[] = []
  const sink = {
    received(bytes: Buffer, flow: Flow): void {
      got.push({ bytes, flow })
      if (echo === true) flow.send(bytes)
      if (throwAt !== undefined && bytes.toString() === throwAt) throw new Error(`at ${throwAt}`)
    },
    closed: () => undefined,
    failed: (_flow: Flow, why: string) => void failures.push(why),
  }
  const transport = udpTransport({ listen: { host, port }, sink, isTrusted: (host) => host === '127.0.0.9', ...options })
  await transport.listen()
  return {
    transport,
    port: transport.local.port,
    got,
    failures,
    get texts() {
      return got.map(({ bytes }) => bytes.toString('latin1'))
    },
    to: (other) => transport.connect({ host: host === '::' ? '::1' : host, port: other.port }),
  }
}

/** Waits, turn by turn of the event loop, until it is so; the test's own timeout ends what never is. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1))
}

/** Datagrams for that port which found no room in the kernel. */
function dropped(port: number): number {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = ['/proc/net/udp', '/proc/net/udp6'].flatMap((file) => readFileSync(file, 'latin1').split('\n'))
  const line = lines.find((line) => line.trim().split(/\s+/)[1]?.endsWith(wanted))
  return Number(line?.trim().split(/\s+/).at(-1) ?? 0)
}

export function datagramContract(test: TestFn, name: string, carried: Carried): void {
  type Open = (options?: Omit<EndOptions, 'kind' | 'file'>) => Promise<End>
  const check = (title: string, body: (t: ExecutionContext, open: Open) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => {
      const ends: End[] = []
      try {
        await body(t, async (options = {}) => {
          const end = await openEnd({ ...options, ...carried })
          ends.push(end)
          return end
        })
      } finally {
        for (const { transport } of ends) await transport.close().catch(() => undefined)
      }
    })
  }
  const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))
  const hosts = ['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])]

  for (const host of hosts) {
    check(`carries bytes both ways between two addresses, ${host}`, async (t, open) => {
      const [a, b] = [await open({ host }), await open({ host, echo: true })]
      const bytes = Buffer.from([0, 255, 13, 10, 0xc3, 0xbc])
      t.true(a.to(b).send(bytes))
      bytes.fill(1) // taken, so it may be used again
      await until(() => a.got.length === 1)
      t.deepEqual([...a.got[0]!.bytes], [0, 255, 13, 10, 0xc3, 0xbc])
      t.deepEqual(b.got[0]!.flow.remote, { host, port: a.port })
      t.deepEqual(b.got[0]!.flow.local, { host, port: b.port })
      t.is(a.got[0]!.flow, a.to(b), 'one flow a peer')
    })
    check(`carries what is empty and what is as long as can be, ${host}`, async (t, open) => {
      const [a, b] = [await open({ host }), await open({ host })]
      const longest = host === '::1' ? 65_527 : 65_507
      const flow = a.to(b)
      t.true(flow.send(Buffer.alloc(0)))
      t.true(flow.send(Buffer.alloc(longest, 7)))
      t.false(flow.send(Buffer.alloc(longest + 1)))
      t.true(flow.send(Buffer.from('after')))
      await until(() => b.got.length === 3)
      t.deepEqual(
        b.got.map(({ bytes }) => bytes.length),
        [0, longest, 5],
      )
      t.true(b.got[1]!.bytes.every((byte) => byte === 7))
      t.regex(a.failures.join(), /EMSGSIZE/)
    })
  }
  if (hasIpv6) {
    check('hears IPv4 on an address of both families, and answers there', async (t, open) => {
      const [both, old] = [await open({ host: '::', echo: true }), await open()]
      old.to(both).send(Buffer.from('4'))
      await until(() => old.got.length === 1)
      t.is(both.got[0]!.flow.remote.host, '127.0.0.1')
      both.transport.connect({ host: '127.0.0.1', port: old.port }).send(Buffer.from('by the short name'))
      await until(() => old.got.length === 2)
      t.deepEqual(old.texts, ['4', 'by the short name'])
    })
  }
  check('lets no more through of what begins something than there is room for, where it can tell', async (t, open) => {
    const [a, b] = [await open(), await open()]
    const flow = a.to(b)
    const heads = ['INVITE', 'INFO', 'MESSAGE', 'OPTIONS', 'PUBLISH', 'PRACK', 'REGISTER', 'REFER', 'SUBSCRIBE', 'SIP/2.0 200 OK']
    heads.push('I', 'S', 'P', 'BYE', 'NOTIFY', 'ACK', 'CANCEL', 'UPDATE', '\0', '')
    const rests = [
      '',
      ' From: a;tag=1',
      ' From: a;tag=1 To: b;tag=2',
      ' tag=tag=',
      ' tag=ta',
      ' Authorization: x',
      ' SIP-If-Match: 1',
    ]
    const texts = heads.flatMap((head) => rests.map((rest) => head + rest))
    const isNew = (text: string): boolean => seemsNew(Buffer.from(text))
    const beginning = texts.filter(isNew).length
    t.true(beginning > 20 && beginning < texts.length - 20)
    const tells = carried.kind === 'native'
    for (const room of [Infinity, 3, 0, -1, Infinity]) {
      t.is(b.transport.ration!(room), 0)
      b.got.length = 0
      for (const text of [...texts, 'SIP/2.0 last']) flow.send(Buffer.from(text))
      await until(() => b.texts.includes('SIP/2.0 last'))
      const among = tells ? Math.min(Math.max(0, room), beginning) : beginning
      let found = 0
      const expected = texts.filter((text) => !isNew(text) || found++ < among)
      t.deepEqual(b.texts, [...expected, 'SIP/2.0 last'])
      t.is(b.transport.ration!(Infinity), beginning - among)
    }
  })
  check('keeps the order, over thousands in a turn, and loses nothing that the kernel had room for', async (t, open) => {
    const [a, b] = [await open(), await open()]
    const flow = a.to(b)
    const count = 4000
    for (let i = 0; i < count; i++) flow.send(Buffer.from(`${i}`.padEnd(100)))
    await until(() => b.got.length + dropped(b.port) + a.failures.length >= count)
    const numbers = b.texts.map(Number)
    t.deepEqual(
      numbers,
      numbers.toSorted((x, y) => x - y),
    )
    t.is(new Set(numbers).size, numbers.length)
    t.true(numbers.length > 500)
  })
  check('keeps what it handed up as it was', async (t, open) => {
    const [a, b] = [await open(), await open()]
    for (let i = 0; i < 40; i++) {
      for (let j = 0; j < 20; j++) a.to(b).send(Buffer.alloc(200 + i, i))
      await until(() => b.got.length + dropped(b.port) >= 20 * (i + 1))
    }
    t.true(b.got.every(({ bytes }) => bytes.every((byte) => byte === bytes.length - 200)))
  })
  check('lets a kept message hold on to little beside itself, large ones in the same batch or not', async (t, open) => {
    const [a, b] = [await open(), await open()]
    for (let i = 0; i < 60; i++) a.to(b).send(Buffer.alloc(i % 3 === 0 ? 40_000 : 300))
    await until(() => b.got.length + dropped(b.port) >= 60)
    for (const { bytes } of b.got) t.true(bytes.buffer.byteLength - bytes.length <= 16 * 1024)
  })
  check('tells many peers apart, and answers each', async (t, open) => {
    const server = await open({ echo: true })
    const peers = await Promise.all(Array.from({ length: 120 }, () => open()))
    for (const peer of peers) peer.to(server).send(Buffer.from(`from ${peer.port}`))
    await until(() => peers.every(({ got }) => got.length === 1))
    for (const peer of peers) t.deepEqual(peer.texts, [`from ${peer.port}`])
    t.is(new Set(server.got.map(({ flow }) => flow)).size, peers.length)
    for (const { bytes, flow } of server.got) t.is(bytes.toString(), `from ${flow.remote.port}`)
  })
  check('marks the peers that are trusted', async (t, open) => {
    const [server, trusted, other] = [await open(), await open({ host: '127.0.0.9' }), await open()]
    for (const peer of [trusted, other]) {
      peer.transport.connect({ host: '127.0.0.1', port: server.port }).send(Buffer.from('x'))
    }
    await until(() => server.got.length === 2)
    for (const { flow } of server.got) t.is(flow.trusted, flow.remote.host === '127.0.0.9')
  })
  check('forgets the peers met longest ago, and still hears them', async (t, open) => {
    const server = await open({ flows: 2, echo: true })
    const peers = await Promise.all([1, 2, 3, 4].map(() => open()))
    for (let round = 1; round <= 3; round++) {
      for (const peer of peers) peer.to(server).send(Buffer.from('x'))
      await until(() => peers.every(({ got }) => got.length === round))
    }
    t.is(server.got.length, 12)
  })
  check('goes on after a port where nobody listens', async (t, open) => {
    const [a, b] = [await open({ echo: true }), await open()]
    const nobody = a.transport.connect({ host: '127.0.0.2', port: a.port }) // a port of its own would soon be another test's
    for (let i = 0; i < 50; i++) {
      nobody.send(Buffer.from('to nobody'))
      a.to(b).send(Buffer.from(`${i}`))
      b.to(a).send(Buffer.from(`${i}`))
    }
    await until(() => a.got.length === 50 && b.got.length === 100)
    t.deepEqual(
      a.texts,
      Array.from({ length: 50 }, (_, i) => `${i}`),
    )
  })
  check('goes on after what the system refuses', async (t, open) => {
    const [a, b] = [await open(), await open()]
    a.to(b).send(Buffer.from('before'))
    a.transport.connect({ host: '255.255.255.255', port: 9 }).send(Buffer.from('no broadcast'))
    a.to(b).send(Buffer.from('after'))
    await until(() => b.got.length === 2)
    t.deepEqual(b.texts, ['before', 'after'])
    if (carried.kind === 'native') await until(() => a.failures.length === 1) // dgram says nothing
    for (const why of a.failures) t.is(why, 'EACCES')
  })
  check('never throws: port 0, a host that is no address', async (t, open) => {
    const [a, b] = [await open(), await open()]
    t.false(a.transport.connect({ host: '127.0.0.1', port: 0 }).send(Buffer.from('x')))
    t.false(a.transport.connect({ host: 'no address', port: 5060 }).send(Buffer.from('x')))
    t.false(a.transport.connect({ host: `${'1'.repeat(300)}%lo`, port: 5060 }).send(Buffer.from('x')))
    t.is(a.failures.length, 3)
    a.to(b).send(Buffer.from('after'))
    await until(() => b.got.length === 1)
    t.deepEqual(b.texts, ['after'])
  })
  check('sends what was queued before it closes, and takes nothing afterwards', async (t, open) => {
    const [a, b] = [await open(), await open()]
    const flow = a.to(b)
    for (let i = 0; i < 100; i++) flow.send(Buffer.from(`${i}`))
    await a.transport.close()
    t.false(flow.send(Buffer.from('late')))
    await until(() => b.got.length >= 100)
    t.is(b.texts.at(-1), '99')
    const [again, answer] = [await open({ port: a.port }), b.to(a)] // the port is free again
    answer.send(Buffer.from('to the next one'))
    await until(() => again.got.length === 1)
    t.is(a.got.length, 0)
  })
  check('may close while it receives', async (t, open) => {
    const [a, b] = [await open(), await open()]
    for (let i = 0; i < 500; i++) a.to(b).send(Buffer.alloc(100))
    await until(() => b.got.length > 0)
    const seen = b.got.length
    await b.transport.close()
    const after = b.got.length
    await new Promise((resolve) => setImmediate(resolve))
    t.true(seen <= after)
    t.is(b.got.length, after)
  })
  check('knows how long what arrives has waited, and hands nothing of that up', async (t, open) => {
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const { transport, got, port } = await open({ host })
      t.is(transport.lag!(), 0)
      const free = performance.now() + 60
      while (performance.now() < free); // busy: nothing is read meanwhile
      let most = 0
      await until(() => (most = Math.max(most, transport.lag!())) > 60 && transport.lag!() < 60)
      transport.connect({ host: '127.0.0.1', port }).send(Buffer.from('to myself'))
      await until(() => got.length > 0)
      t.deepEqual(
        got.map(({ bytes }) => bytes.toString()),
        ['to myself'],
      )
    }
  })
  check('refuses a port in use as the system does', async (t, open) => {
    const { port } = await open()
    const error = await t.throwsAsync(open({ port }))
    t.like(error, { code: 'EADDRINUSE', syscall: 'bind', port })
  })
}
