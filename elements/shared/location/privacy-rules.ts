/**
 * Rules of a target's privacy (SPEC §8.4): who may know how much of where it is. They only grant (RFC 4745 §10): all that match
 * are joined permission by permission, and the widest counts.
 */
import type { Area } from './areas.ts'
import type { GeoPoint } from './sphere.ts'
import { isInWeek, nextEdge, type WeeklyTimes } from './weekly.ts'

/** Ways in which a target takes part, widest first. */
const modes = ['allow', 'notify', 'ask-allow', 'ask-deny'] as const
export type PrivacyMode = (typeof modes)[number]

/** Parts of an address that may be told, widest first. */
const civicDetails = ['full', 'city', 'region', 'country'] as const
export type CivicDetail = (typeof civicDetails)[number]

export interface PrivacyRule {
  readonly id: string
  /** Left out: anybody. */
  readonly who?: RuleIdentities
  /** LCS clients; left out: any. */
  readonly client?: readonly string[]
  /** Left out: any, and none. */
  readonly service?: readonly string[]
  /** Name of a server key -> HMAC of the word under it; left out: no word is wanted. */
  readonly codeword?: { readonly [key: string]: string }
  /** Milliseconds since the epoch; `until` is exclusive. */
  readonly from?: number
  readonly until?: number
  readonly weekly?: WeeklyTimes
  /** The target has to be there. */
  readonly in?: Area
  readonly mode: PrivacyMode
  /** Metres; left out: no place is told. */
  readonly precision?: number | 'exact'
  readonly civic?: CivicDetail
  /** Events of areas may be told without a place. */
  readonly events?: true
}

/** One of these, or of these domains and none of the exceptions. */
interface RuleIdentities {
  /** Canonical URIs. */
  readonly one?: readonly string[]
  /** Lower case; neither these nor `one`: everybody. */
  readonly domain?: readonly string[]
  readonly except?: readonly string[]
}

/** A request, as it was stored when it came. */
export interface PrivacyQuestion {
  /** Canonical URI of who asks, and its domain. */
  readonly requestor: string
  readonly domain: string
  readonly client: string
  readonly service?: string
  /** HMACs of the codeword that it showed, by server key. */
  readonly codeword?: { readonly [key: string]: string }
}

/** A permission that is granted. */
export interface Permission {
  readonly mode: PrivacyMode
  readonly precision?: number | 'exact'
  readonly civic?: CivicDetail
  readonly events?: true
}

/**
 * The permission of a request; undefined: none.
 * @param place of the target; undefined: it is not known yet, and any counts
 */
export function permissionOf(
  rules: readonly PrivacyRule[],
  question: PrivacyQuestion,
  now: number,
  place?: GeoPoint,
): Permission | undefined {
  const granting = rules.filter((rule) => isFor(rule, question) && isAt(rule, now) && isThere(rule, place))
  if (granting.length === 0) return undefined
  const precision = widestPrecision(granting)
  const civic = civicDetails.find((detail) => granting.some((rule) => rule.civic === detail))
  return {
    mode: modes.find((mode) => granting.some((rule) => rule.mode === mode))!,
    ...(precision === undefined ? {} : { precision }),
    ...(civic === undefined ? {} : { civic }),
    ...(granting.some(({ events }) => events === true) ? { events: true } : {}),
  }
}

/** Whether the target is asked itself. */
export function isAsking(mode: PrivacyMode): boolean {
  return mode === 'ask-allow' || mode === 'ask-deny'
}

/** Whether a permission lets be told all that another one did. */
export function isAsWide(permission: Permission | undefined, other: Permission | undefined): boolean {
  if (other === undefined) return true
  if (permission === undefined || (isAsking(permission.mode) && !isAsking(other.mode))) return false
  if (other.events === true && permission.events !== true && permission.precision === undefined) return false
  const isCivicToo = other.civic === undefined || widthOf(permission.civic) <= widthOf(other.civic)
  return isCivicToo && metresOf(permission) <= metresOf(other)
}

function widthOf(detail: CivicDetail | undefined): number {
  return detail === undefined ? civicDetails.length : civicDetails.indexOf(detail)
}

function metresOf({ precision = Number.POSITIVE_INFINITY }: Permission): number {
  return precision === 'exact' ? 0 : precision
}

/** The next time at which a permission may become another by itself, in milliseconds since the epoch; undefined: never. */
export function nextJudgement(rules: readonly PrivacyRule[], question: PrivacyQuestion, now: number): number | undefined {
  const edges = rules
    .filter((rule) => isFor(rule, question))
    .flatMap(({ from, until, weekly }) => [from ?? 0, until ?? 0, weekly === undefined ? 0 : nextEdge(weekly, now)])
    .filter((edge) => edge > now)
  return edges.length === 0 ? undefined : Math.min(...edges)
}

/** Whether a rule is for whoever asks, by whatever means, at some time and place. */
function isFor({ client, codeword, service, who }: PrivacyRule, question: PrivacyQuestion): boolean {
  if (who !== undefined && !isOne(who, question)) return false
  if (client !== undefined && !client.includes(question.client)) return false
  if (service !== undefined && (question.service === undefined || !service.includes(question.service))) return false
  if (codeword === undefined) return true
  const shown = question.codeword ?? {}
  return Object.entries(codeword).some(([key, hmac]) => shown[key] === hmac)
}

function isOne({ domain, except, one }: RuleIdentities, question: PrivacyQuestion): boolean {
  if (one?.includes(question.requestor) === true) return true
  const isOfMany = domain === undefined ? one === undefined : domain.includes(question.domain)
  return isOfMany && except?.includes(question.requestor) !== true
}

function isAt({ from, until, weekly }: PrivacyRule, now: number): boolean {
  if (from !== undefined && now < from) return false
  if (until !== undefined && now >= until) return false
  return weekly === undefined || isInWeek(weekly, now)
}

function isThere({ in: area }: PrivacyRule, place: GeoPoint | undefined): boolean {
  return area === undefined || place === undefined || area.depth(place) >= 0
}

function widestPrecision(rules: readonly PrivacyRule[]): number | 'exact' | undefined {
  if (rules.some(({ precision }) => precision === 'exact')) return 'exact'
  const metres = rules.flatMap(({ precision }) => (typeof precision === 'number' ? [precision] : []))
  return metres.length === 0 ? undefined : Math.min(...metres)
}
