import test from 'ava'
import fc from 'fast-check'
import { deviceKey } from '../../../../elements/shared/identifiers/devices.ts'
import {
  domainOfPushHost,
  flagBits,
  flagsOf,
  hasFlags,
  isPushUri,
  newPushIdentifier,
  pushIdentifier,
  pushKey,
  pushUri,
} from '../../../../elements/shared/identifiers/push.ts'
import { parseUri } from '../../../../signalling/index.ts'

const domains = ['op-a.example', 'also.example']

test('16 hex digits are an identifier, in either case; 16 decimal ones and all else are none', (t) => {
  t.is(pushIdentifier('0A17c5d2E8b9f604'), '0a17c5d2e8b9f604')
  for (const none of ['1234567890123456', '0a17c5d2e8b9f60', '0a17c5d2e8b9f6044', '0a17c5d2e8b9f60g', '', 'mary.k'])
    t.is(pushIdentifier(none), undefined, none)
})

test('the first hex digit names operator and server; with wide flags six digits do', (t) => {
  t.deepEqual(flagsOf('4f3a9c0b12d47e58', { operator: 2, server: 2 }), { operator: 1, server: 0 })
  t.deepEqual(flagsOf('3c5e0f91a7b24d68', { operator: 2, server: 2 }), { operator: 0, server: 3 })
  t.deepEqual(flagsOf('abcdef0000000000', { operator: 12, server: 12 }), { operator: 0xabc, server: 0xdef })
  t.is(flagBits({ operator: 1, server: 3 }, { operator: 2, server: 2 }), '0111')
})

test('a new identifier has the flags that it is made for, and is one', (t) => {
  const width = fc.integer({ min: 2, max: 12 })
  const holds = fc.property(
    width,
    width,
    fc.nat(),
    fc.nat(),
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    (operator, server, a, b, random) => {
      const widths = { operator, server }
      const flags = { operator: a % 2 ** operator, server: b % 2 ** server }
      let round = 0n
      const id = newPushIdentifier(flagBits(flags, widths), () =>
        ((random + 0xabcdefn * round++) & ((1n << 64n) - 1n)).toString(16),
      )
      return (
        pushIdentifier(id) === id &&
        hasFlags(id, flagBits(flags, widths)) &&
        JSON.stringify(flagsOf(id, widths)) === JSON.stringify(flags)
      )
    },
  )
  t.notThrows(() => fc.assert(holds))
})

test('a Push URI is at a Push host of ours, or at a domain of ours and marked so', (t) => {
  const isOne = (text: string): boolean => isPushUri(parseUri(text)!, domains)
  t.true(isOne('sip:0a17c5d2e8b9f604@push.op-a.example'))
  t.true(isOne('sip:mary.k@PUSH.also.example'))
  t.true(isOne('sips:0a17c5d2e8b9f604@op-a.example;user=Push'))
  for (const none of [
    'sip:0a17c5d2e8b9f604@op-a.example',
    'sip:a@push.op-b.example;user=push',
    'sip:push.op-a.example.org',
    'tel:+4930',
  ])
    t.false(isOne(none), none)
  t.is(domainOfPushHost('push.op-b.example'), 'op-b.example')
  t.is(domainOfPushHost('op-b.example'), undefined)
})

test('every spelling of a Push identifier has one key, apart from the ordinary user of that name', (t) => {
  const key = 'sip:0a17c5d2e8b9f604@push.op-a.example'
  const spellings = [
    'sip:0A17C5D2E8B9F604@push.op-a.example;user=push',
    'sip:0a17c5d2e8b9f604@push.also.example',
    'sip:0a17c5d2e8b9f604@op-a.example;user=push',
  ]
  for (const spelling of spellings) t.is(deviceKey(spelling, domains), key, spelling)
  t.is(pushKey('0A17C5D2E8B9F604', domains), key)
  t.is(pushUri('0a17c5d2e8b9f604', domains), `${key};user=push`)
  t.is(deviceKey('sip:0a17c5d2e8b9f604@op-a.example', domains), 'sip:0a17c5d2e8b9f604@op-a.example')
  t.is(deviceKey('sip:Mary.k@push.also.example', domains), 'sip:Mary.k@push.op-a.example', 'case counts in a Push string')
})
