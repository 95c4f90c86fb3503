/** Shares of peers in the subscriptions of a node: which of them wait, and the usual limits. */
import test from 'ava'
import { PeerShares } from '../../../signalling/dialogs/peer-limits.ts'

test('a subscription that is allowed leaves the ones that wait, and may come back to them', (t) => {
  const shares = new PeerShares({ nameOf: (domain) => (domain === 'north.example' ? 'north' : undefined) }, { pending: 1 })
  const one = { subscriber: 'sip:a@north.example', fetch: false, pending: true }
  const next = { subscriber: 'sip:b@north.example', fetch: false, pending: true }
  shares.take(one)
  t.is(shares.fullBy(next), 'pending')
  t.is(shares.fullBy({ ...next, pending: false }), undefined)
  one.pending = false
  shares.authorised(one)
  t.is(shares.fullBy(next), undefined)
  one.pending = true
  shares.authorised(one)
  t.is(shares.fullBy(next), 'pending')
  shares.give(one)
  t.is(shares.fullBy(next), undefined)
  t.is(shares.fullBy({ ...next, subscriber: 'sip:b@south.example' }), undefined, 'of no peer')
})

test('without a setting 10,000 stand, and 1,000 wait', (t) => {
  const shares = new PeerShares({ nameOf: () => 'north' })
  const of = (i: number, pending: boolean) => ({ subscriber: `sip:u${i}@north.example`, fetch: false, pending })
  let waiting = 0
  while (shares.fullBy(of(waiting, true)) === undefined) shares.take(of(waiting++, true))
  let all = waiting
  while (shares.fullBy(of(all, false)) === undefined) shares.take(of(all++, false))
  t.deepEqual([waiting, all], [1_000, 10_000])
  t.is(shares.fullBy(of(all, false)), 'subscriptions')
})
