/** Rules as commands change them (SPEC §8.8): who is hidden from is granted nothing by any, and all else stays. */
import test from 'ava'
import type { PrivacyProfileRule } from '../../../elements/schemas/index.ts'
import { privacyRulesOf } from '../../../elements/shared/location/privacy-profile.ts'
import { type PrivacyRule, permissionOf } from '../../../elements/shared/location/privacy-rules.ts'
import { canonicalRules, hiddenFrom, shownTo } from '../../../elements/where/profile-changes.ts'

type Rules = readonly PrivacyProfileRule[]

const domains = ['home.example']
const [bob, carol] = ['sip:bob@home.example', 'sip:carol@home.example']

/** What somebody may know, by any client and with the right word. */
function granted(rules: Rules, requestor: string, client = requestor) {
  const made = privacyRulesOf(rules, (word) => ({ k: word })) as readonly PrivacyRule[]
  const [, domain = ''] = requestor.split('@')
  return permissionOf(made, { requestor, domain, client, codeword: { k: 'Apfelbaum' } }, 0)
}

const rules: readonly (readonly [name: string, rules: Rules])[] = [
  ['anybody', [{ id: 'a', mode: 'allow', precision: 1000 }]],
  ['anybody by a word', [{ id: 'a', codeword: 'Apfelbaum', mode: 'allow', precision: 'exact' }]],
  ['a domain', [{ id: 'a', who: { domain: ['HOME.example'] }, mode: 'allow', precision: 1000 }]],
  ['a domain, and somebody of it', [{ id: 'a', who: { one: [bob], domain: ['home.example'] }, mode: 'allow', precision: 100 }]],
  ['some', [{ id: 'a', who: { one: [carol, bob] }, mode: 'notify', precision: 1000 }]],
  ['all but one', [{ id: 'a', who: { except: ['sip:dave@home.example'] }, mode: 'allow', precision: 1000 }]],
  [
    'several rules',
    [
      { id: 'a', who: { one: [bob] }, mode: 'allow', precision: 'exact' },
      { id: 'b', who: { one: [carol, bob] }, mode: 'ask-deny', precision: 10_000 },
    ],
  ],
]
const judged = rules.map(([name, each]) => [name, canonicalRules(each, domains)] as const)

for (const [name, before] of judged)
  test(`hide from one of ${name}: he is granted nothing, another as before`, (t) => {
    // a domain is compared as judged: in lower case there
    const lower = before.map((rule) => (rule.who?.domain ? { ...rule, who: { ...rule.who, domain: ['home.example'] } } : rule))
    t.not(granted(lower, bob), undefined)
    const after = hiddenFrom(lower, [bob], domains)
    t.is(granted(after, bob), undefined)
    t.deepEqual(granted(after, carol), granted(lower, carol))
    t.deepEqual(hiddenFrom(after, [bob], domains), after, 'once more changes nothing')
  })

test('hide from an LCS client: nobody is granted anything by its own rules', (t) => {
  const before: Rules = [{ id: 'a', client: ['fleet', 'maps'], mode: 'allow', precision: 1000 }]
  const after = hiddenFrom(before, ['sip:fleet@home.example'], domains)
  t.is(granted(after, 'sip:dispatcher@client.example', 'fleet'), undefined)
  t.is(granted(after, 'sip:fleet@home.example', 'fleet'), undefined)
  t.not(granted(after, 'sip:dispatcher@client.example', 'maps'), undefined)
  t.deepEqual(hiddenFrom([{ id: 'a', client: ['fleet'], mode: 'allow' }], ['sip:fleet@home.example'], domains), [])
})

test('show: the last word holds, finer or coarser, and hide takes all of it back', (t) => {
  const before: Rules = [{ id: 'all', who: { domain: ['home.example'] }, mode: 'notify', precision: 10_000 }]
  const exact = shownTo(before, [bob], { precision: 'exact' }, domains)
  t.like(granted(exact, bob), { mode: 'allow', precision: 'exact' })
  const coarse = shownTo(exact, [bob], { precision: 100_000 }, domains)
  t.like(granted(coarse, bob), { precision: 100_000 })
  t.like(granted(coarse, carol), { mode: 'notify', precision: 10_000 })
  t.is(granted(hiddenFrom(coarse, [bob], domains), bob), undefined)
})

test('show: people shown alike share a rule, that of nobody else; of whom the target hears it still does', (t) => {
  const self: Rules = [{ id: 'self', who: { one: ['sip:alice@home.example'] }, mode: 'allow', precision: 1000 }]
  const both = shownTo(shownTo(self, [bob], { precision: 1000 }, domains), [carol], { precision: 1000 }, domains)
  t.deepEqual(
    both.map(({ id, who }) => [id, who?.one]),
    [
      ['self', ['sip:alice@home.example']],
      ['text-1', [bob, carol]],
    ],
  )
  const heard: Rules = [{ id: 'friends', who: { one: [bob] }, mode: 'notify', precision: 1000 }]
  t.like(granted(shownTo(heard, [bob], { precision: 'exact' }, domains), bob), { mode: 'notify', precision: 'exact' })
  const crowd: Rules = [
    { id: 'text-1', who: { one: Array.from({ length: 100 }, (_, i) => `sip:u${i}@x`) }, mode: 'allow', precision: 100 },
  ]
  t.deepEqual(
    shownTo(crowd, [bob], { precision: 100 }, domains).map(({ id }) => id),
    ['text-1', 'text-2'],
  )
})
