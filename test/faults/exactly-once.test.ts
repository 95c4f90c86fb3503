/** Exactly once (SPEC §5.6): Pushes of a crowd through two servers that are killed all the time, over processes and in virtual time. */
import test from 'ava'
import { overProcesses } from './exactly-once/processes.ts'
import { inVirtualTime } from './exactly-once/virtual.ts'

test('A8: 10,000 Pushes to 1,000 users who come and go, through two servers under kill -9: each once, in order', async (t) => {
  const { delivered, kills, outOfOrder, sent, twice } = await overProcesses(1000, { messages: 10_000, seconds: 60 })
  t.deepEqual({ sent, delivered, twice, outOfOrder }, { sent: 10_000, delivered: 10_000, twice: 0, outOfOrder: 0 })
  t.true(kills > 5, `${kills} kills`)
})

test('A8: the same in virtual time, with datagrams lost and writes cut off, over 100 courses of events', async (t) => {
  for (let seed = 1; seed <= 100; seed++) {
    const { delivered, outOfOrder, sent, twice } = await inVirtualTime(seed, 20, { messages: 200, seconds: 60 })
    t.deepEqual({ sent, delivered, twice, outOfOrder }, { sent: 200, delivered: 200, twice: 0, outOfOrder: 0 }, `seed ${seed}`)
  }
})
