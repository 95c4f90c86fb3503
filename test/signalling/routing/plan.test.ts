/** The compiled plan: what is derived, what wins, and what is refused. */
import test from 'ava'
import type { Claim } from '../../../signalling/routing/claim.ts'
import { compilePlan, type PlanFault, type PlanInput } from '../../../signalling/routing/compile.ts'
import type { Plan, PlanQuery, PlanRule } from '../../../signalling/routing/plan.ts'

const elements: ReadonlyMap<string, readonly Claim[]> = new Map<string, readonly Claim[]>([
  ['proxy', [{ method: '*' }]],
  ['hss', [{ method: 'SUBSCRIBE', event: 'subscription-data' }]],
  [
    'prose',
    [
      { method: 'SUBSCRIBE', event: ['prose', 'proximity'] },
      { method: 'MESSAGE', user: 'prose', content: 'application/vnd.proxima.prose-match+json' },
    ],
  ],
  ['presence', [{ method: ['SUBSCRIBE', 'PUBLISH'], event: 'presence' }]],
])
const base: PlanInput = {
  domains: ['Localhost', '127.0.0.1'],
  elements,
  proxy: 'proxy',
  ownAddresses: [{ host: '127.0.0.1', port: 5060 }],
}

function compiled(change: Partial<PlanInput> = {}): Plan {
  const { plan, faults } = compilePlan({ ...base, ...change })
  if (plan === undefined) throw new Error(faults.map(({ text }) => text).join('; '))
  return plan
}

function faultsOf(rules: readonly Partial<PlanRule>[]): readonly PlanFault[] {
  return compilePlan({ ...base, rules: numbered(rules) }).faults ?? []
}

function numbered(rules: readonly Partial<PlanRule>[]): readonly PlanRule[] {
  return rules.map((rule, index) => ({ name: `r${index + 1}`, line: 10 + index, to: 'prose', ...rule }))
}

function ask(method: string, to: string, from = 'outside', event?: string): PlanQuery {
  const [user, host] = to.includes('@') ? to.split('@') : ['', to]
  return { method, user: user!, host: host!, from, ...(event === undefined ? {} : { event }) }
}

test('derived: what comes from outside goes to the proxy, whatever it is', (t) => {
  const plan = compiled()
  t.is(plan.decide(ask('SUBSCRIBE', 'alice@localhost', 'outside', 'proximity'))?.element, 'proxy')
  t.is(plan.decide(ask('INVITE', 'bob@elsewhere.example'))?.element, 'proxy')
  t.is(plan.decide(ask('MADEUP', 'localhost'))?.element, 'proxy')
})

test('derived: what the proxy passes goes to the element that claims it', (t) => {
  const plan = compiled()
  const after = (query: PlanQuery): string | undefined => plan.decide(query, 0)?.element
  t.is(after(ask('SUBSCRIBE', 'alice@localhost', 'outside', 'proximity')), 'prose')
  t.is(after(ask('SUBSCRIBE', 'alice@127.0.0.1', 'outside', 'presence')), 'presence')
  t.is(after(ask('PUBLISH', 'alice@localhost', 'outside', 'presence')), 'presence')
  t.is(after(ask('PUBLISH', 'alice@localhost', 'outside', 'dialog')), undefined)
  t.is(after(ask('MESSAGE', 'bob@localhost')), undefined)
  t.is(after(ask('SUBSCRIBE', 'alice@elsewhere.example', 'outside', 'proximity')), undefined)
  const match = { ...ask('MESSAGE', 'prose@localhost'), content: 'application/vnd.proxima.prose-match+json' }
  t.is(after(match), 'prose')
  t.is(after({ ...match, content: 'text/plain' }), undefined)
})

test('derived: a tel URI, which has no host, is claimed too', (t) => {
  const query: PlanQuery = { method: 'SUBSCRIBE', user: '+491701', host: '', event: 'proximity', from: 'trusted' }
  t.is(compiled().decide(query)?.element, 'prose')
})

test('derived: elements and trusted peers reach elements without the proxy, and users by it', (t) => {
  const plan = compiled()
  for (const from of ['trusted', 'prose', 'proxy']) {
    t.is(plan.decide(ask('SUBSCRIBE', 'hss@localhost', from, 'subscription-data'))?.element, 'hss', from)
  }
  t.is(plan.decide(ask('MESSAGE', 'alice@localhost', 'prose'))?.element, 'proxy')
  t.is(plan.decide(ask('MESSAGE', 'alice@localhost', 'trusted'))?.element, 'proxy')
  t.is(plan.decide(ask('MESSAGE', 'alice@elsewhere.example', 'prose')), undefined)
})

test('a request never goes back to the element it comes from', (t) => {
  const plan = compiled()
  t.is(plan.decide(ask('SUBSCRIBE', 'alice@localhost', 'prose', 'proximity'))?.element, 'proxy')
  t.is(plan.decide(ask('MESSAGE', 'alice@localhost', 'proxy')), undefined)
})

test('derived without a proxy: claims alone decide', (t) => {
  const plan = compiled({ proxy: undefined, elements: new Map([...elements].filter(([name]) => name !== 'proxy')) })
  t.is(plan.decide(ask('SUBSCRIBE', 'alice@localhost', 'outside', 'proximity'))?.element, 'prose')
  t.is(plan.decide(ask('MESSAGE', 'alice@localhost')), undefined)
})

test('domains are told in lower case', (t) => {
  t.deepEqual([...compiled().domains], ['localhost', '127.0.0.1'])
})

test('written rules: the first that matches wins, in any spelling of methods, packages and hosts', (t) => {
  const rules = numbered([
    { method: 'subscribe', event: 'Proximity', host: 'LOCALHOST', user: 'alice' },
    { method: ['SUBSCRIBE', 'PUBLISH'], to: 'presence' },
    { to: 'sip:other.example', from: ['prose', 'presence'] },
  ])
  const plan = compiled({ rules })
  t.is(plan.decide(ask('SUBSCRIBE', 'alice@localhost', 'outside', 'proximity'))?.rule.name, 'r1')
  t.is(plan.decide(ask('SUBSCRIBE', 'bob@localhost', 'outside', 'proximity'))?.rule.name, 'r2')
  t.is(plan.decide(ask('SUBSCRIBE', 'alice@localhost', 'outside', 'proximity'), 0)?.rule.name, 'r2')
  t.is(plan.decide(ask('INVITE', 'alice@localhost', 'prose'))?.uri, 'sip:other.example')
  t.is(plan.decide(ask('INVITE', 'alice@localhost', 'prose'))?.element, undefined)
  t.is(plan.decide(ask('INVITE', 'alice@localhost')), undefined)
})

test('written rules: a trailing * in a user stands for any rest', (t) => {
  const plan = compiled({ rules: numbered([{ user: ['epuid-*', 'prose'] }]) })
  t.is(plan.decide(ask('MESSAGE', 'epuid-17@localhost'))?.element, 'prose')
  t.is(plan.decide(ask('MESSAGE', 'prose@localhost'))?.element, 'prose')
  t.is(plan.decide(ask('MESSAGE', 'prosecco@localhost')), undefined)
  t.is(plan.decide(ask('MESSAGE', '*@localhost')), undefined)
})

test('deciding twice gives the same object', (t) => {
  const plan = compiled()
  const query = ask('MESSAGE', 'bob@localhost')
  t.is(plan.decide(query), plan.decide(query))
})

test('explain says for each rule why it wins or not', (t) => {
  const plan = compiled()
  const explanation = plan.explain(ask('SUBSCRIBE', 'alice@localhost', 'trusted', 'proximity'))
  t.deepEqual(
    explanation.map(({ rule, wins }) => [rule.to, wins]),
    [
      ['proxy', false],
      ['prose', false], // claims for certain users come first
      ['hss', false],
      ['prose', true],
      ['presence', false],
      ['proxy', false],
    ],
  )
  t.is(explanation[0]?.why, 'from is trusted, wanted outside')
  t.is(explanation[1]?.why, 'method is SUBSCRIBE, wanted MESSAGE')
  t.is(explanation[2]?.why, 'event is proximity, wanted subscription-data')
  t.is(explanation[3]?.why, 'method, event, host match')
  t.regex(explanation[5]?.why ?? '', /would match, but 'prose claims SUBSCRIBE prose\|proximity' comes first/)
  t.is(plan.explain(ask('MESSAGE', 'a@localhost', 'proxy'))[0]?.why, 'never back to proxy, which sends it')
  t.is(plan.explain(ask('MESSAGE', 'a@localhost'), 4).length, 1)
})

test('explain and decide agree on every query', (t) => {
  const plan = compiled()
  for (const method of ['MESSAGE', 'SUBSCRIBE', 'PUBLISH', 'OPTIONS'])
    for (const to of ['alice@localhost', 'prose@localhost', 'localhost', 'x@elsewhere.example'])
      for (const from of ['outside', 'trusted', ...elements.keys()])
        for (const event of [undefined, 'presence', 'proximity', 'subscription-data']) {
          const query = ask(method, to, from, event)
          t.deepEqual(plan.explain(query).find(({ wins }) => wins)?.rule, plan.decide(query)?.rule)
        }
})

test('fault: an unknown element', (t) => {
  t.deepEqual(faultsOf([{ method: 'INVITE', to: 'proxy' }, { to: 'prosa' }]), [
    {
      line: 11,
      text: "rule 'r2' goes to 'prosa', which is no element",
      expected: 'one of proxy, hss, prose, presence, or a sip: URI',
    },
  ])
})

test('fault: an unknown sender', (t) => {
  const [fault, ...others] = faultsOf([{ from: ['outside', 'prosa'] }])
  t.deepEqual(others, [])
  t.is(fault?.line, 10)
  t.regex(fault?.text ?? '', /'prosa', which is no element/)
})

test('fault: a target that is no URI', (t) => {
  t.regex(faultsOf([{ to: 'mailto:x@y.example' }])[0]?.text ?? '', /goes to 'mailto:x@y\.example'/)
  t.regex(faultsOf([{ to: 'sip:' }])[0]?.expected ?? '', /a sip: URI or the name of an element/)
})

test('fault: a rule that gives an element what it does not serve', (t) => {
  const [fault] = faultsOf([{ method: 'INVITE', to: 'presence' }])
  t.is(fault?.text, "rule 'r1' gives presence what it does not serve")
  t.is(fault?.expected, 'SUBSCRIBE|PUBLISH presence')
})

const dead: readonly (readonly [title: string, rules: readonly Partial<PlanRule>[], dead: boolean])[] = [
  ['the same conditions', [{ method: 'MESSAGE' }, { method: 'MESSAGE', to: 'sip:a.example' }], true],
  ['a wider rule first', [{ method: ['MESSAGE', 'SUBSCRIBE'] }, { method: 'message', user: 'x', to: 'sip:a.example' }], true],
  ['a prefix first', [{ user: 'epuid-*' }, { user: 'epuid-17', to: 'sip:a.example' }], true],
  [
    'a narrower rule first',
    [
      { method: 'MESSAGE', user: 'prose' },
      { method: 'MESSAGE', to: 'sip:a.example' },
    ],
    false,
  ],
  ['one of two methods', [{ method: 'MESSAGE' }, { method: ['MESSAGE', 'SUBSCRIBE'], to: 'sip:a.example' }], false],
  ['other hosts', [{ host: 'a.example' }, { host: 'b.example' }], false],
  [
    'behind the proxy, which passes on',
    [
      { from: 'outside', to: 'proxy' },
      { from: 'outside', method: 'MESSAGE' },
    ],
    false,
  ],
  [
    'the proxy twice',
    [
      { from: 'outside', to: 'proxy' },
      { from: 'outside', method: 'MESSAGE', to: 'proxy' },
    ],
    true,
  ],
  ['what the earlier target itself sends', [{ to: 'prose' }, { from: 'prose', to: 'proxy' }], false],
]

for (const [title, rules, isDead] of dead) {
  test(`dead rule: ${title} is ${isDead ? 'a fault' : 'fine'}`, (t) => {
    const faults = faultsOf(rules)
    t.is(faults.length, isDead ? 1 : 0)
    if (isDead) t.like(faults[0], { line: 11, expected: 'the narrower rule first, or none' })
  })
}

const loops: readonly (readonly [rule: Partial<PlanRule>, loops: boolean])[] = [
  [{ to: 'sip:127.0.0.1:5060' }, true],
  [{ to: 'sip:127.0.0.1' }, true],
  [{ to: 'sip:localhost' }, true],
  [{ to: 'sip:prose@127.0.0.1:5060;transport=tcp', from: 'trusted' }, true],
  [{ to: 'sip:127.0.0.1:5070' }, false],
  [{ to: 'sip:other.example' }, false],
  [{ to: 'sip:127.0.0.1:5060', from: 'prose' }, false],
]

for (const [rule, isLoop] of loops) {
  test(`routing loop: to ${rule.to} from ${rule.from ?? 'anybody'} is ${isLoop ? 'a fault' : 'fine'}`, (t) => {
    const faults = faultsOf([rule])
    t.is(faults.length, isLoop ? 1 : 0)
    if (isLoop) t.regex(faults[0]?.text ?? '', /a routing loop$/)
  })
}

test('routing loop: listening on any address takes every domain of ours', (t) => {
  const ownAddresses = [{ host: '0.0.0.0', port: 5080 }]
  const { faults } = compilePlan({ ...base, ownAddresses, rules: numbered([{ to: 'sip:localhost:5080' }]) })
  t.is(faults?.length, 1)
})

test('who sends decides where rules ask for it: whom the network vouches for, in any of our domains', (t) => {
  const plan = compiled({
    rules: numbered([
      { from: 'outside', to: 'proxy' },
      { from: 'proxy', sender: ['chess', 'games-*', 'tel:+1-555-0100', 'sip:as@far.example'], method: 'SUBSCRIBE', to: 'prose' },
      { from: 'proxy', method: 'SUBSCRIBE', to: 'presence' },
    ]),
  })
  t.true(plan.asksSender)
  const to = (sender: string | undefined): string | undefined => {
    const query = { ...ask('SUBSCRIBE', 'alice@localhost', 'proxy', 'presence') }
    return plan.decide({ ...query, sender: sender === undefined || sender === '*' ? sender : plan.identityOf(sender) })?.element
  }
  for (const sender of [
    'sip:chess@localhost',
    'sip:chess@127.0.0.1:5070',
    'sips:games-1@LOCALHOST',
    'tel:+15550100',
    'sip:as@far.example',
    '*',
  ])
    t.is(to(sender), 'prose', sender)
  for (const sender of [
    undefined,
    'sip:alice@localhost',
    'sip:games@localhost',
    'sip:chess@far.example',
    'sip:games-1@far.example',
  ])
    t.is(to(sender), 'presence', sender)
  const why = plan.explain({
    ...ask('SUBSCRIBE', 'alice@localhost', 'proxy', 'presence'),
    sender: plan.identityOf('sip:bob@localhost'),
  })
  t.regex(why[1]!.why, /^sender is sip:bob@localhost, wanted sip:chess@localhost or sip:games-\*/)
  t.false(compiled().asksSender)
})
