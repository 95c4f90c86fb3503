/** `npm run bench -- push`: what Push costs, each row beside its target (PUSH §9). A file under push/ for each measure. */
import { Command } from 'commander'
import { readCount } from './counts.ts'
import { cpu } from './push/cpu.ts'
import { junk } from './push/junk.ts'
import { memory } from './push/memory.ts'
import { register } from './push/register.ts'
import { returning } from './push/return.ts'
import { routing } from './push/routing.ts'
import type { PushMeasure, PushRow } from './push/row.ts'
import { sockets } from './push/sockets.ts'
import { waking } from './push/waking.ts'
import { policyHead, policyRows } from './push-policies.ts'
import { table } from './table.ts'

const measures: readonly PushMeasure[] = [cpu, register, routing, junk, returning, waking, memory, sockets]

/** Latency, messages and bytes by policy of waking, in a table of their own. */
const policiesName = 'policies'

interface Options {
  readonly csv: boolean
  readonly policies: number
  readonly rounds: number
  readonly scale: number
}

export function pushCommand(): Command {
  const names = measures.map(({ about, name }) => `  ${name.padEnd(10)}${about}`)
  return new Command('push')
    .description('What Push costs and how long it takes, each beside its target; all measures, or those named')
    .argument('[measures...]', 'of those below')
    .option('--rounds <number>', 'of which the median is told', readCount, 3)
    .option('--scale <share>', 'of the usual numbers of messages, for a trial', readCount, 1)
    .option('--policies <number>', 'messages to a device that sleeps, by each policy of waking; 0: none', readCount, 200)
    .option('--csv', 'as comma-separated values', false)
    .addHelpText('after', `\nMeasures:\n${names.join('\n')}\n  ${policiesName}  latency, messages and bytes by policy of waking`)
    .action(async (wanted: readonly string[], { csv, policies, rounds, scale }: Options, command: Command) => {
      const known = [...measures.map(({ name }) => name), policiesName]
      const unknown = wanted.find((name) => !known.includes(name))
      if (unknown !== undefined) command.error(`There is no ${unknown}; expected ${known.join(', ')}.`)
      const tell = (line: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
      const rows: PushRow[] = []
      for (const measure of measures) {
        if (wanted.length > 0 && !wanted.includes(measure.name)) continue
        tell(measure.name)
        rows.push(...(await measure.run({ rounds, scale, tell })))
      }
      const print = (head: readonly string[], cells: readonly (readonly string[])[]): void =>
        console.log(csv ? [head, ...cells].map(toCsv).join('\n') : `${table(head, cells)}\n`)
      if (rows.length > 0) print(['work', 'figure', 'ratio', 'target'], rows.map(cellsOf))
      if (policies > 0 && (wanted.length === 0 || wanted.includes(policiesName))) print(policyHead, await policyRows(policies))
    })
}

function cellsOf({ figure, ratio, target = '', what }: PushRow): readonly string[] {
  return [what, figure, ratio?.toFixed(2) ?? '', target]
}

function toCsv(cells: readonly string[]): string {
  return cells.map((cell) => (/[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')
}
