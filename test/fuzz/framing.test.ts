/** Streams: cut alike in any chunking, and nothing that comes makes the framer throw or hold more than its limit. */
import test from 'ava'
import fc from 'fast-check'
import { scan } from '../../signalling/messages/scan.ts'
import { Framer } from '../../signalling/transports/framing.ts'
import { anyBytes } from './arbitraries.ts'

const limit = 1500

function cut(chunks: readonly Uint8Array[]): string[] {
  const seen: string[] = []
  const framer = new Framer(
    {
      message: (bytes) => {
        scan(bytes, { framed: true })
        seen.push(bytes.toString('latin1'))
      },
      ping: (count) => seen.push(...new Array<string>(count).fill('ping')),
      broken: () => seen.push('broken'),
    },
    limit,
  )
  for (const chunk of chunks) framer.push(Buffer.from(chunk))
  return seen
}

function chunked(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 })
const framedMessage = fc
  .tuple(fc.constantFrom('Content-Length', 'l', 'content-length '), fc.uint8Array({ maxLength: 60 }))
  .map(([name, body]) => Buffer.concat([Buffer.from(`MESSAGE sip:a@b SIP/2.0\r\n${name}: ${body.length}\r\n\r\n`), body]))

test('messages and keep-alives arrive whole, in order, in any chunking', (t) => {
  const piece = fc.oneof({ weight: 4, arbitrary: framedMessage }, { weight: 1, arbitrary: fc.constant(Buffer.from('\r\n\r\n')) })
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), sizes, (pieces, steps) => {
      const wanted = pieces.map((each) => (each.length === 4 ? 'ping' : each.toString('latin1')))
      const got = cut(chunked(Buffer.concat(pieces), steps))
      if (JSON.stringify(got) !== JSON.stringify(wanted)) throw new Error('cut otherwise')
    }),
    { seed: 5626, numRuns: 1500 },
  )
  t.pass()
})

test('whatever comes is cut alike in any chunking', (t) => {
  fc.assert(
    fc.property(fc.array(anyBytes, { maxLength: 3 }), sizes, (pieces, steps) => {
      const bytes = Buffer.concat(pieces)
      if (bytes.length > limit) return // where the limit is met depends on how much was waited for
      if (JSON.stringify(cut([bytes])) !== JSON.stringify(cut(chunked(bytes, steps)))) throw new Error('cut otherwise')
    }),
    { seed: 793, numRuns: 1500 },
  )
  t.pass()
})
