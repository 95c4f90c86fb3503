/** STUN messages (RFC 8489): their attributes, MESSAGE-INTEGRITY and FINGERPRINT, read and written. */
import { createHmac } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import { crc32 } from 'node:zlib'
import { sameSecret } from '../ids.ts'
import type { HostPort } from './transport.ts'

export const stunType = { request: 0x0001, success: 0x0101, error: 0x0111 } as const

export const stunAttribute = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  realm: 0x0014,
  nonce: 0x0015,
  xorMappedAddress: 0x0020,
  software: 0x8022,
  fingerprint: 0x8028,
  otherAddress: 0x802c, // RFC 5780 §7.4
} as const

const cookie = 0x2112a442
const headerLength = 20
const fingerprintMask = 0x5354554e // RFC 8489 §14.7
const integrityLength = 20 // SHA-1

interface StunAttribute {
  readonly type: number
  readonly value: Buffer
  /** Bytes before it in the message. */
  readonly at: number
}

export interface StunMessage {
  readonly type: number
  /** 12 bytes. */
  readonly transaction: Buffer
  readonly attributes: readonly StunAttribute[]
  readonly hasFingerprint: boolean
}

/** True where the datagram is STUN and cannot be SIP: two zero bits in front, and the magic cookie. */
export function isStun(bytes: Buffer): boolean {
  return bytes.length >= headerLength && bytes[0]! < 64 && bytes.readUInt32BE(4) === cookie
}

/** Undefined: no STUN, lengths that do not fit, or a FINGERPRINT that is wrong or not the last. FINGERPRINT is no attribute of it. */
export function readStun(bytes: Buffer): StunMessage | undefined {
  if (!isStun(bytes) || bytes.readUInt16BE(2) !== bytes.length - headerLength || bytes.length % 4 !== 0) return undefined
  const attributes: StunAttribute[] = []
  const head = { type: bytes.readUInt16BE(0), transaction: bytes.subarray(8, headerLength), attributes }
  let at = headerLength
  while (at < bytes.length) {
    const type = bytes.readUInt16BE(at)
    const length = bytes.readUInt16BE(at + 2)
    const next = at + 4 + length + (-length & 3)
    if (next > bytes.length) return undefined
    if (type === stunAttribute.fingerprint) {
      const right = length === 4 && next === bytes.length && bytes.readUInt32BE(at + 4) === fingerprintOf(bytes.subarray(0, at))
      return right ? { ...head, hasFingerprint: true } : undefined
    }
    attributes.push({ type, at, value: bytes.subarray(at + 4, at + 4 + length) })
    at = next
  }
  return { ...head, hasFingerprint: false }
}

/** @param key of MESSAGE-INTEGRITY, a password (RFC 8489 §9.1.1); left out: it has none */
export function composeStun(
  type: number,
  transaction: Buffer,
  attributes: readonly Buffer[],
  { fingerprint, key }: { readonly fingerprint: boolean; readonly key?: string },
): Buffer {
  const head = Buffer.alloc(headerLength)
  head.writeUInt16BE(type, 0)
  head.writeUInt32BE(cookie, 4)
  transaction.copy(head, 8)
  let message: Buffer = Buffer.concat([head, ...attributes])
  if (key !== undefined) {
    setLength(message, message.length + 4 + integrityLength)
    message = Buffer.concat([message, attribute(stunAttribute.messageIntegrity, hmac(key, message))])
  }
  setLength(message, message.length + (fingerprint ? 8 : 0)) // the length in the header counts FINGERPRINT already
  if (!fingerprint) return message
  const print = Buffer.alloc(4)
  print.writeUInt32BE(fingerprintOf(message))
  return Buffer.concat([message, attribute(stunAttribute.fingerprint, print)])
}

function setLength(message: Buffer, whole: number): void {
  message.writeUInt16BE(whole - headerLength, 2)
}

/** Whether its MESSAGE-INTEGRITY is made with that password. Attributes behind it do not count (RFC 8489 §14.5). */
export function isIntact(bytes: Buffer, message: StunMessage, key: string): boolean {
  const found = message.attributes.find(({ type }) => type === stunAttribute.messageIntegrity)
  if (found === undefined || found.value.length !== integrityLength) return false
  const covered = Buffer.from(bytes.subarray(0, found.at))
  setLength(covered, found.at + 4 + integrityLength)
  return sameSecret(hmac(key, covered).toString('hex'), found.value.toString('hex'))
}

function hmac(key: string, bytes: Buffer): Buffer {
  return createHmac('sha1', key).update(bytes).digest()
}

function fingerprintOf(bytes: Buffer): number {
  return (crc32(bytes) ^ fingerprintMask) >>> 0
}

/** An attribute with its padding. */
export function attribute(type: number, value: Buffer): Buffer {
  const written = Buffer.alloc(4 + value.length + (-value.length & 3))
  written.writeUInt16BE(type, 0)
  written.writeUInt16BE(value.length, 2)
  value.copy(written, 4)
  return written
}

/** The value of OTHER-ADDRESS, as of MAPPED-ADDRESS (RFC 8489 §14.1); undefined where the host is no address. */
export function plainAddress({ host, port }: HostPort): Buffer | undefined {
  const address = addressOf(host)
  if (address === undefined) return undefined
  const value = Buffer.alloc(4 + address.length)
  value.writeUInt8(address.length === 4 ? 1 : 2, 1)
  value.writeUInt16BE(port, 2)
  address.copy(value, 4)
  return value
}

/** The value of XOR-MAPPED-ADDRESS (RFC 8489 §14.2); undefined where the host is no address. */
export function xorAddress(place: HostPort, transaction: Buffer): Buffer | undefined {
  const value = plainAddress(place)
  if (value !== undefined) xor(value, transaction)
  return value
}

/** @param transaction of a value that is XORed; left out: it is plain. Undefined: it is no address. */
export function readAddress(value: Buffer, transaction?: Buffer): HostPort | undefined {
  const family = value[1]
  if (!(family === 1 && value.length === 8) && !(family === 2 && value.length === 20)) return undefined
  const plain = Buffer.from(value)
  if (transaction !== undefined) xor(plain, transaction)
  const bytes = plain.subarray(4)
  const groups = Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16))
  const host = family === 1 ? bytes.join('.') : shortened(groups)
  return { host, port: plain.readUInt16BE(2) }
}

/** Port by the cookie, address by cookie and transaction. */
function xor(value: Buffer, transaction: Buffer): void {
  value.writeUInt16BE(value.readUInt16BE(2) ^ (cookie >>> 16), 2)
  const mask = Buffer.alloc(16)
  mask.writeUInt32BE(cookie)
  transaction.copy(mask, 4)
  for (let i = 4; i < value.length; i++) value[i] = value[i]! ^ mask[i - 4]!
}

function shortened(groups: readonly string[]): string {
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1) // RFC 5952
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
