/** What decides where a request goes: a Route, a rule for its sender, the address of an element, any other rule. */
import test from 'ava'
import { parseUri, staticPlacement } from '../../../signalling/index.ts'
import type { Claim } from '../../../signalling/routing/claim.ts'
import { compilePlan } from '../../../signalling/routing/compile.ts'
import { type NextHopHolder, nextHop, planned } from '../../../signalling/routing/next-hop.ts'
import type { PlanRule } from '../../../signalling/routing/plan.ts'
import type { Flow } from '../../../signalling/transports/transport.ts'

const claims: readonly Claim[] = [{ method: ['SUBSCRIBE', 'MESSAGE'] }]
const service = { method: 'SUBSCRIBE', user: 'prose', host: 'localhost', event: 'prose' }

/** A network of proxy, mme and prose; those named in `away` are at another node. */
function surroundings(
  rules: readonly Omit<PlanRule, 'name' | 'line'>[] | undefined,
  away: readonly string[] = [],
): NextHopHolder {
  const names = ['proxy', 'mme', 'prose']
  const { plan, faults } = compilePlan({
    ...(rules === undefined ? {} : { rules: rules.map((rule, i) => ({ name: `r${i}`, line: 10 + i, ...rule })) }),
    domains: ['localhost'],
    elements: new Map(names.map((name) => [name, name === 'proxy' ? [{ method: '*' }] : claims])),
    proxy: 'proxy',
    ownAddresses: [{ host: '10.0.0.1', port: 5060 }],
    placement: staticPlacement(new Map(away.map((name) => [name, { name: 'far', host: '10.0.0.2', port: 5070 }]))),
  })
  if (plan === undefined) throw new Error(faults.map(({ text }) => text).join())
  return {
    plan,
    elements: new Set(names.filter((name) => !away.includes(name))),
    locates: false,
    isOurs: (host) => host === 'localhost' || host === '10.0.0.1',
    flowTo: () => undefined,
  }
}
function way(around: NextHopHolder, from: string, routes: readonly string[] = []): string | undefined {
  return planned({ ...service, from }, parseUri('sip:prose@localhost')!, routes, around)
}

test('an element’s own address decides, unless somebody wrote a rule for this sender', (t) => {
  t.is(way(surroundings(undefined), 'proxy'), 'prose')
  const general = [
    { from: 'outside', to: 'proxy' },
    { method: 'SUBSCRIBE', event: 'prose', to: 'mme' },
  ]
  t.is(way(surroundings(general), 'proxy'), 'prose', 'a rule for anybody comes after')
  const directed = [
    { from: 'outside', to: 'proxy' },
    { from: 'proxy', method: 'SUBSCRIBE', event: 'prose', to: 'mme' },
    { from: 'mme', method: 'SUBSCRIBE', event: 'prose', to: 'prose' },
  ]
  t.is(way(surroundings(directed), 'proxy'), 'mme')
  t.is(way(surroundings(directed), 'mme'), 'prose')
  t.is(way(surroundings(directed, ['mme']), 'proxy'), 'sip:10.0.0.2:5070')
})

test('a Route names an element of ours, wherever it runs', (t) => {
  const route = ['<sip:mme@localhost;lr>']
  t.is(way(surroundings(undefined), 'proxy', route), 'mme')
  t.is(way(surroundings(undefined, ['mme']), 'proxy', route), 'sip:10.0.0.2:5070')
  t.is(way(surroundings(undefined, ['mme']), 'proxy', ['<sip:mme.token@localhost;lr>']), 'sip:10.0.0.2:5070')
  t.is(way(surroundings(undefined), 'proxy', ['<sip:mme@10.9.9.9;lr>']), 'sip:mme@10.9.9.9;lr', 'but not of somebody else')
  t.is(way(surroundings(undefined), 'proxy', ['<sip:nobody@localhost;lr>']), 'prose')
})

test('sips: goes by TLS to whom a rule names too, unless the operator trusts that peer (RFC 5630 §3.1)', (t) => {
  for (const [target, trusted, transport] of [
    ['sip:bob@far.example', false, 'UDP'],
    ['sips:bob@far.example', false, 'TLS'],
    ['sips:bob@far.example', true, 'UDP'],
  ] as const) {
    const around: NextHopHolder = {
      ...surroundings([{ from: 'proxy', to: 'sip:10.0.0.9' }, { to: 'proxy' }]),
      flowTo: (by, remote) => ({ transport: by, remote, trusted }) as Flow,
    }
    const hop = nextHop({ method: 'MESSAGE', user: 'bob', host: 'far.example', from: 'proxy' }, parseUri(target)!, [], around)
    t.like(hop, { flow: { transport, remote: { host: '10.0.0.9', port: transport === 'TLS' ? 5061 : 5060 } } }, target)
  }
})
