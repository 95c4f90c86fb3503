/** Push identifiers (SPEC §2.1, §5.1): 64 bits whose leading flag bits name the operator, then its server. */
import type { Uri } from '../../../signalling/index.ts'

/** Bits of a Push identifier that name operator and server. */
export interface FlagWidths {
  readonly operator: number
  readonly server: number
}

/** Numbers of an operator and of one of its Push servers. */
export interface PushFlags {
  readonly operator: number
  readonly server: number
}

export const usualWidths: FlagWidths = { operator: 2, server: 2 }

const label = 'push.'
const hexDigits = 16
const identifier = /^[\da-f]{16}$/i
const decimal = /^\d{16}$/ // of a payment card, which these are never taken for

/** The Push identifier in that user part, in lower case; undefined: it is none. */
export function pushIdentifier(user: string): string | undefined {
  return user.length === hexDigits && identifier.test(user) && !decimal.test(user) ? user.toLowerCase() : undefined
}

/** The host of an operator's Push identifiers. */
export function pushHost(domain: string): string {
  return `${label}${domain}`
}

/** Whether a host in lower case is the Push host of one of these domains. */
export function isPushHost(host: string, domains: readonly string[]): boolean {
  return host.startsWith(label) && domains.includes(host.slice(label.length))
}

/** The domain whose Push host that is; undefined: it has not the form of one. */
export function domainOfPushHost(host: string): string | undefined {
  return host.startsWith(label) ? host.slice(label.length) : undefined
}

/** Whether a URI is a Push URI: at a Push host of these domains, or at one of them and marked so. */
export function isPushUri({ scheme, user, host, parameters }: Uri, domains: readonly string[]): boolean {
  if (scheme !== 'sip' && scheme !== 'sips') return false
  if (isPushHost(host, domains)) return true
  return user !== '' && isMarkedPush(parameters.get('user')) && domains.includes(host)
}

/** Whether that value of the URI parameter `user` marks a Push URI. */
export function isMarkedPush(kind: string | undefined): boolean {
  return kind !== undefined && /^push$/i.test(kind)
}

/** The key of a Push identifier or Push string of an operator of these domains, an alias of its subscriber. */
export function pushKey(user: string, domains: readonly string[]): string {
  return `sip:${pushIdentifier(user) ?? user}@${pushHost(domains[0] ?? 'localhost')}`
}

/** The URI of a Push identifier for others. */
export function pushUri(id: string, domains: readonly string[]): string {
  return `${pushKey(id, domains)};user=push`
}

/** Keys of a subscriber's Push identifiers and Push strings. */
export function pushNamesOf(
  push: readonly { readonly id: string; readonly string?: string | undefined }[],
  domains: readonly string[],
): readonly string[] {
  return push.flatMap(({ id, string }) => (string === undefined ? [id] : [id, string])).map((name) => pushKey(name, domains))
}

/** Whether that alias of a subscriber is the key of a Push identifier or Push string of the same one. */
export function isPushName(
  alias: string,
  push: readonly { readonly id: string; readonly string?: string | undefined }[],
): boolean {
  return push.some(({ id, string }) =>
    [id, string].some((name) => name !== undefined && alias.startsWith(`sip:${name}@${label}`)),
  )
}

/** Whether a subscriber's Push identifier is neither revoked nor over. `now`: milliseconds since the epoch. */
export function isPushInForce(
  { state, validUntil }: { readonly state?: string | undefined; readonly validUntil?: string | undefined },
  now: number,
): boolean {
  return state !== 'revoked' && (validUntil === undefined || Date.parse(validUntil) > now)
}

/** Flag bits of an identifier, read as numbers. */
export function flagsOf(id: string, { operator, server }: FlagWidths): PushFlags {
  const bits = Number.parseInt(id.slice(0, 6), 16) // 24, the most that may be flags
  const flags = bits >>> (24 - operator - server)
  return { operator: flags >>> server, server: flags & ((1 << server) - 1) }
}

/** Flag bits as text: `0100`. */
export function flagBits(flags: PushFlags, widths: FlagWidths): string {
  const bits = (number: number, width: number): string => number.toString(2).padStart(width, '0')
  return bits(flags.operator, widths.operator) + bits(flags.server, widths.server)
}

/** Whether an identifier begins with those flag bits. */
export function hasFlags(id: string, bits: string): boolean {
  const first = Number.parseInt(id.slice(0, 6), 16).toString(2).padStart(24, '0')
  return first.startsWith(bits)
}

/** A new identifier under those flag bits, `0100`. `random`: 16 random hex digits a call. */
export function newPushIdentifier(bits: string, random: () => string): string {
  const rest = BigInt(64 - bits.length)
  const high = BigInt(`0b${bits}`) << rest
  for (;;) {
    const low = BigInt(`0x${random()}`) & ((1n << rest) - 1n)
    const id = (high | low).toString(16).padStart(hexDigits, '0')
    if (!decimal.test(id)) return id
  }
}
