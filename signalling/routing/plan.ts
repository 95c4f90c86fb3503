/**
 * The plan: a dialplan's rules as a decision table by method. Pure; the first rule that matches decides which
 * element gets a request.
 */
import { elementOfInstance, instanceOfPartition, instancesOf, partitionOf } from '../cluster/partitions.ts'
import { type OtherNode, otherNodeName, type Placement } from '../cluster/placement.ts'
import { canonical, parseUri } from '../messages/uri.ts'

/** A query to the plan. Methods in upper case; host, event and content in lower case and without parameters. */
export interface PlanQuery {
  readonly method: string
  /** User part of the Request-URI; `''` if it has none. */
  readonly user: string
  /** `''` for a tel URI. */
  readonly host: string
  /** Event package. */
  readonly event?: string | undefined
  /** Media type of the body. */
  readonly content?: string | undefined
  /** `outside`, `trusted` (a peer that the dialplan lists), the name of the element that sends, or `@` and another node's. */
  readonly from: string
  /**
   * The identity that the network vouches for, as `Plan.identityOf` gives it; undefined: nobody; `*`: somebody, who is not
   * known yet.
   */
  readonly sender?: string | undefined
}

/** One value, or several of which any may match. A trailing `*` in `user` and `sender` stands for any rest. */
export type RuleCondition = string | readonly string[]

/** One rule of a dialplan. Every condition given must match; one left out always does. */
export interface PlanRule {
  readonly name: string
  /** Line in the dialplan; 0 for a rule derived from the elements' claims. */
  readonly line: number
  readonly from?: RuleCondition
  readonly method?: RuleCondition
  readonly event?: RuleCondition
  readonly content?: RuleCondition
  readonly user?: RuleCondition
  readonly host?: RuleCondition
  /** Identities that the network vouches for; bare names are users of the first domain. */
  readonly sender?: RuleCondition
  /** An element's name, or the `sip:` URI of another node. */
  readonly to: string
}

/** The decision of a rule: either `element` or `uri` is there. */
export interface PlanDecision {
  readonly rule: PlanRule
  readonly index: number
  readonly element?: string
  readonly uri?: string
  /** The plan of the rule: a request that an element passes goes on behind it. */
  readonly plan: Plan
}

/** One rule's part in an explanation. */
export interface RuleExplanation {
  readonly rule: PlanRule
  readonly wins: boolean
  readonly why: string
}

/** A compiled dialplan. */
export interface Plan {
  /** Our domains, in lower case. */
  readonly domains: ReadonlySet<string>
  readonly rules: readonly PlanRule[]
  /** Some rule looks at who sends. */
  readonly asksSender: boolean
  /** That identity as rules know it; undefined where it is none. */
  identityOf(text: string): string | undefined
  /** Whether some written rule is for requests of one element: it comes before the address of another element. */
  readonly directs: boolean
  /** Name of the element's instance that takes such a request: the element's own, unless it is in partitions. */
  instanceOf(element: string, query: Pick<PlanQuery, 'user' | 'host'>): string
  /** The node that runs that element, or instance, where it is another. */
  placeOf(element: string): OtherNode | undefined
  /** Elements come and go between the nodes while these run. */
  readonly moves: boolean
  /** Whether this node is the place of an element that moves, though it may not have been taken up yet. */
  isHere(element: string): boolean
  /** Tells of each element that has another place from now on; returns the way to stop. */
  onPlaced(listener: (element: string) => void): () => void
  /** The first rule that matches, behind rule `after` if given (the one whose element passed). Undefined: nobody's. */
  decide(query: PlanQuery, after?: number): PlanDecision | undefined
  /** The same, told rule by rule, from the one behind `after` on. */
  explain(query: PlanQuery, after?: number): readonly RuleExplanation[]
}

export const conditionNames = ['from', 'sender', 'method', 'event', 'content', 'user', 'host'] as const
export type ConditionName = (typeof conditionNames)[number]

/** The values of a condition; undefined where anything matches. */
export function valuesOf(condition: RuleCondition | undefined): readonly string[] | undefined {
  return condition === undefined || typeof condition !== 'string' ? condition : [condition]
}

/** True if `to` is an address rather than an element's name. */
export function isUri(to: string): boolean {
  return to.includes(':')
}

/** Event packages for which some rule names somebody, were one of them asked for instead. */
export function servedEvents(query: PlanQuery, plan: Plan): readonly string[] {
  const named = new Set(plan.rules.flatMap(({ event }) => valuesOf(event) ?? []))
  return [...named].filter((event) => plan.decide({ ...query, event })?.rule.event !== undefined)
}

interface PlannedNodes {
  readonly placement: Placement
  /** Name of the element by which requests from outside enter the network. */
  readonly proxy: string | undefined
}

/**
 * The same rules at each node of a network. A request from outside enters it at the node of the proxy alone. For an element
 * elsewhere it leaves a node only if somebody of the network has sent it. It never goes back to the node that it came from.
 */
class NetworkOfNodes {
  private readonly placement: Placement
  private readonly proxy: string | undefined
  private readonly domains: ReadonlySet<string>
  /** Names of other nodes, as queries have them. */
  private readonly names: ReadonlyMap<OtherNode, string>
  /** Names of an element's instances. */
  private readonly instances = new Map<string, readonly string[]>()

  constructor({ placement, proxy }: PlannedNodes, domains: ReadonlySet<string>) {
    this.placement = placement
    this.proxy = proxy
    this.domains = domains
    this.names = new Map(placement.others.map((node) => [node, otherNodeName(node)]))
  }

  /** Whether it counts among the senders: a node as a trusted peer or the place of an element, an instance as its element. */
  isFrom(from: string, senders: ReadonlySet<string>): boolean {
    if (!from.startsWith('@')) return senders.has(elementOfInstance(from))
    if (senders.has('trusted')) return true
    for (const sender of senders) if (this.isPlaceOf(from, sender)) return true
    return false
  }
  private isPlaceOf(node: string, element: string): boolean {
    return this.all(element).some((instance) => this.nodeOf(instance) === node)
  }

  misses(query: PlanQuery, element: string | undefined): 'from' | 'to' | undefined {
    const { from } = query
    const instance = element === undefined ? undefined : this.instanceOf(element, query)
    const node = instance === undefined ? undefined : this.nodeOf(instance)
    if (from === (node ?? instance)) return 'to'
    if (from !== 'outside') return undefined
    return node !== undefined || (this.proxy !== undefined && this.nodeOf(this.proxy) !== undefined) ? 'from' : undefined
  }

  /** An instance by its own name, else that of the user's partition. */
  instanceOf(element: string, { user, host }: Pick<PlanQuery, 'user' | 'host'>): string {
    const count = this.placement.partitionsOf(element)
    if (count === 1) return element
    const named = this.all(element).find((instance) => instance === user)
    const isHome = host === '' || this.domains.has(host)
    return named ?? instanceOfPartition(element, partitionOf(isHome ? user : `${user}@${host}`, count))
  }

  private all(element: string): readonly string[] {
    let all = this.instances.get(element)
    if (all === undefined) this.instances.set(element, (all = instancesOf(element, this.placement.partitionsOf(element))))
    return all
  }

  private nodeOf(element: string): string | undefined {
    const place = this.placement.placeOf(element)
    return place && this.names.get(place)
  }
}

/** A rule made ready for matching. */
class Row {
  readonly decision: PlanDecision
  private readonly from: ReadonlySet<string> | undefined
  private readonly event: ReadonlySet<string> | undefined
  private readonly content: ReadonlySet<string> | undefined
  private readonly user: ReadonlySet<string> | undefined
  private readonly userPrefixes: readonly string[]
  private readonly host: ReadonlySet<string> | undefined
  private readonly sender: ReadonlySet<string> | undefined
  private readonly senderPrefixes: readonly string[]
  private readonly home: string
  private readonly nodes: NetworkOfNodes | undefined

  /** @param home the first of our domains */
  constructor(decision: PlanDecision, home: string, nodes: NetworkOfNodes | undefined) {
    this.home = `@${home}`
    this.nodes = nodes
    this.decision = decision
    const rule = decision.rule
    this.from = setOf(rule.from)
    this.event = setOf(rule.event)
    this.content = setOf(rule.content)
    this.user = setOf(rule.user)
    this.userPrefixes = prefixesOf(rule.user)
    this.host = setOf(rule.host)
    this.sender = setOf(rule.sender)
    this.senderPrefixes = prefixesOf(rule.sender)
  }

  /** The first condition but the method that fails, or undefined. */
  misses(query: PlanQuery): ConditionName | 'to' | undefined {
    if (this.decision.element === query.from) return 'to' // never back to the element it comes from
    if (this.from !== undefined && !this.from.has(query.from) && this.nodes?.isFrom(query.from, this.from) !== true) return 'from'
    if (this.event !== undefined && (query.event === undefined || !this.event.has(query.event))) return 'event'
    if (this.content !== undefined && (query.content === undefined || !this.content.has(query.content))) return 'content'
    if (this.host !== undefined && !this.host.has(query.host)) return 'host'
    if (this.user !== undefined && !this.user.has(query.user) && !this.startsRight(query.user)) return 'user'
    if (this.sender !== undefined && !this.isSentBy(this.sender, query.sender)) return 'sender'
    return this.nodes?.misses(query, this.decision.element)
  }

  private isSentBy(senders: ReadonlySet<string>, sender: string | undefined): boolean {
    if (sender === undefined) return false
    if (sender === '*' || senders.has(sender)) return true
    return sender.endsWith(this.home) && this.senderPrefixes.some((prefix) => sender.startsWith(prefix))
  }

  private startsRight(user: string): boolean {
    for (let i = 0; i < this.userPrefixes.length; i++) if (user.startsWith(this.userPrefixes[i]!)) return true
    return false
  }
}

function prefixesOf(condition: RuleCondition | undefined): readonly string[] {
  return (valuesOf(condition) ?? []).filter((value) => value.endsWith('*')).map((value) => value.slice(0, -1))
}

function setOf(condition: RuleCondition | undefined): ReadonlySet<string> | undefined {
  const values = valuesOf(condition)
  return values === undefined ? undefined : new Set(values)
}

/** Rules that have been checked (compile.ts), one list of rows a method. Deciding allocates nothing. */
export class DecisionTable implements Plan {
  readonly domains: ReadonlySet<string>
  readonly rules: readonly PlanRule[]
  readonly asksSender: boolean
  readonly directs: boolean
  readonly moves: boolean
  private readonly placement: Placement | undefined
  private readonly network: NetworkOfNodes | undefined
  private readonly rows: readonly Row[]
  private readonly byMethod = new Map<string, readonly Row[]>()
  private readonly otherMethods: readonly Row[]

  /** @param nodes left out: one node runs all elements */
  constructor(domains: ReadonlySet<string>, rules: readonly PlanRule[], nodes?: PlannedNodes) {
    this.domains = domains
    this.rules = rules
    this.placement = nodes?.placement
    this.moves = nodes?.placement.moves === true
    const network = (this.network = nodes && new NetworkOfNodes(nodes, domains))
    this.asksSender = rules.some(({ sender }) => sender !== undefined)
    const [home = ''] = domains
    this.directs = rules.some(({ line, from }) => line > 0 && from !== undefined)
    this.rows = rules.map((rule, index) =>
      isUri(rule.to)
        ? new Row({ rule, index, uri: rule.to, plan: this }, home, network)
        : new Row({ rule, index, element: rule.to, plan: this }, home, network),
    )
    for (const method of new Set(rules.flatMap((rule) => valuesOf(rule.method) ?? []))) {
      this.byMethod.set(
        method,
        this.rows.filter(({ decision }) => takesMethod(decision.rule, method)),
      )
    }
    this.otherMethods = this.rows.filter(({ decision }) => decision.rule.method === undefined)
  }

  identityOf(text: string): string | undefined {
    return identityIn(text, this.domains)
  }

  instanceOf(element: string, query: Pick<PlanQuery, 'user' | 'host'>): string {
    return this.network === undefined ? element : this.network.instanceOf(element, query)
  }

  placeOf(element: string): OtherNode | undefined {
    return this.placement?.placeOf(element)
  }

  isHere(element: string): boolean {
    return this.placement?.isHere(element) === true
  }

  onPlaced(listener: (element: string) => void): () => void {
    return this.placement?.onPlaced?.(listener) ?? (() => undefined)
  }

  decide(query: PlanQuery, after = -1): PlanDecision | undefined {
    const rows = this.byMethod.get(query.method) ?? this.otherMethods
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!
      if (row.decision.index > after && row.misses(query) === undefined) return row.decision
    }
    return undefined
  }

  explain(query: PlanQuery, after = -1): readonly RuleExplanation[] {
    const winner = this.decide(query, after)
    return this.rows.slice(after + 1).map((row) => {
      const rule = row.decision.rule
      const miss = takesMethod(rule, query.method) ? row.misses(query) : 'method'
      if (row.decision === winner) return { rule, wins: true, why: wonBy(rule) }
      if (miss === undefined) return { rule, wins: false, why: `would match, but '${winner?.rule.name}' comes first` }
      if (miss === 'to') return { rule, wins: false, why: `never back to ${query.from}, which sends it` }
      return {
        rule,
        wins: false,
        why: `${miss} is ${shownValue(query[miss])}, wanted ${valuesOf(rule[miss])?.map(shownValue).join(' or ') ?? insider}`,
      }
    })
  }
}

/** Canonical, and of our first domain where it is of any of ours. */
export function identityIn(text: string, domains: ReadonlySet<string>): string | undefined {
  const [home] = domains
  const uri = parseUri(text)
  if (uri === undefined || home === undefined) return uri && canonical(uri)
  return canonical(uri.user !== '' && domains.has(uri.host) ? { ...uri, host: home } : uri)
}

function takesMethod(rule: PlanRule, method: string): boolean {
  const methods = valuesOf(rule.method)
  return methods === undefined || methods.includes(method)
}

function wonBy(rule: PlanRule): string {
  const given = conditionNames.filter((name) => rule[name] !== undefined)
  return given.length === 0 ? 'it has no conditions' : `${given.join(', ')} ${given.length === 1 ? 'matches' : 'match'}`
}

const insider = 'somebody of the network'

function shownValue(value: string | undefined): string {
  return value === undefined || value === '' ? 'none' : value
}
