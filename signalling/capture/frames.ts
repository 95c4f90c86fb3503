/** WebSocket as bytes on its TCP connection (RFC 6455, RFC 7118): the upgrade, and one message a frame. */
import { isUtf8 } from 'node:buffer'

/** The request that opens the connection. Key and answer are the ones of RFC 6455 §1.3: nobody checks them in a capture. */
export function upgradeRequest(host: string): Buffer {
  return lines([
    'GET / HTTP/1.1',
    `Host: ${host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: sip',
    'Sec-WebSocket-Version: 13',
  ])
}
export function upgradeResponse(): Buffer {
  return lines([
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    'Sec-WebSocket-Protocol: sip',
  ])
}
function lines(text: readonly string[]): Buffer {
  return Buffer.from(`${text.join('\r\n')}\r\n\r\n`)
}

const text = 1
const binary = 2
const key = [0x50, 0x72, 0x6f, 0x78] as const // a client must mask (§5.3); the capture is no place for randomness

/** One unfragmented frame: text, or binary where the message is not UTF-8. */
export function frame(message: Uint8Array, masked: boolean): Buffer {
  const { length } = message
  const wide = length > 0xffff ? 8 : length > 125 ? 2 : 0
  const start = 2 + wide + (masked ? 4 : 0)
  const bytes = Buffer.alloc(start + length)
  bytes[0] = 0x80 | (isUtf8(message) ? text : binary)
  bytes[1] = (masked ? 0x80 : 0) | (wide === 0 ? length : wide === 2 ? 126 : 127)
  if (wide === 2) bytes.writeUInt16BE(length, 2)
  else if (wide === 8) bytes.writeUInt32BE(length, 6)
  bytes.set(message, start)
  if (masked) {
    bytes.set(key, start - 4)
    for (let i = 0; i < length; i++) bytes[start + i]! ^= key[i & 3]!
  }
  return bytes
}

/** The first frame of a stream: its opcode, its payload unmasked and how many bytes it took; undefined: more is to come. */
export function parseFrame(
  stream: Buffer,
): { readonly opcode: number; readonly payload: Buffer; readonly size: number } | undefined {
  if (stream.length < 2) return undefined
  const short = stream[1]! & 127
  const wide = short === 127 ? 8 : short === 126 ? 2 : 0
  const masked = (stream[1]! & 0x80) !== 0
  const start = 2 + wide + (masked ? 4 : 0)
  if (stream.length < start) return undefined
  const length =
    wide === 0 ? short : wide === 2 ? stream.readUInt16BE(2) : stream.readUInt32BE(2) * 2 ** 32 + stream.readUInt32BE(6)
  if (stream.length < start + length) return undefined
  const payload = Buffer.from(stream.subarray(start, start + length))
  if (masked) for (let i = 0; i < length; i++) payload[i]! ^= stream[start - 4 + (i & 3)]!
  return { opcode: stream[0]! & 15, payload, size: start + length }
}
