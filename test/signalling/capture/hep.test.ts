/** The HEP mirror, read back by a decoder of its own. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIP } from 'node:net'
import test from 'ava'
import { hepPacket, openHep } from '../../../signalling/capture/hep.ts'
import { addressText } from '../../../signalling/capture/packets.ts'
import { Parties } from '../../../signalling/capture/parties.ts'
import type { TappedMessage } from '../../../signalling/capture/tap.ts'
import { type Log, silent } from '../../../signalling/log.ts'
import { traffic as allTraffic } from './capture-messages.ts'

const start = Date.UTC(2026, 0, 1) + 0.25

/** What fits into a datagram; what does not has a test of its own. */
const traffic = (at: number): TappedMessage[] => allTraffic(at).filter(({ bytes }) => bytes.length < 65_000)

interface Decoded {
  readonly from: string
  readonly to: string
  readonly protocol: number
  readonly at: number
  readonly type: number
  readonly agent: number
  readonly node: string
  readonly payload: string
}

function decode(packet: Buffer): Decoded {
  if (packet.toString('latin1', 0, 4) !== 'HEP3' || packet.readUInt16BE(4) !== packet.length) throw new Error('no HEP3 packet')
  const chunks = new Map<number, Buffer>()
  for (let at = 6; at < packet.length; at += packet.readUInt16BE(at + 4)) {
    if (packet.readUInt16BE(at) !== 0) throw new Error('a chunk of a vendor')
    chunks.set(packet.readUInt16BE(at + 2), packet.subarray(at + 6, at + packet.readUInt16BE(at + 4)))
  }
  const v6 = chunks.get(1)![0] === 10
  if (!v6 && chunks.get(1)![0] !== 2) throw new Error('neither IPv4 nor IPv6')
  const end = (address: number, port: number): string =>
    `${addressText(chunks.get(address)!)} ${chunks.get(port)!.readUInt16BE()}`
  return {
    from: end(v6 ? 5 : 3, 7),
    to: end(v6 ? 6 : 4, 8),
    protocol: chunks.get(2)![0]!,
    at: chunks.get(9)!.readUInt32BE() * 1000 + chunks.get(10)!.readUInt32BE() / 1000,
    type: chunks.get(11)![0]!,
    agent: chunks.get(12)!.readUInt32BE(),
    node: chunks.get(19)!.toString(),
    payload: chunks.get(15)!.toString(),
  }
}

test('each message, its ends, its time and what carried it', (t) => {
  const parties = new Parties()
  for (const message of traffic(start)) {
    const decoded = decode(hepPacket(message, parties.of(message), 7, 'lab'))
    const datagram = message.direction === 'local' || message.transport === 'UDP' || message.transport === 'MEM'
    t.is(decoded.payload, Buffer.from(message.bytes).toString())
    t.is(decoded.protocol, datagram ? 17 : 6, message.transport)
    t.true(Math.abs(decoded.at - message.at) < 0.001)
    t.deepEqual([decoded.type, decoded.agent, decoded.node], [1, 7, 'lab'])
    t.not(decoded.from, decoded.to)
    const numeric = isIP(message.from.address) !== 0 && isIP(message.to.address) === isIP(message.from.address)
    if (message.direction !== 'local' && numeric) t.is(decoded.from, `${message.from.address} ${message.from.port}`)
  }
})

async function collector() {
  const socket = createSocket('udp4')
  const got: Buffer[] = []
  socket.on('message', (bytes) => got.push(bytes))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { socket, got, port: socket.address().port }
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a collector gets them all, secrets masked where that is asked for', async (t) => {
  const { socket, got, port } = await collector()
  const tap = openHep({ collector: { host: '127.0.0.1', port }, log: silent, node: 'lab', mask: true })
  const messages = traffic(start)
  const secret = {
    ...messages[0]!,
    bytes: Buffer.from(
      'REGISTER sip:a SIP/2.0\r\nAuthorization: Digest username="a", response="0123456789abcdef0123456789abcdef"\r\n\r\n',
    ),
  }
  while (got.length === 0) {
    tap.message(secret) // until its socket is ready
    await turn()
  }
  t.notRegex(decode(got[0]!).payload, /0123456789abcdef/)
  const before = got.length
  for (const message of messages) tap.message(message)
  while (got.length < before + messages.length) await turn()
  await tap.close?.()
  tap.message(messages[0]!) // nothing after the end
  await tap.close?.()
  socket.close()
  t.pass()
})

test('nobody there, and messages that no datagram holds: told once, and nothing breaks', async (t) => {
  const { socket, port } = await collector()
  await new Promise<void>((resolve) => socket.close(() => resolve()))
  const warnings: string[] = []
  const log = { ...silent, warn: (_: object, text: string) => warnings.push(text) } as unknown as Log
  const tap = openHep({ collector: { host: '127.0.0.1', port }, log, node: 'lab' })
  const [message] = traffic(start) as [TappedMessage]
  while (warnings.length === 0) {
    tap.message(message)
    await turn()
  }
  for (let i = 0; i < 20; i++) {
    tap.message({ ...message, bytes: Buffer.alloc(70_000, 'x') })
    tap.message(message)
    await turn()
  }
  t.is(warnings.length, 1)
  t.regex(warnings[0]!, new RegExp(`^the HEP collector at 127\\.0\\.0\\.1:${port} misses messages: .*ECONNREFUSED`))
  await tap.close?.()
})
