/**
 * STUN binding requests on a SIP port (RFC 8489, RFC 5626 §8). A client behind a NAT keeps its flow open so, and sees its
 * address. No state, no credentials; an answer is never longer than twice the request.
 */
import {
  attribute,
  composeStun,
  isIntact,
  plainAddress,
  readAddress,
  readStun,
  type StunMessage,
  stunAttribute,
  stunType,
  xorAddress,
} from './stun-message.ts'
import type { HostPort } from './transport.ts'

const { errorCode, messageIntegrity, nonce, otherAddress, realm, unknownAttributes, username, xorMappedAddress } = stunAttribute
/** Attributes below 0x8000 whose meaning does not matter for a binding answered to anybody. */
const understood: readonly number[] = [username, messageIntegrity, realm, nonce]

/**
 * The answer to a binding request from `remote`; undefined for all else, malformed requests included (RFC 8489 §6.3).
 * @param other another address of ours that answers, too (RFC 5780 §7.4): told where the answer has room for it
 */
export function answerStun(bytes: Buffer, remote: HostPort, other?: HostPort): Buffer | undefined {
  const request = readStun(bytes)
  if (request?.type !== stunType.request) return undefined
  const mapped = xorAddress(remote, request.transaction)
  if (mapped === undefined) return undefined
  const unknown = request.attributes.map(({ type }) => type).filter((type) => type < 0x8000 && !understood.includes(type))
  const fitting = (type: number, attributes: readonly Buffer[]): Buffer | undefined => {
    const answer = composeStun(type, request.transaction, attributes, { fingerprint: request.hasFingerprint })
    return answer.length <= 2 * bytes.length ? answer : undefined
  }
  if (unknown.length > 0) return fitting(stunType.error, refused(unknown))
  const attributes = [attribute(xorMappedAddress, mapped)]
  const second = other && plainAddress(other)
  const whole = second && fitting(stunType.success, [...attributes, attribute(otherAddress, second)])
  return whole ?? fitting(stunType.success, attributes)
}

/** ERROR-CODE 420 without a phrase, and the attributes that we do not know (RFC 8489 §6.3.1). */
function refused(unknown: readonly number[]): readonly Buffer[] {
  const listed = unknown.slice(0, 8)
  const list = Buffer.alloc(listed.length * 2)
  for (const [i, type] of listed.entries()) list.writeUInt16BE(type, i * 2)
  return [attribute(errorCode, Buffer.from([0, 0, 4, 20])), attribute(unknownAttributes, list)]
}

/** Name and password of one side of a check (RFC 8445 §7.2.2). */
export interface CheckCredentials {
  /** `<fragment of who is asked>:<fragment of who asks>`. */
  readonly username: string
  /** Of who is asked. */
  readonly password: string
}

/** @param transaction 12 bytes; `credentials`: of a check; left out: a server is asked */
export function bindingRequest(transaction: Buffer, credentials?: CheckCredentials): Buffer {
  if (credentials === undefined) {
    const software = attribute(stunAttribute.software, Buffer.from('Proxima UE')) // room for the second address
    return composeStun(stunType.request, transaction, [software], { fingerprint: true })
  }
  const name = attribute(username, Buffer.from(credentials.username))
  return composeStun(stunType.request, transaction, [name], { fingerprint: true, key: credentials.password })
}

/** A binding that was answered: our address as the peer sees it, and another one that may be asked. */
interface BindingAnswer {
  /** Hexadecimal. */
  readonly transaction: string
  readonly mapped: HostPort
  readonly other: HostPort | undefined
}

/** Undefined: it is no success. @param password of a check, made with it by the peer; left out: a server has answered */
export function readBindingAnswer(bytes: Buffer, password?: string): BindingAnswer | undefined {
  const message = readStun(bytes)
  if (message?.type !== stunType.success) return undefined
  if (password !== undefined && !isIntact(bytes, message, password)) return undefined
  const mapped = attributeOf(message, xorMappedAddress)
  const address = mapped && readAddress(mapped, message.transaction)
  if (address === undefined) return undefined
  const other = attributeOf(message, otherAddress)
  return { transaction: message.transaction.toString('hex'), mapped: address, other: other && readAddress(other) }
}

/** The answer to a check from `remote` with those credentials; undefined: it is none. */
export function answerCheck(bytes: Buffer, remote: HostPort, expected: CheckCredentials): Buffer | undefined {
  const message = readStun(bytes)
  if (message?.type !== stunType.request || attributeOf(message, username)?.toString() !== expected.username) return undefined
  const mapped = xorAddress(remote, message.transaction)
  if (mapped === undefined || !isIntact(bytes, message, expected.password)) return undefined
  const attributes = [attribute(xorMappedAddress, mapped)]
  return composeStun(stunType.success, message.transaction, attributes, { fingerprint: true, key: expected.password })
}

function attributeOf({ attributes }: StunMessage, wanted: number): Buffer | undefined {
  return attributes.find(({ type }) => type === wanted)?.value
}
