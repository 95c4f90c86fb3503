/**
 * Changes of a target's rules by its commands (SPEC §8.8). Rules only grant: to hide from somebody takes him out of all of
 * them. To show oneself to somebody does so, too, and then grants it.
 */
import { parseUri } from '../../signalling/index.ts'
import type { PrivacyProfileRule } from '../schemas/index.ts'
import { subscriberKey } from '../shared/identifiers/devices.ts'
import { ownUser } from '../shared/identifiers/element-names.ts'
import type { ShownPrecision } from './command.ts'

type Rules = readonly PrivacyProfileRule[]

const mark = 'text-' // of rules that commands have made
const namesAtMost = 100 // in one list of a rule

/** With canonical identities, as they are compared. */
export function canonicalRules(rules: Rules, domains: readonly string[]): Rules {
  const keys = (names: readonly string[]): string[] => names.map((name) => subscriberKey(name, domains) ?? name)
  return rules.map((rule) => {
    if (rule.who === undefined) return rule
    const { except, one } = rule.who
    const who = {
      ...rule.who,
      ...(one === undefined ? {} : { one: keys(one) }),
      ...(except === undefined ? {} : { except: keys(except) }),
    }
    return { ...rule, who }
  })
}

/** None of them is for that person any more, nor for that client where the name is one's. @param keys all of the person */
export function hiddenFrom(rules: Rules, keys: readonly string[], domains: readonly string[]): Rules {
  return keys.reduce<Rules>(
    (left, key) => left.flatMap((rule) => withoutClient(rule, ownUser(key, domains))).flatMap((rule) => without(rule, key)),
    rules,
  )
}

/** Permission that a command gives. */
interface ShownTerms {
  readonly precision: ShownPrecision
  /** ISO time; left out: for good. */
  readonly until?: string
}

/** He is granted that, and nothing else. Where the target hears of it when he asks, that stays so. */
export function shownTo(rules: Rules, keys: readonly string[], terms: ShownTerms, domains: readonly string[]): Rules {
  const { precision, until } = terms
  const [key = ''] = keys
  const modes = new Set(rules.filter((rule) => rule.who?.one?.includes(key)).map(({ mode }) => mode))
  const mode = modes.has('notify') && !modes.has('allow') ? 'notify' : 'allow'
  const others = hiddenFrom(rules, keys, domains)
  const isLike = (rule: PrivacyProfileRule): boolean =>
    isMade(rule) && rule.mode === mode && rule.precision === precision && (rule.who?.one?.length ?? 0) < namesAtMost
  const like = until === undefined ? others.findIndex(isLike) : -1
  if (like >= 0) return others.map((rule, i) => (i === like ? { ...rule, who: { one: [...(rule.who?.one ?? []), key] } } : rule))
  return [...others, { id: freeId(others), who: { one: [key] }, mode, ...terms }]
}

function withoutClient(rule: PrivacyProfileRule, name: string | undefined): Rules {
  if (name === undefined || rule.client?.includes(name) !== true) return [rule]
  const client = rule.client.filter((each) => each !== name)
  return client.length === 0 ? [] : [{ ...rule, client }]
}

function without(rule: PrivacyProfileRule, key: string): Rules {
  const { who = {} } = rule
  const { domain, except = [], ...rest } = who
  const one = rest.one?.filter((each) => each !== key)
  if (domain === undefined && rest.one !== undefined) return one!.length === 0 ? [] : [{ ...rule, who: { ...who, one: one! } }]
  const isOfMany = domain === undefined || domain.some((each) => each.toLowerCase() === parseUri(key)?.host)
  const excepted = isOfMany && !except.includes(key) ? [...except, key] : except
  const named = {
    ...(one === undefined || one.length === 0 ? {} : { one }),
    ...(domain === undefined ? {} : { domain }),
    ...(excepted.length === 0 ? {} : { except: excepted }),
  }
  return [{ ...rule, who: named }]
}

/** By a command, and as that has left it. */
function isMade({ id, mode: _, precision: __, who = {}, ...more }: PrivacyProfileRule): boolean {
  return id.startsWith(mark) && Object.keys(more).length === 0 && Object.keys(who).join() === 'one'
}

function freeId(rules: Rules): string {
  for (let number = 1; ; number++) if (!rules.some(({ id }) => id === `${mark}${number}`)) return `${mark}${number}`
}
