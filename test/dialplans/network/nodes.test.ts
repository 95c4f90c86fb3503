/** A network of several nodes: who runs what, how each finds the others, and that strangers enter by the proxy alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { assemble } from '../../../dialplans/network/assemble.ts'
import type { Dialplan, ValueOrFaults } from '../../../dialplans/network/dialplan.ts'
import { loadDialplan } from '../../../dialplans/network/load.ts'
import { atNode } from '../../../dialplans/network/nodes.ts'
import { compilePlan, type Plan, type PlanQuery, printHostPort, staticPlacement } from '../../../signalling/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'proxima-nodes-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

function load(nodes: string, rules = '') {
  const file = join(folder, `${Math.abs(nodes.length * 31 + rules.length)}.yaml`)
  writeFileSync(
    file,
    `name: n\ndomains: [sip.test]\nnodes:\n${nodes}\nelements:\n  proxy: { role: proxy }\n  hss: { role: hss, open: true }\n  prose: { role: prose }\n${rules}`,
  )
  return loadDialplan(file)
}
const three = `  edge: { listen: [udp://10.0.0.1:5060, tcp://10.0.0.1:5060], elements: [proxy] }
  data: { listen: [udp://10.0.0.2:5060], elements: [hss] }
  prose: { listen: [udp://10.0.0.3:5070], elements: [prose] }`

function sound<Value>(outcome: ValueOrFaults<Value>): Value {
  if (outcome.faults !== undefined) throw new Error(outcome.faults.map(({ text }) => text).join('; '))
  return outcome.value
}
const network = (rules = ''): Dialplan => sound(load(three, rules))
const planAt = (dialplan: Dialplan, node: string): Plan => sound(assemble(sound(atNode(dialplan, node)))).plan
const service = { method: 'SUBSCRIBE', user: 'prose', host: 'sip.test', event: 'prose' }

test('each node makes its own elements; without a choice one process makes all', (t) => {
  const dialplan = network()
  t.deepEqual(
    sound(assemble(dialplan)).elements.map(({ name }) => name),
    ['proxy', 'hss', 'prose'],
  )
  t.deepEqual(
    sound(assemble(sound(atNode(dialplan, 'data')))).elements.map(({ name }) => name),
    ['hss'],
  )
  t.deepEqual(
    dialplan.listen.map(({ host }) => host),
    ['10.0.0.1', '10.0.0.1', '10.0.0.2', '10.0.0.3'],
  )
  t.is(sound(atNode(dialplan, 'data')).data, 'data/data')
  t.regex(atNode(dialplan, 'nix').faults![0]!.expected, /one of edge, data, prose/)
})

/** Where the plan sends a request for an element of another node. */
function placeIn(plan: Plan, query: PlanQuery): string | undefined {
  const { element } = plan.decide(query) ?? {}
  const place = element === undefined ? undefined : plan.placeOf(element)
  return place && `sip:${printHostPort(place)}`
}

test('what another node runs is at its address, by its claims and by its name', (t) => {
  const edge = planAt(network(), 'edge')
  t.is(placeIn(edge, { ...service, from: 'proxy' }), 'sip:10.0.0.3:5070')
  t.is(placeIn(edge, { ...service, host: '10.0.0.3', from: 'proxy' }), 'sip:10.0.0.3:5070', 'in a dialog, by its Contact')
  t.is(placeIn(edge, { method: 'OPTIONS', user: 'hss', host: 'sip.test', from: 'proxy' }), 'sip:10.0.0.2:5060')
  const prose = planAt(network(), 'prose')
  t.is(prose.decide({ ...service, from: '@edge' })?.element, 'prose')
  t.is(placeIn(prose, { method: 'MESSAGE', user: 'alice', host: 'sip.test', from: 'prose' }), 'sip:10.0.0.1:5060')
})

test('strangers enter at the node of the proxy alone, and nothing goes back to where it came from', (t) => {
  const dialplan = network()
  t.is(planAt(dialplan, 'edge').decide({ ...service, from: 'outside' })?.element, 'proxy')
  for (const node of ['data', 'prose']) {
    const plan = planAt(dialplan, node)
    t.is(plan.decide({ ...service, from: 'outside' }), undefined)
    t.is(plan.decide({ method: 'MESSAGE', user: 'alice', host: 'sip.test', from: 'outside' }), undefined)
    t.is(plan.decide({ method: 'MESSAGE', user: 'alice', host: 'sip.test', from: '@edge' }), undefined)
  }
})

test('rules as written hold at each node: a sender elsewhere is its node', (t) => {
  const rules = `rules:
  - { from: outside, to: proxy }
  - { from: prose, event: subscription-data, to: hss }
  - { from: proxy, event: prose, to: prose }
  - { from: trusted, method: MESSAGE, to: proxy }
`
  const dialplan = network(rules)
  t.is(placeIn(planAt(dialplan, 'prose'), { ...service, event: 'subscription-data', from: 'prose' }), 'sip:10.0.0.2:5060')
  t.is(planAt(dialplan, 'data').decide({ ...service, event: 'subscription-data', from: '@prose' })?.element, 'hss')
  t.is(planAt(dialplan, 'data').decide({ ...service, event: 'subscription-data', from: '@edge' }), undefined)
  t.is(planAt(dialplan, 'edge').decide({ method: 'MESSAGE', user: 'a', host: 'sip.test', from: '@data' })?.element, 'proxy')
})

test('a network without a proxy takes what comes', (t) => {
  const elements = new Map([
    ['a', [{ method: 'MESSAGE', user: 'a' }]],
    ['b', [{ method: 'MESSAGE', user: 'b' }]],
  ])
  const placement = staticPlacement(new Map([['b', { name: 'two', host: '10.0.0.2', port: 5060 }]]))
  const { plan } = compilePlan({ domains: ['x'], elements, ownAddresses: [{ host: '10.0.0.1', port: 5060 }], placement })
  t.is(plan?.decide({ method: 'MESSAGE', user: 'a', host: 'x', from: 'outside' })?.element, 'a')
  t.is(plan?.decide({ method: 'MESSAGE', user: 'b', host: 'x', from: 'outside' }), undefined, 'but relays nothing for strangers')
  t.is(plan && placeIn(plan, { method: 'MESSAGE', user: 'b', host: 'x', from: 'a' }), 'sip:10.0.0.2:5060')
})

test('an element without a place, or with two, and a node that nobody finds are faults', (t) => {
  const faults = load(`  edge: { listen: [tcp://10.0.0.1:5060], elements: [proxy, hss] }
  data: { listen: [udp://10.0.0.2:0], elements: [hss, nix] }`).faults!
  const texts = faults.map(({ text, line }) => `${line}: ${text}`).join('\n')
  t.regex(texts, /4: the node edge listens on no port of UDP/)
  t.regex(texts, /5: the node data listens on no port of UDP/)
  t.regex(texts, /5: the node data has nix, which is no element/)
  t.regex(texts, /hss is at the nodes edge and data/)
  t.regex(texts, /prose is at no node/)
})
