/** CPU of a Push through one server and two, stored and delivered later, beside plain MESSAGEs of the same size. */
import { type PushUser, pushUsers } from '../../faults/exactly-once/plan.ts'
import { median } from '../figures.ts'
import { atMost, microseconds, type PushMeasure, type PushRow, scaled } from './row.ts'
import { batch, TwoOperators } from './two-operators.ts'

const most = [undefined, 1.5, 2.2] as const // of the plain MESSAGE's CPU

export const cpu: PushMeasure = {
  name: 'cpu',
  about: 'CPU of a Push beside a plain MESSAGE, in memory, the clients’ left out',
  async run({ rounds, scale }) {
    const count = scaled(5000, scale, batch)
    const bench = new TwoOperators(pushUsers(200))
    await bench.open()
    const half = bench.users.length / 2
    const at = (from: number, by: number): PushUser => bench.users[half + ((from + by) % half)]!
    const kinds = [
      ['MESSAGE, same server', (from: number) => at(from, 2).uri],
      ['Push, same server', (from: number) => at(from, 2).push],
      ['Push, two servers', (from: number) => at(from, 3).push],
    ] as const
    for (const [, to] of kinds) await bench.run(count, to, 200) // compiled by then
    const costs = kinds.map((): number[] => [])
    for (let round = 0; round < rounds; round++)
      for (const [i, [, to]] of kinds.entries()) costs[i]!.push(await bench.run(count, to, 200))
    const medians = costs.map((values) => median(values))
    const plain = medians[0]!
    const rows = kinds.map(([what], i): PushRow => {
      const [us, target] = [medians[i]!, most[i]]
      const judged = target === undefined ? {} : { target: atMost(us / plain, target) }
      return { what, figure: microseconds(us), ratio: us / plain, ...judged }
    })
    await bench.register(0, half)
    const stored = Math.min(count, 4000)
    const accept = await bench.run(stored, (from) => at(from, 2).push, 202)
    const delivery = await bench.deliverWaiting(stored)
    await bench.close()
    return [
      ...rows,
      { what: 'Push stored, to the 202', figure: microseconds(accept), ratio: accept / plain },
      { what: 'delivered later, client included', figure: microseconds(delivery), ratio: delivery / plain },
    ]
  },
}
