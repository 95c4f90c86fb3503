/**
 * STUN binding requests on a SIP port (RFC 5389, RFC 5626 §8). A client behind a NAT keeps its flow open so, and
 * sees when its address has changed. No state, no credentials; an answer is never longer than twice the request.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { crc32 } from 'node:zlib'
import type { HostPort } from './transport.ts'

const cookie = 0x2112a442
const headerLength = 20
const bindingRequest = 0x0001
const bindingSuccess = 0x0101
const bindingError = 0x0111
const fingerprintMask = 0x5354554e // RFC 5389 §15.5

const unknownAttributes = 0x000a
const errorCode = 0x0009
const xorMappedAddress = 0x0020
const fingerprint = 0x8028

/** Attributes below 0x8000 whose meaning does not matter for a binding answered to anybody: USERNAME, MESSAGE-INTEGRITY, REALM, NONCE. */
const understood: ReadonlySet<number> = new Set([0x0006, 0x0008, 0x0014, 0x0015])

/** True where the datagram is STUN and cannot be SIP: two zero bits in front, and the magic cookie. */
export function isStun(bytes: Buffer): boolean {
  return bytes.length >= headerLength && bytes[0]! < 64 && bytes.readUInt32BE(4) === cookie
}

/** The answer to a binding request from `remote`; undefined for all else, malformed requests included (RFC 5389 §7.3). */
export function answerStun(bytes: Buffer, remote: HostPort): Buffer | undefined {
  if (!isStun(bytes) || bytes.readUInt16BE(0) !== bindingRequest) return undefined
  const asked = readAttributes(bytes)
  const address = addressOf(remote.host)
  if (asked === undefined || address === undefined) return undefined
  const [type, attributes] =
    asked.unknown.length === 0
      ? ([bindingSuccess, [mapped(bytes, address, remote.port)]] as const)
      : ([bindingError, refused(asked.unknown)] as const)
  const answer = compose(type, bytes, attributes, asked.fingerprint)
  return answer.length <= 2 * bytes.length ? answer : undefined
}

interface Asked {
  /** Comprehension-required attributes that we do not know. */
  readonly unknown: readonly number[]
  readonly fingerprint: boolean
}

/** Undefined: lengths that do not fit, or a FINGERPRINT that is wrong or not the last. */
function readAttributes(bytes: Buffer): Asked | undefined {
  if (bytes.readUInt16BE(2) !== bytes.length - headerLength || bytes.length % 4 !== 0) return undefined
  const unknown: number[] = []
  let at = headerLength
  while (at < bytes.length) {
    const type = bytes.readUInt16BE(at)
    const length = bytes.readUInt16BE(at + 2)
    const next = at + 4 + length + (-length & 3)
    if (next > bytes.length) return undefined
    if (type === fingerprint) {
      const right = length === 4 && next === bytes.length && bytes.readUInt32BE(at + 4) === fingerprintOf(bytes.subarray(0, at))
      return right ? { unknown, fingerprint: true } : undefined
    }
    if (type < 0x8000 && !understood.has(type)) unknown.push(type)
    at = next
  }
  return { unknown, fingerprint: false }
}

function fingerprintOf(bytes: Buffer): number {
  return (crc32(bytes) ^ fingerprintMask) >>> 0
}

/** XOR-MAPPED-ADDRESS (RFC 5389 §15.2). */
function mapped(request: Buffer, address: Buffer, port: number): Buffer {
  const attribute = Buffer.alloc(8 + address.length)
  attribute.writeUInt16BE(xorMappedAddress, 0)
  attribute.writeUInt16BE(4 + address.length, 2)
  attribute.writeUInt8(address.length === 4 ? 1 : 2, 5)
  attribute.writeUInt16BE(port ^ (cookie >>> 16), 6)
  for (let i = 0; i < address.length; i++) attribute[8 + i] = address[i]! ^ request[4 + i]! // cookie, then transaction id
  return attribute
}

/** ERROR-CODE 420 without a phrase, and the attributes that we do not know (RFC 5389 §7.3.1). */
function refused(unknown: readonly number[]): readonly Buffer[] {
  const code = Buffer.from([errorCode >> 8, errorCode & 255, 0, 4, 0, 0, 4, 20])
  const listed = unknown.slice(0, 8)
  const list = Buffer.alloc(4 + listed.length * 2 + (listed.length % 2) * 2)
  list.writeUInt16BE(unknownAttributes, 0)
  list.writeUInt16BE(listed.length * 2, 2)
  for (const [i, type] of listed.entries()) list.writeUInt16BE(type, 4 + i * 2)
  return [code, list]
}

function compose(type: number, request: Buffer, attributes: readonly Buffer[], withFingerprint: boolean): Buffer {
  const head = Buffer.from(request.subarray(0, headerLength)) // cookie and transaction id stay
  const length = attributes.reduce((sum, attribute) => sum + attribute.length, 0) + (withFingerprint ? 8 : 0)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(length, 2)
  const answer = Buffer.concat([head, ...attributes])
  if (!withFingerprint) return answer
  const print = Buffer.from([fingerprint >> 8, fingerprint & 255, 0, 4, 0, 0, 0, 0])
  print.writeUInt32BE(fingerprintOf(answer), 4) // the length in the header counts it already
  return Buffer.concat([answer, print])
}

/** The bytes of an IP address; undefined where the host is none. */
function addressOf(host: string): Buffer | undefined {
  if (isIPv4(host)) return Buffer.from(host.split('.').map(Number))
  if (!isIPv6(host)) return undefined
  const [plain = ''] = host.split('%')
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain)
  const hex = (a: string, b: string): string => ((Number(a) << 8) | Number(b)).toString(16)
  const text = dotted === null ? plain : `${dotted[1]}${hex(dotted[2]!, dotted[3]!)}:${hex(dotted[4]!, dotted[5]!)}`
  const [left = '', right] = text.split('::')
  const before = left === '' ? [] : left.split(':')
  const after = right === undefined || right === '' ? [] : right.split(':')
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after]
  const address = Buffer.alloc(16)
  for (const [i, group] of groups.entries()) address.writeUInt16BE(Number.parseInt(group, 16), i * 2)
  return address
}
