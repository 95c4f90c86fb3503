/** `proxima charging`: the charges of each subscriber, and whether the records are whole. */
import { Command } from 'commander'
import { unreadable } from '../../network/text.ts'
import { complain, say } from '../support/output.ts'
import { CommandRefusal } from '../support/refusal.ts'
import { audit, type ChargedSum, type ChargingAudit } from './audit.ts'

const examples = `
Examples:
  $ proxima charging data/charging/*.jsonl
  $ proxima charging data/charging/charging-2026-11-22.jsonl --json`

export function chargingCommand(): Command {
  return new Command('charging')
    .description('add up charging records by day, subscriber, service and event; exit 1 where one is missing or there twice')
    .argument('<file...>', 'files that a PCRF wrote')
    .option('--json', 'one JSON document')
    .addHelpText('after', examples)
    .action((files: readonly string[], options: { readonly json?: boolean }) => {
      const found = readAll(files)
      if (options.json) say(JSON.stringify(found, undefined, 2))
      else for (const line of report(found)) say(line)
      for (const { file, line, text } of found.unfinished) complain(`${file}:${line}: ${text}`)
      if (found.faults.length > 0)
        throw new CommandRefusal(
          found.faults.map(({ file, line, text }) => `${file}:${line}: ${text}`).join('\n'),
          undefined,
          true,
        )
    })
}

function readAll(files: readonly string[]): ChargingAudit {
  try {
    return audit(files)
  } catch (error) {
    const { path } = error as NodeJS.ErrnoException
    throw new CommandRefusal(`${path ?? files.join(' ')}: ${unreadable(error)}; give files that a PCRF wrote`, error)
  }
}

function report({ sums, records, first, last, voids, faults }: ChargingAudit): readonly string[] {
  if (records === 0) return ['no charging records']
  const columns: readonly (keyof ChargedSum)[] = ['day', 'subscriber', 'service', 'event', 'count']
  const rows = [columns, ...sums.map((sum) => columns.map((column) => String(sum[column])))]
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 4 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  '),
  )
  const whole = faults.length === 0 ? 'none missing, none twice' : `${faults.length} faults`
  const unused = voids === 0 ? '' : `; ${voids} void`
  return [...lines, `${records} records, ${first} to ${last}: ${whole}${unused}`]
}
