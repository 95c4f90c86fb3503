/** `npm run exactly-once`: ten thousand Pushes through two servers that are killed all the time; tells what came of them. */
import { Command } from 'commander'
import { readCount } from '../../bench/counts.ts'
import { overProcesses } from './processes.ts'

const command = new Command('exactly-once')
  .description('Users who come and go send each other Pushes through two servers, one of which is killed every few seconds.')
  .option('--messages <count>', 'how many Pushes', readCount, 10_000)
  .option('--users <count>', 'how many users', readCount, 1000)
  .option('--seconds <count>', 'how long they are sent', readCount, 60)
  .parse()
const { users, ...options } = command.opts<{ readonly messages: number; readonly users: number; readonly seconds: number }>()
const outcome = await overProcesses(users, { ...options, tell: (line) => console.error(line) })
const { delivered, firstDeliveries, goodput, kills, outOfOrder, refusals, repeated, sent, twice } = outcome
const number = (count: number): string => count.toLocaleString('en')
console.error(
  `${kills} kills, ${repeated} repeats dropped by devices, answers that led to another try: ${JSON.stringify([...refusals])}`,
)
const firsts = firstDeliveries.toSorted((a, b) => a - b)
const seconds = (ms = Number.NaN): string => `${(ms / 1000).toFixed(1)} s`
console.log(
  `goodput ${goodput.toFixed(0)} a second; first delivery after ${firsts.length} restarts: median ${seconds(firsts[firsts.length >> 1])}, at most ${seconds(firsts.at(-1))}`,
)
console.log(`${number(sent)} sent, ${number(delivered)} delivered, ${number(twice)} twice, ${number(outOfOrder)} out of order`)
process.exit(sent === delivered && twice === 0 && outOfOrder === 0 ? 0 : 1)
