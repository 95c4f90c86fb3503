/** `proxima check`: is a dialplan sound? */
import { Command } from 'commander'
import { assemble } from '../network/assemble.ts'
import { type DialplanFault, printFault } from '../network/dialplan.ts'
import { loadDialplan } from '../network/load.ts'
import { atNode } from '../network/nodes.ts'
import { say } from './support/output.ts'
import { refuseFaults } from './support/refusal.ts'

export function checkCommand(): Command {
  return new Command('check')
    .description('check dialplans; each fault is a line with file, line, what was found and what was expected')
    .argument('<file...>', 'dialplans')
    .addHelpText('after', '\nExample:\n  $ proxima check dialplans/default.yaml')
    .action((files: readonly string[]) => {
      const faults = files.flatMap((file) => check(file) ?? [])
      if (faults.length > 0) throw refuseFaults(faults)
    })
}

/** Prints that it is sound, or returns its faults. */
function check(file: string): readonly DialplanFault[] | undefined {
  const loaded = loadDialplan(file)
  if (loaded.faults !== undefined) return loaded.faults
  const dialplan = loaded.value
  const assembled = assemble(dialplan)
  if (assembled.faults !== undefined) return assembled.faults
  for (const note of dialplan.notes ?? []) say(`note: ${printFault(note)}`)
  const { elements, plan } = assembled.value
  for (const { name } of dialplan.nodes) {
    const node = atNode(dialplan, name)
    const faults = node.faults ?? assemble(node.value).faults
    if (faults !== undefined) return faults
  }
  const names = elements.map(({ name }) => name).join(', ')
  const origin = dialplan.rules === undefined ? 'derived from what they claim' : 'as written'
  const nodes = dialplan.nodes.length === 0 ? '' : `; nodes ${dialplan.nodes.map(({ name }) => name).join(', ')}`
  say(`${file}: ok; elements ${names}${nodes}; ${plan.rules.length} rules, ${origin}`)
  return undefined
}
