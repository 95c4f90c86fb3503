/** STUN keep-alives on a SIP port: RFC 5769 by the letter, and never more than was asked. */

import test from 'ava'
import fc from 'fast-check'
import { createProxy } from '../../../elements/proxy/index.ts'
import { ManualClock, MemoryNetwork } from '../../../signalling/testing.ts'
import { FlowTable } from '../../../signalling/transports/flows.ts'
import { answerStun } from '../../../signalling/transports/stun.ts'
import { isStun } from '../../../signalling/transports/stun-message.ts'
import type { HostPort } from '../../../signalling/transports/transport.ts'
import { Lab } from '../../support/lab.ts'
import { metric, Wire } from '../../support/wire.ts'

const transaction = 'b7e7a701bc34d686fa87dfae'

function hex(...parts: readonly string[]): Buffer {
  return Buffer.from(parts.join('').replace(/\s/g, ''), 'hex')
}
/** A binding request with these attributes, each as hex. */
function asked(...attributes: readonly string[]): Buffer {
  const tail = hex(...attributes)
  return Buffer.concat([hex('0001', tail.length.toString(16).padStart(4, '0'), '2112a442', transaction), tail])
}
// RFC 5769 §2.1: the sample request, whose FINGERPRINT covers all before it
const sample = hex(
  '0001 0058 2112a442 b7e7a701bc34d686fa87dfae',
  '8022 0010 5354554e207465737420636c69656e74',
  '0024 0004 6e0001ff 8029 0008 932ff9b151263b36',
  '0006 0009 6576746a3a68367659202020',
  '0008 0014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2',
  '8028 0004 e57a3bcf',
)

test('RFC 5769 §2.2, §2.3: the addresses of the samples, as they are there', (t) => {
  const v4 = answerStun(asked(), { host: '192.0.2.1', port: 32_853 })!
  t.deepEqual(v4, hex('0101 000c 2112a442', transaction, '0020 0008 0001a147e112a643'))
  const room = asked('8022 0004 61626364')
  for (const host of ['2001:db8:1234:5678:11:2233:4455:6677', '2001:db8:1234:5678:11:2233:68.85.102.119']) {
    const v6 = answerStun(room, { host, port: 32_853 })!
    t.deepEqual(v6.subarray(20), hex('0020 0014 0002a147 0113a9faa5d3f179bc25f4b5bed2b9d9'))
  }
})

test('short forms of IPv6 addresses', (t) => {
  for (const [host, last] of [
    ['::1', 1],
    ['fe80::2%eth0', 2],
    ['2001:db8::', 0],
  ] as const) {
    const answer = answerStun(asked('8022 0004 61626364'), { host, port: 5060 })!
    t.is((answer.at(-1)! ^ 0xae) & 255, last, host)
  }
})

test('a FINGERPRINT comes back where one came, and is right', (t) => {
  const plain = hex(sample.subarray(20, 40).toString('hex'))
  t.is(answerStun(sample, { host: '192.0.2.1', port: 1 })?.readUInt16BE(0), 0x0111, 'PRIORITY is not ours to understand')
  const answer = answerStun(withFingerprint(asked(plain.toString('hex'))), { host: '192.0.2.1', port: 1 })!
  t.is(answer.readUInt16BE(0), 0x0101)
  t.is(answer.readUInt16BE(2), answer.length - 20)
  t.deepEqual(withFingerprint(Buffer.concat([answer.subarray(0, -8)])), answer)
})

/** RFC 5389 §15.5: the length counts the FINGERPRINT already. */
function withFingerprint(message: Buffer): Buffer {
  const counted = Buffer.from(message)
  counted.writeUInt16BE(message.length - 20 + 8, 2)
  const print = (crc(counted) ^ 0x5354554e) >>> 0
  return Buffer.concat([counted, hex('80280004', print.toString(16).padStart(8, '0'))])
}
function crc(bytes: Buffer): number {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0)
  }
  return (sum ^ 0xffffffff) >>> 0
}

test('what has to be understood and is not: 420 with its name', (t) => {
  const answer = answerStun(asked('0003 0004 00000006', '0024 0004 6e0001ff'), { host: '192.0.2.1', port: 1 })!
  t.deepEqual(answer.subarray(20), hex('0009 0004 00000414', '000a 0004 00030024'))
  t.is(answer.readUInt16BE(0), 0x0111)
  t.is(answerStun(asked('0006 0003 616263 00', '8022 0000'), { host: '192.0.2.1', port: 1 })!.readUInt16BE(0), 0x0101)
})

for (const [what, bytes] of [
  ['an indication', hex('0011 0000 2112a442', transaction)],
  ['a response', hex('0101 0000 2112a442', transaction)],
  ['another method', hex('0003 0000 2112a442', transaction)],
  ['without the cookie (RFC 3489)', hex('0001 0000 2112a443', transaction)],
  ['a length that is too long', hex('0001 0004 2112a442', transaction)],
  ['a length that is too short', Buffer.concat([asked(), hex('80220000')])],
  ['an attribute that ends behind the message', asked('8022 0008 61626364')],
  ['no multiple of four', asked('8022 0001 61')],
  ['a FINGERPRINT that is wrong', asked('8028 0004 00000000')],
  ['a FINGERPRINT with something behind', Buffer.concat([withFingerprint(asked('80220000')), hex('80220000')])],
  ['too short', hex('0001 0000 2112a442')],
  ['nothing', Buffer.alloc(0)],
] as const)
  test(`no answer: ${what}`, (t) => {
    t.is(answerStun(bytes, { host: '192.0.2.1', port: 1 }), undefined)
  })

test('no answer for a host that is no address', (t) => {
  t.is(answerStun(asked(), { host: 'nowhere', port: 1 }), undefined)
})

test('whatever comes: no throw, and at most twice as much back', (t) => {
  const attribute = fc
    .tuple(fc.constantFrom(0x0001, 0x0006, 0x0020, 0x0024, 0x8022, 0x8028, 0x7fff), fc.uint8Array({ maxLength: 12 }), fc.nat(16))
    .map(([type, value, lie]) => {
      const length = value.length + (lie === 0 ? 1 : 0)
      const head = hex(type.toString(16).padStart(4, '0'), length.toString(16).padStart(4, '0'))
      return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]).toString('hex')
    })
  const message = fc.array(attribute, { maxLength: 12 }).map((attributes) => asked(...attributes))
  const bytes = fc.oneof(
    message,
    fc.uint8Array({ maxLength: 60 }).map((raw) => Buffer.from(raw)),
  )
  const host = fc.oneof(fc.ipV4(), fc.ipV6())
  fc.assert(
    fc.property(bytes, host, fc.nat(65_535), (request, from, port) => {
      const answer = answerStun(request, { host: from, port })
      if (answer !== undefined) t.true(answer.length <= 2 * request.length && isStun(answer))
    }),
    { numRuns: 2000 },
  )
})

test('a node answers on its SIP port, and goes on with SIP', async (t) => {
  const lab = new Lab()
  const node = await lab.serve(['localhost'], [createProxy('proxy', { authenticate: 'none' })])
  const wire = await Wire.at(lab, '10.0.5.1', 40_000)
  wire.send(asked())
  wire.send(hex('0001 0004 2112a442', transaction))
  await lab.clock.advance(10)
  t.is(wire.arrivals.length, 1)
  t.deepEqual(wire.arrivals[0]!.bytes, answerStun(asked(), { host: '10.0.5.1', port: 40_000 }))
  t.is(metric(node, 'stun_answers_total'), 1)
  t.is(metric(node, 'noise_total'), 1)
  await lab.stop()
})

/** The OTHER-ADDRESS that a peer at 192.0.2.77 is told by a node's first socket. */
function otherAddressOf(...sockets: readonly { readonly at: HostPort; readonly advertise?: HostPort }[]): HostPort | undefined {
  const network = new MemoryNetwork(new ManualClock())
  const sink = { received: () => undefined, closed: () => undefined, failed: () => undefined }
  const addresses = { has: () => true, towards: () => '192.0.2.1', usual: () => '192.0.2.1', renew: () => false }
  const transports = sockets.map(({ at, advertise }) =>
    network.transport({ listen: at, advertise, sink, addresses, isTrusted: () => false }),
  )
  const flows = new FlowTable(transports, [], addresses)
  return flows.otherAddress(transports[0]!.connect({ host: '192.0.2.77', port: 40_000 }))
}
const [here, second] = [5060, 5090].map((port) => ({ host: '192.0.2.1', port })) as [HostPort, HostPort]
const inner = { host: '10.0.0.1', port: 5060 }
const any = { host: '0.0.0.0', port: 5090 }
for (const [what, expected, ...sockets] of [
  ['another port of the same host', second, { at: here }, { at: second }],
  ['a port of any', second, { at: here }, { at: any }],
  ['a port of any, from any', second, { at: { ...any, port: 5060 } }, { at: any }],
  [
    'the port advertised at the same host',
    { ...second, port: 3478 },
    { at: here },
    { at: any, advertise: { ...second, port: 3478 } },
  ],
  ['both advertised at one host', second, { at: inner, advertise: here }, { at: { ...inner, port: 5090 }, advertise: second }],
  ['nothing where the other is at loopback', undefined, { at: here }, { at: { host: '127.0.0.1', port: 5090 } }],
  ['nothing where the other is inside', undefined, { at: here }, { at: { ...inner, port: 5090 } }],
  ['nothing where the other is of another family', undefined, { at: here }, { at: { host: '::1', port: 5090 } }],
  ['nothing of any where one alone is advertised', undefined, { at: inner, advertise: here }, { at: any }],
  ['nothing where the other is advertised elsewhere', undefined, { at: here }, { at: second, advertise: inner }],
  ['the next that hears there', second, { at: here }, { at: { ...inner, port: 5070 } }, { at: second }],
] as const)
  test(`OTHER-ADDRESS: ${what}`, (t) => t.deepEqual(otherAddressOf(...sockets), expected))
