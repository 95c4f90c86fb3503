/** Elements of whole networks that have stopped: no timer of theirs runs, nothing is written, and a second start finds all again. */
import { join } from 'node:path'
import test from 'ava'
import { assemble } from '../../dialplans/network/assemble.ts'
import { loadDialplan } from '../../dialplans/network/load.ts'
import { createNode, memoryStore, type Node, silent } from '../../signalling/index.ts'
import { ManualClock, MemoryNetwork, seededIds } from '../../signalling/testing.ts'
import { countWrites } from '../support/held-writes.ts'

const day = 86_400_000
const sizes = /_(?:users|presentities|attached|epuids|codes|devices|relations|users_registered|temporary_identifiers)$/

for (const name of ['default', 'direct', 'mme', 'two-prose-servers', 'bench']) {
  test(`the elements of ${name}.yaml stop altogether`, async (t) => {
    const loaded = loadDialplan(join(import.meta.dirname, `../../dialplans/${name}.yaml`))
    if (loaded.faults !== undefined) throw new Error(loaded.faults.map(({ text }) => text).join())
    const network = { ...loaded.value, nodes: [], data: 'memory' }
    const clock = new ManualClock()
    const store = memoryStore(new ManualClock()) // whose sweeps are no timers of ours
    const wire = new MemoryNetwork(clock)
    const begin = async (): Promise<Node> => {
      const made = assemble(network)
      if (made.faults !== undefined) throw new Error(made.faults.map(({ text }) => text).join())
      const { plan, elements } = made.value
      const node = createNode({
        ...{ name, plan, elements, clock, store, network: wire, domains: network.domains, log: silent, trusted: [] },
        ids: seededIds(1),
        listen: [{ transport: 'MEM', host: '10.0.0.1', port: 5060 }],
      })
      await node.start()
      await clock.advance(700) // they look around a second after their start
      return node
    }
    const sizesOf = (node: Node): readonly string[] =>
      [...node.metrics()].filter((metric) => sizes.test(metric.name)).map((metric) => `${metric.name} ${metric.value}`)
    const first = await begin()
    const before = sizesOf(first)
    t.true(before.length > 0)
    t.not(clock.nextDue, undefined)
    await first.stop(0)
    t.is(clock.nextDue, undefined)
    const written = countWrites(store, '')
    t.deepEqual(sizesOf(first), [], 'no gauge of theirs is read any more')
    await clock.advance(day)
    t.is(written.count, 0)
    const second = await begin()
    t.deepEqual(sizesOf(second), before)
    await second.stop(0)
  })
}
