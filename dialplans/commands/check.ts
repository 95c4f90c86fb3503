/** `proxima check`: is a dialplan sound? */
import { Command } from 'commander'
import { assemble } from '../network/assemble.ts'
import { type Dialplan, type DialplanFault, printFault, type ValueOrFaults } from '../network/dialplan.ts'
import { loadOperators } from '../network/load.ts'
import { atNode } from '../network/nodes.ts'
import { dialplanArgument } from './support/network.ts'
import { say } from './support/output.ts'
import { refuseFaults } from './support/refusal.ts'

export function checkCommand(): Command {
  return new Command('check')
    .description('check dialplans; each fault is a line with file, line, what was found and what was expected')
    .argument('<file...>', `each ${dialplanArgument}`)
    .addHelpText('after', '\nExample:\n  $ proxima check default.yaml')
    .action((files: readonly string[]) => {
      const faults = files.flatMap((file) => check(file) ?? [])
      if (faults.length > 0) throw refuseFaults(faults)
    })
}

/** Prints that it is sound, a line for each operator, or returns its faults. */
function check(file: string): readonly DialplanFault[] | undefined {
  const loaded = loadOperators(file)
  if (loaded.faults !== undefined) return loaded.faults
  const lines: string[] = []
  for (const dialplan of loaded.value) {
    const checked = checkOperator(dialplan)
    if (checked.faults !== undefined) return checked.faults
    lines.push(checked.value)
  }
  for (const note of loaded.value.flatMap(({ notes = [] }) => notes)) say(`note: ${printFault(note)}`)
  for (const line of lines) say(line)
  return undefined
}

/** The line that says of an operator that it is sound. */
function checkOperator(dialplan: Dialplan): ValueOrFaults<string> {
  const assembled = assemble(dialplan)
  if (assembled.faults !== undefined) return assembled
  const { elements, plan } = assembled.value
  for (const { name } of dialplan.nodes) {
    const node = atNode(dialplan, name)
    const faults = node.faults ?? assemble(node.value).faults
    if (faults !== undefined) return { faults }
  }
  const { file, operator, met = [], rules } = dialplan
  const whose = operator === undefined ? '' : `operator ${operator}; `
  const names = elements.map(({ name }) => name).join(', ')
  const origin = rules === undefined ? 'derived from what they claim' : 'as written'
  const nodes = dialplan.nodes.length === 0 ? '' : `; nodes ${dialplan.nodes.map(({ name }) => name).join(', ')}`
  const peers = met.length === 0 ? '' : `; peers ${met.map(({ name }) => name).join(', ')}`
  return { value: `${file}: ok; ${whose}elements ${names}${nodes}${peers}; ${plan.rules.length} rules, ${origin}` }
}
