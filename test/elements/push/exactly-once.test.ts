/** Exactly once (SPEC §5.6) in virtual time; `npm run campaigns` plays a hundred courses of events, and real processes. */
import test from 'ava'
import { inVirtualTime } from '../../faults/exactly-once/virtual.ts'

for (const seed of [201, 202, 203])
  test(`A8: each once and in order, through two servers that are killed all the time: course ${seed}`, async (t) => {
    const { delivered, kills, outOfOrder, sent, twice } = await inVirtualTime(seed, 20, { messages: 200, seconds: 60 })
    t.deepEqual({ sent, delivered, twice, outOfOrder }, { sent: 200, delivered: 200, twice: 0, outOfOrder: 0 })
    t.true(kills > 5)
  })
