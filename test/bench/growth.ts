/**
 * `npm run bench -- growth`: what a match and a NOTIFY cost as the network grows. Each size is a process of its own, without sockets;
 * the sizes take turns, so that noise of the machine hits all alike.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { median } from './figures.ts'
import type { GrowthCommand, GrowthResult, Work } from './growth-node.ts'
import { figure, table } from './table.ts'

interface Options {
  readonly sizes: readonly number[]
  readonly rounds: number
  readonly events: number
  readonly warmUp: number
  readonly markdown: boolean
}

const target = 1.3 // test/bench/README.md: CPU an event at the last size by that at the first

function readSizes(text: string): readonly number[] {
  const sizes = text.split(',').map(Number)
  if (sizes.some((size) => !(size >= 1000 && size % 1000 === 0)))
    throw new InvalidArgumentError('Expected thousands, such as 1000,10000.')
  return sizes
}

function readCount(text: string): number {
  const count = Number(text)
  if (!(count > 0 && Number.isInteger(count))) throw new InvalidArgumentError('Expected a whole number above 0.')
  return count
}

export function growthCommand(): Command {
  return new Command('growth')
    .description('Measures CPU a match and a NOTIFY in networks of growing size, in memory.')
    .option('--sizes <counts>', 'UEs of each network', readSizes, [1000, 10_000, 100_000])
    .option('--rounds <count>', 'of each size; the median is told', readCount, 9)
    .option('--events <count>', 'matches of a round', readCount, 16_000)
    .option('--warm-up <count>', 'rounds before those that count', readCount, 3)
    .option('--markdown', 'print Markdown', false)
    .action(growth)
}

/** One process for each size. */
class Network {
  readonly ues: number
  readonly us: { readonly [work in Work]: number[] } = { match: [], fanout: [] }
  private readonly child: ChildProcess

  constructor(ues: number) {
    this.ues = ues
    this.child = fork(join(import.meta.dirname, 'growth-node.ts'), { execArgv: ['--max-old-space-size=8000'] })
  }
  ask(command: GrowthCommand): Promise<GrowthResult> {
    const { child } = this
    return new Promise((resolve, reject) => {
      const exited = (code: number | null): void => reject(new Error(`the network of ${this.ues} UEs ended with ${code}`))
      child.once('exit', exited)
      child.once('message', ({ result, error }: { result?: GrowthResult; error?: string }) => {
        child.off('exit', exited)
        if (error === undefined) resolve(result!)
        else reject(new Error(error))
      })
      child.send(command)
    })
  }
  end(): void {
    this.child.kill('SIGKILL')
  }
}

async function growth({ sizes, rounds, events, warmUp, markdown }: Options): Promise<void> {
  const networks = sizes.map((ues) => new Network(ues))
  try {
    for (const network of networks) {
      const started = performance.now()
      await network.ask({ do: 'open', ues: network.ues })
      process.stderr.write(`${network.ues} UEs: ${figure((performance.now() - started) / 1000)} s to gather\n`)
    }
    for (let round = -warmUp; round < rounds; round++) {
      for (const work of ['match', 'fanout'] as const) {
        const figures: string[] = []
        for (const network of networks) {
          const { us } = await network.ask({ do: work, events: work === 'match' ? events : Math.ceil(events / 10) })
          if (round >= 0) network.us[work].push(us)
          figures.push(figure(us, 1))
        }
        process.stderr.write(`${round < 0 ? 'warm-up' : `round ${round + 1}`}, ${work}: ${figures.join(', ')} us\n`)
      }
    }
  } finally {
    for (const network of networks) network.end()
  }
  console.log(print(networks, markdown))
}

/** Collections of the whole heap are in the mean, seldom in the median. */
function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function print(networks: readonly Network[], markdown: boolean): string {
  const rows = (['match', 'fanout'] as const).flatMap((work) =>
    (['median', 'mean'] as const).map((kind) => {
      const values = networks.map(({ us }) => (kind === 'median' ? median(us[work]) : mean(us[work])))
      const ratio = values.at(-1)! / values[0]!
      const name = work === 'match' ? 'a match and its NOTIFY' : 'a NOTIFY of ten'
      const verdict = kind === 'median' ? `<= ${target} ${ratio <= target ? 'yes' : 'no'}` : ''
      return [`${name}, ${kind}`, ...values.map((us) => `${figure(us, 1)} us`), figure(ratio, 2), verdict]
    }),
  )
  const head = ['CPU of', ...networks.map(({ ues }) => `${ues.toLocaleString('en')} UEs`), 'ratio', 'target']
  return table(head, rows, markdown ? 'markdown' : 'aligned')
}
