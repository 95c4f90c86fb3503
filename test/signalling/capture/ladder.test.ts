import test from 'ava'
import { ladder, mermaid } from '../../../signalling/capture/ladder.ts'
import type { TappedMessage } from '../../../signalling/capture/tap.ts'
import { alice, bob, inside, proxy, report, sip, subscription } from './capture-messages.ts'

const named = inside('proxy')

test('draws who told whom what, and when', (t) => {
  const messages = [
    ...subscription(1000, 'UDP', alice, named),
    ...report(1500).map((m) => ({ ...m, from: me(m.from), to: me(m.to) })),
  ]
  t.is(
    ladder(messages),
    [
      '           alice                         proxy                   prose',
      '             │                             │                       │',
      '  0.000      │───── SUBSCRIBE prose ──────>│                       │',
      '  0.002      │<───── 200 (SUBSCRIBE) ──────│                       │',
      '  0.004      │<─ NOTIFY active prose-state │                       │',
      '  0.009      │─────── 200 (NOTIFY) ───────>│                       │',
      '  0.500      │─── MESSAGE prose-match ────>│                       │',
      '  0.500      │                             │─ MESSAGE prose-match >│',
      '  0.500      │                             │<─── 200 (MESSAGE) ────│',
      '  0.500      │<────── 200 (MESSAGE) ───────│                       │',
      '             │                             │                       │',
    ].join('\n'),
  )
})
function me(endpoint: TappedMessage['from']): TappedMessage['from'] {
  return endpoint === proxy ? named : endpoint
}

test('stays within its width and wraps what is too long for its span', (t) => {
  const names = ['hss', 'pcrf', 'application-server', 'mme'].map(inside)
  const messages = [
    ...subscription(0, 'UDP', alice, named),
    ...names.flatMap((element, i) => subscription(100 * i, 'MEM', named, element)),
    ...subscription(900, 'MEM', alice, names[3]!),
  ]
  for (const width of [120, 100]) {
    const lines = ladder(messages, { width }).split('\n')
    t.true(lines.every((line) => line.length <= width))
    t.is(lines.filter((line) => /[>]|<─/.test(line)).length, messages.length)
  }
  t.true(ladder(messages, { width: 100 }).includes('│ NOTIFY active'))
  t.false(ladder(messages, { width: 300 }).includes('│ NOTIFY active'))
})

test('labels say method, event package, state and outcome', (t) => {
  const labelled = (start: string, method: string, headers: string[], body?: string): string => {
    const bytes = sip({ start, method, headers, ...(body === undefined ? {} : { body }) })
    const [, , , line = ''] = mermaid([{ at: 0, transport: 'UDP', from: alice, to: bob, direction: 'in', bytes }]).split('\n')
    return line.replace(/^.*?: 0\.000 /, '')
  }
  t.is(
    labelled('SUBSCRIBE sip:a SIP/2.0', 'SUBSCRIBE', ['Event: proximity;peer="x"', 'Expires: 0']),
    'SUBSCRIBE proximity (fetch)',
  )
  t.is(labelled('NOTIFY sip:a SIP/2.0', 'NOTIFY', ['Event: prose', 'Subscription-State: pending']), 'NOTIFY pending prose')
  const pidf = ['Event: presence', 'Subscription-State: terminated;reason=timeout', 'Content-Type: application/pidf+xml']
  t.is(labelled('NOTIFY sip:a SIP/2.0', 'NOTIFY', pidf, '<presence/>'), 'NOTIFY terminated pidf')
  t.is(labelled('PUBLISH sip:a SIP/2.0', 'PUBLISH', ['Event: presence']), 'PUBLISH presence')
  t.is(labelled('MESSAGE sip:a SIP/2.0', 'MESSAGE', ['Content-Type: text/plain'], 'hi'), 'MESSAGE')
  t.is(labelled('INVITE sip:a SIP/2.0', 'INVITE', ['Content-Type: application/sdp'], 'v=0'), 'INVITE sdp')
  t.is(labelled('SIP/2.0 403 Forbidden', 'SUBSCRIBE', []), '403 (SUBSCRIBE)')
})

test('marks what is sent again, and draws once what both ends tapped', (t) => {
  const [request, answer] = subscription(0, 'UDP', alice, bob)
  const sent: TappedMessage = { ...request!, direction: 'out' }
  const received: TappedMessage = { ...request!, at: 1 }
  const again = { ...sent, at: 500 }
  t.deepEqual(
    mermaid([sent, received, again, { ...again, direction: 'in', at: 501 }, answer!])
      .split('\n')
      .slice(3),
    ['  p0->>p1: 0.000 SUBSCRIBE prose', '  p0->>p1: 0.500 SUBSCRIBE prose (again)', '  p1-->>p0: 0.002 200 (SUBSCRIBE)'],
  )
})

test('takes names from the map, else from the messages, else the address', (t) => {
  const messages = subscription(0, 'UDP', { address: '::1', port: 7000 }, { address: '127.0.0.1', port: 5060 })
  const participants = (text: string): string[] => [...text.matchAll(/ as (.*)/g)].map(([, name]) => name!)
  t.deepEqual(participants(mermaid(messages)), ['[::1]:7000', '127.0.0.1:5060'])
  const names = new Map([
    ['[::1]:7000', 'ue #1; mine'],
    ['127.0.0.1', 'node'],
  ])
  t.deepEqual(participants(mermaid(messages, { names })), ['ue #35;1#59; mine', 'node'])
  const learnt = [...messages, ...subscription(9, 'UDP', { address: '::1', port: 7000, name: 'erin' }, proxy)]
  t.deepEqual(participants(mermaid(learnt)), ['erin', '127.0.0.1:5060'])
})

test('finds out which element had a message on the wire from its hops inside', (t) => {
  const messages = [...report(0), ...subscription(10, 'UDP', alice, proxy)]
  t.deepEqual(mermaid(messages).split('\n').slice(1, 9), [
    '  participant p0 as alice',
    '  participant p1 as proxy',
    '  participant p2 as prose',
    '  p0->>p1: 0.000 MESSAGE prose-match',
    '  p1->>p2: 0.000 MESSAGE prose-match',
    '  p2-->>p1: 0.000 200 (MESSAGE)',
    '  p1-->>p0: 0.000 200 (MESSAGE)',
    '  p0->>p1: 0.010 SUBSCRIBE prose',
  ])
})

test('draws nothing of nothing, noise as noise, and a message to oneself', (t) => {
  t.is(ladder([]), '')
  const noise: TappedMessage = { at: 0, transport: 'UDP', from: alice, to: alice, direction: 'in', bytes: Buffer.from('noise') }
  t.true(ladder([noise]).includes('↩ 5 bytes that are no SIP'))
})
