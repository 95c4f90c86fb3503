/** Return of a user for whom 10,000 messages wait (PUSH A16): when the first and the last come, and what others notice of it. */
import { pushUsers } from '../../faults/exactly-once/plan.ts'
import { paced, RawClient } from './client.ts'
import { PushProcesses } from './processes.ts'
import { atMost, milliseconds, type PushMeasure, percentile, scaled } from './row.ts'

const firstWithin = 100 // milliseconds of the 200
const others = { interval: 5, most: 1.1 } // milliseconds between their messages; p99 of that of before
const patience = 20_000 // milliseconds without a message
const quiet = 10_000 // milliseconds over which others are measured before
const usual = 10_000
const sources = 100

export const returning: PushMeasure = {
  name: 'return',
  about: 'a user returns for whom 10,000 wait: first, last, and what others notice',
  async run({ scale, tell }) {
    const count = scaled(usual, scale, sources)
    const users = pushUsers(2 * sources + 2)
    const processes = await PushProcesses.start(users, { store: { forUser: count, ofSource: count } })
    const client = await RawClient.open(processes.servers)
    let isOver = false
    try {
      const ofOperator = users.filter(({ operator }) => operator === 0)
      const [victim, ...rest] = ofOperator as [(typeof users)[number], ...(typeof users)[number][]]
      for (const one of rest) await client.register(one)
      const begun = performance.now()
      for (let at = 0; at < count; at += sources) {
        const answers = await Promise.all(rest.map((one, i) => client.push(one, victim, String(at + i))))
        const other = answers.find(({ response }) => response.status !== 202)
        if (other !== undefined) throw new Error(`a Push that is to wait got ${other.response.status}`)
      }
      tell(`${count} wait, stored in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
      const latency = async (isOver: () => boolean): Promise<readonly number[]> => {
        const exchange = (number: number) => client.push(rest[number % sources]!, rest[(number + 1) % sources]!, 'other')
        return (await paced(others.interval, isOver, exchange)).map(({ took }) => took)
      }
      const untilQuiet = performance.now() + quiet
      await latency(() => performance.now() > untilQuiet - quiet / 2) // compiled by then
      const before = await latency(() => performance.now() > untilQuiet + quiet / 2)
      const came: number[] = []
      client.answer = (request) => {
        if (request.uri.user === victim.name) came.push(performance.now())
        return 200
      }
      const during = latency(() => isOver)
      const { response } = await client.register(victim)
      const returned = performance.now()
      if (response.status !== 200) throw new Error(`the REGISTER got ${response.status}`)
      while (came.length < count) {
        await new Promise((resolve) => setTimeout(resolve, 50))
        if (performance.now() - (came.at(-1) ?? returned) > patience) break
      }
      isOver = true
      if (came.length < count) throw new Error(`${came.length} of ${count} have come`)
      const [first, last] = [came[0]! - returned, came.at(-1)! - returned]
      const [calm, busy] = [percentile(before, 0.99), percentile(await during, 0.99)]
      const waiting = `${count.toLocaleString('en')} wait`
      return [
        { what: `${waiting}: the first, behind the 200`, figure: milliseconds(first), target: atMost(first, firstWithin, ' ms') },
        { what: `${waiting}: the last`, figure: milliseconds(last, 0) },
        { what: 'others’ p99 before', figure: milliseconds(calm), ratio: 1 },
        {
          what: 'others’ p99 meanwhile',
          figure: milliseconds(busy),
          ratio: busy / calm,
          target: atMost(busy / calm, others.most),
        },
        { what: 'others’ median before', figure: milliseconds(percentile(before, 0.5)) },
        { what: 'others’ median meanwhile', figure: milliseconds(percentile(await during, 0.5)) },
      ]
    } finally {
      isOver = true
      client.close()
      await processes.stop()
    }
  },
}
