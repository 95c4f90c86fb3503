/** Frames of WebSocket connections, cut anywhere: when a message is half way, and when it is whole (RFC 6455 §5). */
import test from 'ava'
import fc from 'fast-check'
import { WebSocketFrames } from '../../../signalling/transports/ws-frames.ts'

interface Frame {
  readonly opcode: number
  readonly fin: boolean
  readonly length: number
  readonly masked: boolean
}

function bytesOf({ opcode, fin, length, masked }: Frame): Buffer {
  const first = (fin ? 0x80 : 0) | opcode
  const mask = masked ? 0x80 : 0
  const extended = Buffer.alloc(length > 65_535 ? 8 : length > 125 ? 2 : 0)
  if (extended.length === 2) extended.writeUInt16BE(length)
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length))
  const short = extended.length === 2 ? 126 : extended.length === 8 ? 127 : length
  return Buffer.concat([Buffer.from([first, mask | short]), extended, Buffer.alloc((masked ? 4 : 0) + length, 0xff)])
}

const frame = fc.record({
  opcode: fc.constantFrom(0, 1, 2, 9, 10),
  fin: fc.boolean(),
  length: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(125, 126, 65_535, 65_536)),
  masked: fc.boolean(),
})

test('whole messages are counted, and what is half way is known, wherever the stream is cut', (t) => {
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 500 }), (list, piece) => {
      const sentFrames = list.map((each) => (each.opcode < 8 ? each : { ...each, fin: true, length: each.length % 126 }))
      const bytes = Buffer.concat(sentFrames.map(bytesOf))
      const frames = new WebSocketFrames()
      for (let at = 0; at < bytes.length; at += piece) {
        frames.read(bytes.subarray(at, at + piece))
        if (at + piece < bytes.length) continue
        const data = sentFrames.filter(({ opcode }) => opcode < 8)
        t.is(frames.messages, data.filter(({ fin }) => fin).length)
        t.is(frames.partial, data.at(-1)?.fin === false)
      }
      const half = bytesOf({ opcode: 1, fin: true, length: 20, masked: true })
      frames.read(half.subarray(0, 10))
      t.true(frames.partial)
      frames.read(half.subarray(10))
      t.false(frames.partial)
    }),
    { numRuns: 300 },
  )
})

test('a Ping that has come in part is one message half way, whole it is none', (t) => {
  const frames = new WebSocketFrames()
  const ping = bytesOf({ opcode: 9, fin: true, length: 4, masked: true })
  frames.read(ping.subarray(0, 3))
  t.true(frames.partial)
  frames.read(ping.subarray(3))
  t.false(frames.partial)
  t.is(frames.messages, 0)
})
