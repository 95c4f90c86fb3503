/** Names and keys of partitions: the same at every node, and for good, since state lies under them. */
import test from 'ava'
import { elementOfInstance, instanceOfPartition, instancesOf, partitionOf } from '../../../signalling/cluster/partitions.ts'
import { compilePlan, type Plan } from '../../../signalling/index.ts'
import type { Claim } from '../../../signalling/routing/claim.ts'
import { MovingElements } from '../../../signalling/testing.ts'

test('an instance is named by its element and partition', (t) => {
  t.deepEqual(instancesOf('presence', 1), ['presence'])
  t.deepEqual(instancesOf('presence', 3), ['presence.p0', 'presence.p1', 'presence.p2'])
  t.is(elementOfInstance(instanceOfPartition('presence', 17)), 'presence')
  t.is(elementOfInstance('presence'), 'presence')
})

test('a key is of the same partition for good, and keys are spread', (t) => {
  t.deepEqual(
    // by another program
    ['alice', 'bob', 'carol', '+15550100', 'jürgen'].map((key) => partitionOf(key, 64)),
    [39, 20, 18, 5, 47],
  )
  const counts = new Array<number>(16).fill(0)
  for (let i = 0; i < 16_000; i++) counts[partitionOf(`user-${i}`, 16)]!++
  for (const count of counts) t.true(count > 800 && count < 1200, String(counts))
})

const claims: readonly Claim[] = [{ method: 'SUBSCRIBE', event: 'presence' }]

function planAt(node: string, moving: MovingElements): Plan {
  const elements = new Map<string, readonly Claim[]>([
    ['proxy', [{ method: '*' }]],
    ['presence', claims],
  ])
  const placement = moving.seenFrom(node)
  const { plan } = compilePlan({ domains: ['sip.test'], elements, proxy: 'proxy', ownAddresses: [], placement })
  return plan!
}

test('a request goes to the instance of its user, by whatever name of our domain, and one for an instance to that', (t) => {
  const nodes = ['one', 'two'].map((name, i) => ({ name, host: `10.0.0.${i + 1}`, port: 5060 }))
  const moving = new MovingElements(nodes, new Map([['presence', 4]]))
  moving.place('proxy', 'one')
  for (const instance of instancesOf('presence', 4)) moving.place(instance, 'one')
  const bobs = `presence.p${partitionOf('bob', 4)}`
  moving.place(bobs, 'two')
  const plan = planAt('one', moving)
  const query = { method: 'SUBSCRIBE', user: 'bob', host: 'sip.test', event: 'presence', from: 'proxy' }
  t.is(plan.decide(query)?.element, 'presence')
  t.is(plan.instanceOf('presence', query), bobs)
  t.is(plan.instanceOf('presence', { user: 'bob', host: '' }), bobs)
  t.is(plan.instanceOf('proxy', query), 'proxy')
  t.is(plan.placeOf(bobs)?.name, 'two')
  const other = instancesOf('presence', 4).find((instance) => instance !== bobs)!
  t.is(plan.instanceOf('presence', { user: other, host: '10.0.0.2' }), other)
  t.true(plan.isHere(other))
  t.false(plan.isHere(bobs))
  t.is(plan.decide({ ...query, from: other })?.element, 'presence', 'from one instance to another')
  t.is(planAt('two', moving).decide({ ...query, from: bobs })?.element, 'proxy', 'but never back to the same')
  t.is(plan.decide({ ...query, from: '@two' })?.element, 'proxy', 'nor to the node that it comes from')
})
