/** `npm run fuzz`: damaged input of every kind for minutes, then a million datagrams at a live node beside honest traffic. */
import { Command } from 'commander'
import { targets } from '../fuzz/invariants.ts'
import { dice, mutated } from '../fuzz/mutate.ts'
import { seeds } from '../fuzz/seeds.ts'
import { domain, openStand, UdpHand } from '../hostile/stand.ts'
import { figure } from './table.ts'

interface Options {
  readonly minutes: number
  readonly datagrams: number
  readonly seed: number
}

const options: Options = new Command('fuzz')
  .description('Looks for input that breaks what always holds. Prints each seed; the same seed makes the same input again.')
  .option('--minutes <minutes>', 'of damaged messages, streams, URIs, JSON, XML and YAML', Number, 10)
  .option('--datagrams <count>', 'at a live node on loopback, honest traffic beside them', Number, 1_000_000)
  .option('--seed <seed>', 'to begin with', Number, Date.now() % 1_000_000)
  .addHelpText('after', '\nExample:\n  $ npm run fuzz -- --minutes 1 --datagrams 100000 --seed 7')
  .parse()
  .opts()

const perRound = 400
const batch = 250
const patience = 2000 // milliseconds for one input of 60 KB at most
const boundOfP99 = 50 // milliseconds, of honest traffic
let faults = 0

function found(what: string, bytes: Buffer): void {
  faults++
  console.log(`FOUND ${what}\n${bytes.toString('base64')}`)
}

function damage(minutes: number, first: number): void {
  const end = performance.now() + minutes * 60_000
  const counts = new Map<string, number>()
  let seed = first
  for (; performance.now() < end; seed++) {
    for (const target of targets) {
      const roll = dice(seed)
      for (let i = 0; i < perRound; i++) {
        const bytes = target.make(roll)
        const began = performance.now()
        try {
          target.check(bytes, roll)
        } catch (fault) {
          found(`${target.name}, seed ${seed}, number ${i}: ${fault instanceof Error ? fault.stack : String(fault)}`, bytes)
        }
        const took = performance.now() - began
        if (took > patience) found(`${target.name}, seed ${seed}, number ${i}: ${figure(took)} ms`, bytes)
      }
      counts.set(target.name, (counts.get(target.name) ?? 0) + perRound)
    }
  }
  console.log(`seeds ${first} to ${seed - 1}: ${[...counts].map(([name, count]) => `${count} ${name}`).join(', ')}`)
}

function percentile(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? 0
}

/** Heap and buffers after a collection where the process allows one (`--expose-gc`). */
function memory(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1024 / 1024
}

async function flood(count: number, seed: number): Promise<void> {
  const stand = await openStand()
  const [hostile, alice, bob] = [await UdpHand.open(stand), await UdpHand.open(stand), await UdpHand.open(stand)]
  await alice.register('alice')
  await bob.register('bob')
  bob.answer(200)
  const roll = dice(seed)
  const times: number[] = []
  const levels: number[] = []
  let refused = 0
  for (let sent = 0; sent < count; sent += batch) {
    for (let i = 0; i < batch; i++) hostile.send(mutated(seeds, roll))
    const began = performance.now()
    await alice.ask('OPTIONS', `sip:${domain}`)
    const between = performance.now()
    const parts = { from: `sip:alice@${domain}`, body: 'x', lines: ['Content-Type: text/plain'] }
    const { status } = await alice.ask('MESSAGE', `sip:bob@${domain}`, parts)
    times.push(between - began, performance.now() - between)
    if (status === 503)
      refused++ // overload control: it may come again
    else if (status !== 200) found(`an honest MESSAGE got ${status} after ${sent} datagrams of seed ${seed}`, Buffer.alloc(0))
    for (const hand of [hostile, alice, bob]) hand.forget()
    if (sent % Math.ceil(count / 10 / batch / batch) === 0 || sent + batch >= count) levels.push(memory())
  }
  const p99 = percentile(times, 0.99)
  const third = Math.floor(levels.length / 3)
  const growth = Math.max(...levels.slice(-third)) - Math.max(...levels.slice(third, 2 * third))
  console.log(
    `${count} datagrams, seed ${seed}: honest p50 ${figure(percentile(times, 0.5), 1)} ms, p99 ${figure(p99, 1)} ms, ${refused} refused by overload control`,
  )
  console.log(
    `memory ${levels
      .map((level) => figure(level))
      .filter((_, i) => i % Math.ceil(levels.length / 12) === 0)
      .join(' ')} MiB`,
  )
  const faultsOfNode = stand.count('faults_total')
  if (faultsOfNode > 0) found(`${faultsOfNode} faults of the node, seed ${seed}`, Buffer.alloc(0))
  if (p99 > boundOfP99) found(`p99 of honest traffic ${figure(p99, 1)} ms`, Buffer.alloc(0))
  if (growth > 50) found(`memory grows: ${figure(growth)} MiB in the last third`, Buffer.alloc(0))
  for (const hand of [hostile, alice, bob]) hand.close()
  await stand.close()
}

console.log(`seed ${options.seed}`)
damage(options.minutes, options.seed)
if (options.datagrams > 0) await flood(options.datagrams, options.seed)
console.log(faults === 0 ? 'nothing found' : `${faults} found`)
process.exitCode = faults === 0 ? 0 : 1
