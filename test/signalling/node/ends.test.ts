/** A node that cannot start, or whose element cannot stop, lets go of its sockets all the same. */
import test from 'ava'
import { createNode, type Element, memoryStore, type Store, silent } from '../../../signalling/index.ts'
import { compilePlan } from '../../../signalling/routing/compile.ts'
import { seededIds } from '../../../signalling/testing.ts'
import { Agent, Lab } from '../../support/lab.ts'

function nodeOf(lab: Lab, elements: readonly Element[], store: Store = memoryStore(lab.clock)) {
  const { plan } = compilePlan({
    domains: ['localhost'],
    elements: new Map(elements.map(({ name, claims }) => [name, claims])),
    ownAddresses: [],
  })
  return createNode({
    name: 'server',
    plan: plan!,
    domains: ['localhost'],
    elements,
    store,
    clock: lab.clock,
    network: lab.network,
    log: silent,
    trusted: [],
    ids: seededIds(1),
    listen: [{ transport: 'MEM', host: '10.0.0.1', port: 5060 }],
  })
}

test('an element that cannot stop: the others are stopped, and the sockets closed', async (t) => {
  const lab = new Lab()
  const stopped: string[] = []
  const stopping = (name: string, stop: () => void): Element => Object.assign(new Agent(name), { stop })
  const node = nodeOf(lab, [
    stopping('a', () => {
      throw new Error('a fault of the element')
    }),
    stopping('b', () => void stopped.push('b')),
  ])
  await node.start()
  await node.stop(0)
  t.deepEqual(stopped, ['b'])
  await t.notThrowsAsync(nodeOf(lab, [new Agent('c')]).start())
})

test('a store that cannot be read at the start, or an element that fails: nothing of the node is left', async (t) => {
  const lab = new Lab()
  const store = memoryStore(lab.clock)
  let stopped = 0
  const agent = Object.assign(new Agent('agent'), { stop: () => void stopped++ })
  const unreadable: Store = Object.assign(Object.create(store) as Store, {
    scan: () => {
      throw new Error('unreadable')
    },
  })
  await t.throwsAsync(nodeOf(lab, [agent], unreadable).start(), { message: 'unreadable' })
  const failing = Object.assign(new Agent('failing'), { start: () => Promise.reject(new Error('oops')) })
  await t.throwsAsync(nodeOf(lab, [agent, failing]).start(), { message: 'oops' })
  t.is(stopped, 2)
  await t.notThrowsAsync(nodeOf(lab, [new Agent('c')]).start())
})
