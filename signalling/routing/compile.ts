/** Compiles a dialplan's rules, or the elements' claims where it has none, to a plan; finds every fault, not only the first. */
import { instancesOf } from '../cluster/partitions.ts'
import type { Placement } from '../cluster/placement.ts'
import { parseUri } from '../messages/uri.ts'
import { isAnyHost } from '../transports/machine-addresses.ts'
import type { HostPort } from '../transports/transport.ts'
import type { Claim } from './claim.ts'
import { type PeerOperator, rulesOfPeers } from './peers.ts'
import {
  type ConditionName,
  conditionNames,
  DecisionTable,
  identityIn,
  isUri,
  type Plan,
  type PlanRule,
  type RuleCondition,
  valuesOf,
} from './plan.ts'

export interface PlanInput {
  /** As written; left out: derived from the claims. */
  readonly rules?: readonly PlanRule[]
  readonly domains: readonly string[]
  /** Claims of each element, in the order of the dialplan. */
  readonly elements: ReadonlyMap<string, readonly Claim[]>
  /** Name of the element of role proxy: it gets requests from outside first and passes on those that it lets in. */
  readonly proxy?: string
  /** Addresses on which this node listens. */
  readonly ownAddresses: readonly HostPort[]
  /** In a network of several nodes: which of them runs an element. */
  readonly placement?: Placement
  /** Other operators, whose domains are reached through the proxy alone. */
  readonly peers?: readonly PeerOperator[]
}

/** Something wrong with one rule; `line` is the rule's. */
export interface PlanFault {
  readonly line: number
  readonly text: string
  readonly expected: string
}

type CompiledPlan =
  | { readonly plan: Plan; readonly faults?: undefined }
  | { readonly faults: readonly PlanFault[]; readonly plan?: undefined }

const anyMethod = '*'

export function compilePlan(input: PlanInput): CompiledPlan {
  const domains = new Set(input.domains.map((domain) => domain.toLowerCase()))
  if (input.rules === undefined) return { plan: tableFor(domains, deriveRules(input, [...domains]), input) }
  const rules = input.rules.map((rule) => normal(rule, domains))
  const faults = rules.flatMap((rule, index) => [
    ...namingFaults(rule, input),
    ...claimFaults(rule, input),
    ...deadFaults(rule, rules.slice(0, index), input.proxy),
    ...loopFaults(rule, input, domains),
  ])
  return faults.length > 0 ? { faults } : { plan: tableFor(domains, rules, input) }
}

function tableFor(domains: ReadonlySet<string>, rules: readonly PlanRule[], input: PlanInput): Plan {
  const { placement, proxy } = input
  return new DecisionTable(domains, [...rulesOfPeers(input), ...rules], placement && { placement, proxy })
}

/**
 * Derived rules: outside to the proxy, then each claim to its element, claims of certain users before those of any. Then all
 * other requests of our own elements to the proxy.
 */
function deriveRules({ elements, proxy, placement, ownAddresses }: PlanInput, domains: readonly string[]): readonly PlanRule[] {
  const otherNodes = placement?.others ?? []
  const hosts = otherNodes.length === 0 ? [] : [...otherNodes, ...ownAddresses].map(({ host }) => host)
  const ours = [...new Set([...domains, ...hosts]), ''] // a tel URI names one of our devices, or nobody we know
  const rules: PlanRule[] = []
  if (proxy !== undefined) rules.push({ name: 'outside', line: 0, from: 'outside', to: proxy })
  const claims = [...elements].flatMap(([name, claims]) => (name === proxy ? [] : claims.map((claim) => ({ name, claim }))))
  const hostsOf = ({ label }: Claim): readonly string[] =>
    label === undefined ? ours : domains.map((each) => `${label}.${each}`)
  const ruleOf = ({ name, claim }: (typeof claims)[number]): PlanRule =>
    normal({ ...claimed(claim), name: claimName(name, claim), line: 0, host: hostsOf(claim), to: name }, new Set(domains))
  rules.push(...claims.filter(ofUsers).map(ruleOf))
  // as an element of this node gets requests to its name, whichever element claims such requests
  for (const name of placement === undefined ? [] : elements.keys()) {
    const instances = instancesOf(name, placement!.partitionsOf(name))
    if (placement!.moves || placement!.placeOf(name) !== undefined)
      rules.push({ name: `address of ${name}`, line: 0, user: [...new Set([name, ...instances])], host: ours, to: name })
  }
  rules.push(...claims.filter((each) => !ofUsers(each)).map(ruleOf))
  const inside = ['trusted', ...[...elements.keys()].filter((name) => name !== proxy)]
  if (proxy !== undefined) rules.push({ name: 'inside', line: 0, from: inside, host: ours, to: proxy })
  return rules
}

function ofUsers({ claim }: { readonly claim: Claim }): boolean {
  return claim.user !== undefined
}

function claimed({ method, event, content, user }: Claim): Partial<PlanRule> {
  return {
    ...(valuesOf(method)!.includes(anyMethod) ? {} : { method }),
    ...(event === undefined ? {} : { event }),
    ...(content === undefined ? {} : { content }),
    ...(user === undefined ? {} : { user }),
  }
}

function claimName(element: string, { method, event, content, user, label }: Claim): string {
  const parts = [method, event, content, user, label && `at ${label}.`].flatMap((condition) =>
    condition === undefined ? [] : [valuesOf(condition)!.join('|')],
  )
  return `${element} claims ${parts.filter((part) => part !== '').join(' ')}`
}

/** Methods in upper case; hosts, packages and media types in lower case, as queries are. */
function normal(rule: PlanRule, domains: ReadonlySet<string>): PlanRule {
  return {
    ...rule,
    ...(rule.method === undefined ? {} : { method: mapped(rule.method, (method) => method.toUpperCase()) }),
    ...(rule.event === undefined ? {} : { event: mapped(rule.event, (event) => event.toLowerCase()) }),
    ...(rule.content === undefined ? {} : { content: mapped(rule.content, (type) => type.toLowerCase()) }),
    ...(rule.host === undefined ? {} : { host: mapped(rule.host, (host) => host.toLowerCase()) }),
    ...(rule.sender === undefined ? {} : { sender: mapped(rule.sender, (sender) => senderOf(sender, domains)) }),
  }
}

/** `chess` is a user of the first domain, `chess-*` any whose name begins so; other names stay as they are. */
function senderOf(text: string, domains: ReadonlySet<string>): string {
  if (text.includes(':')) return identityIn(text, domains) ?? text
  const [home = ''] = domains
  return text.endsWith('*') ? `sip:${text}` : (identityIn(`sip:${text}@${home}`, domains) ?? text)
}

function mapped(condition: RuleCondition, change: (value: string) => string): RuleCondition {
  return typeof condition === 'string' ? change(condition) : condition.map(change)
}

function namingFaults(rule: PlanRule, { elements }: PlanInput): readonly PlanFault[] {
  const names = [...elements.keys()]
  const faults: PlanFault[] = []
  if (isUri(rule.to)) {
    const uri = parseUri(rule.to)
    if (uri === undefined || !uri.scheme.startsWith('sip'))
      faults.push({
        line: rule.line,
        text: `rule '${rule.name}' goes to '${rule.to}'`,
        expected: 'a sip: URI or the name of an element',
      })
  } else if (!elements.has(rule.to))
    faults.push({
      line: rule.line,
      text: `rule '${rule.name}' goes to '${rule.to}', which is no element`,
      expected: `one of ${names.join(', ')}, or a sip: URI`,
    })
  for (const from of valuesOf(rule.from) ?? []) {
    if (from === 'outside' || from === 'trusted' || elements.has(from)) continue
    const expected = `one of outside, trusted, ${names.join(', ')}`
    faults.push({ line: rule.line, text: `rule '${rule.name}' is for requests from '${from}', which is no element`, expected })
  }
  return faults
}

/** A rule that gives an element only requests that it never takes. */
function claimFaults(rule: PlanRule, { elements }: PlanInput): readonly PlanFault[] {
  const claims = elements.get(rule.to) ?? []
  if (claims.length === 0 || claims.some((claim) => meet(rule, claimed(claim)))) return []
  const expected = claims.map((claim) => claimName('', claim).slice(' claims '.length)).join(', or ')
  return [{ line: rule.line, text: `rule '${rule.name}' gives ${rule.to} what it does not serve`, expected }]
}

function meet(rule: PlanRule, claim: Partial<PlanRule>): boolean {
  return conditionNames.every((name) => {
    const [a, b] = [valuesOf(rule[name]), valuesOf(claim[name])]
    return (
      a === undefined || b === undefined || a.some((value) => b.some((other) => matches(value, other) || matches(other, value)))
    )
  })
}

/**
 * A rule is dead if an earlier one takes all its requests. The proxy passes on the requests that it lets in, so behind it
 * nothing is dead.
 */
function deadFaults(rule: PlanRule, earlier: readonly PlanRule[], proxy: string | undefined): readonly PlanFault[] {
  const from = valuesOf(rule.from) ?? []
  // A request of an element never goes back to it, so an earlier rule to that element leaves it to this one.
  const takes = (other: PlanRule): boolean => !from.includes(other.to) && (other.to !== proxy || rule.to === proxy)
  const cover = earlier.find((other) => takes(other) && covers(other, rule))
  if (cover === undefined) return []
  const text = `rule '${rule.name}' never gets anything, since '${cover.name}' in line ${cover.line} takes it all`
  return [{ line: rule.line, text, expected: 'the narrower rule first, or none' }]
}

function covers(wide: PlanRule, narrow: PlanRule): boolean {
  return conditionNames.every((name: ConditionName) => {
    const [all, some] = [valuesOf(wide[name]), valuesOf(narrow[name])]
    return all === undefined || some?.every((value) => all.some((pattern) => matches(pattern, value))) === true
  })
}

function matches(pattern: string, value: string): boolean {
  return pattern === value || (pattern.endsWith('*') && value.startsWith(pattern.slice(0, -1)))
}

/** A rule that sends to where we listen, for requests that would come back as they went. */
function loopFaults(rule: PlanRule, { ownAddresses }: PlanInput, domains: ReadonlySet<string>): readonly PlanFault[] {
  const uri = isUri(rule.to) ? parseUri(rule.to) : undefined
  if (uri === undefined) return []
  const from = valuesOf(rule.from)
  const comesBack = from === undefined || from.includes('outside') || from.includes('trusted')
  const port = uri.port === 0 ? 5060 : uri.port
  const ours = ownAddresses.some(
    (own) => own.port === port && (own.host === uri.host || (isAnyHost(own.host) && domains.has(uri.host))),
  )
  const byName = uri.port === 0 && domains.has(uri.host)
  if (!comesBack || !(ours || byName)) return []
  const text = `rule '${rule.name}' sends to ${rule.to}, which is this node: a routing loop`
  return [{ line: rule.line, text, expected: 'the address of another node, or the name of an element' }]
}
