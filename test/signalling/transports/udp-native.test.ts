/** The queue in front of the native module, whose other side is played here. */
import test from 'ava'
import { LocalAddress } from '../../../signalling/transports/local-address.ts'
import { UdpFlow } from '../../../signalling/transports/udp-flow.ts'
import { NativeSocket, type NativeUdp, type SocketHandle } from '../../../signalling/transports/udp-native.ts'

const queued = 16 + 8 * 64

/** Takes what is queued when it is flushed, as far as it has room; tells no errors of its own. */
class Kernel implements NativeUdp {
  readonly sent: string[] = []
  room = Infinity
  listener: (kind: number, count: number, bytes: Buffer | undefined) => void = () => undefined
  shared = new Int32Array()
  opens: number | undefined
  private queue = new Uint8Array()
  private head = 0
  open(...[, , , shared, queue, listener]: Parameters<NativeUdp['open']>): SocketHandle | number {
    Object.assign(this, { shared, queue, listener })
    shared[8] = 5060
    return this.opens ?? ({} as SocketHandle)
  }
  close(): void {
    this.flush()
    this.listener(2, 0, undefined)
  }
  flush(): void {
    for (; this.head < this.shared[0]! && this.room > 0; this.head++, this.room--) {
      const at = queued + 8 * this.head
      const [offset, length] = [this.shared[at]!, this.shared[at + 1]!]
      this.sent.push(Buffer.from(this.queue.subarray(offset, offset + length)).toString())
    }
    if (this.head === this.shared[0]) this.head = this.shared[0] = 0
  }
  parse(_handle: SocketHandle, host: string): boolean {
    this.shared.fill(0, 8, 16)
    this.shared[12] = Number(host.replaceAll('.', ''))
    return host !== 'none'
  }
  name(): string {
    return '192.0.2.7'
  }
}

async function scene(): Promise<{ kernel: Kernel; socket: NativeSocket; flow: UdpFlow; failures: string[]; got: string[] }> {
  const [kernel, failures, got] = [new Kernel(), [] as string[], [] as string[]]
  const local = { host: '192.0.2.1', port: 5060 }
  const flowTo = (host: string, port: number): UdpFlow => new UdpFlow(socket, new LocalAddress(local), { host, port }, false)
  const socket = new NativeSocket(kernel, local, {
    received: (bytes, flow) => got.push(`${flow.remote.host}:${flow.remote.port} ${bytes}`),
    flowTo,
    failed: (flow, why) => failures.push(`${flow?.remote.host} ${why}`),
  })
  if ((await socket.bind()) !== 5060) throw new Error('the port is in the scratch record')
  return { kernel, socket, flow: flowTo('192.0.2.2', 5060), failures, got }
}

test('nothing leaves before the turn ends, then all does, in order', async (t) => {
  const { kernel, flow } = await scene()
  for (const text of ['a', 'b', 'c']) t.true(flow.send(Buffer.from(text)))
  t.deepEqual(kernel.sent, [])
  kernel.flush()
  t.deepEqual(kernel.sent, ['a', 'b', 'c'])
})
test('a full queue is emptied at once', async (t) => {
  const { kernel, flow } = await scene()
  for (let i = 0; i < 1100; i++) t.true(flow.send(Buffer.from(`${i}`)))
  kernel.flush()
  t.deepEqual(
    kernel.sent.map(Number),
    Array.from({ length: 1100 }, (_, i) => i),
  )
})
test('so is one that large datagrams fill', async (t) => {
  const { kernel, flow } = await scene()
  for (let i = 0; i < 10; i++) t.true(flow.send(Buffer.alloc(65_000, 97 + i)))
  kernel.flush()
  t.deepEqual(
    kernel.sent.map((text) => text.length),
    new Array(10).fill(65_000),
  )
  t.is(kernel.sent.map((text) => text[0]).join(''), 'abcdefghij')
})
test('a system without room makes it refuse, and nothing that was taken is lost', async (t) => {
  const { kernel, flow, failures } = await scene()
  kernel.room = 3
  let taken = 0
  while (flow.send(Buffer.from(`${taken}`))) taken++
  t.is(taken, 512)
  t.deepEqual(failures, ['192.0.2.2 the system has no room for more'])
  kernel.room = Infinity
  t.true(flow.send(Buffer.from('512')))
  kernel.flush()
  t.deepEqual(
    kernel.sent.map(Number),
    Array.from({ length: 513 }, (_, i) => i),
  )
})
test('a closed socket sends the rest and then refuses', async (t) => {
  const { kernel, socket, flow, failures } = await scene()
  flow.send(Buffer.from('last'))
  await socket.close()
  t.deepEqual(kernel.sent, ['last'])
  t.false(flow.send(Buffer.from('late')))
  t.deepEqual(failures, ['192.0.2.2 the socket is closed'])
  await t.notThrowsAsync(socket.close())
})
test('an error of the system is an Error of that code', async (t) => {
  const { kernel, socket } = await scene()
  kernel.opens = -98
  await t.throwsAsync(socket.bind(), { code: 'EADDRINUSE' })
})
test('addresses that share a place in the table stay apart, and port 0 is not heard', async (t) => {
  const { kernel, got } = await scene()
  for (let i = 0; i < 20_000; i++) {
    kernel.shared.set([1, 0, i % 4000, 0, Math.imul(i, 40_503), 0, 0, 0], 16)
    kernel.listener(0, 1, Buffer.from('x'))
  }
  t.is(got.length, 19_995)
  t.true(got.every((text, i) => text === `192.0.2.7:${(i % 3999) + 1} x`))
})
test('what the kernel refused is told with the peer', async (t) => {
  const { kernel, failures } = await scene()
  kernel.shared.set([13, 4, 9, 0, 7, 0, 0, 0], queued + 8 * 512)
  kernel.listener(1, 1, undefined)
  t.deepEqual(failures, ['192.0.2.7 EACCES'])
})

test('without a ration all comes through, however long there is none', async (t) => {
  const { kernel, socket } = await scene()
  const seen = [kernel.shared[1]]
  for (const beginnings of [7, 0, 2 ** 40, Infinity]) {
    kernel.shared[2] = 3
    t.is(socket.ration(beginnings), 3)
    seen.push(kernel.shared[1])
  }
  t.deepEqual(seen, [-1, 7, 0, 2 ** 31 - 1, -1], 'it counts down from all but -1')
  t.is(socket.ration(1), 0)
})
