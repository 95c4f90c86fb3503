/** `proxima check`: is a dialplan sound? */
import { Command } from 'commander'
import { assembleDialplan, readDialplan } from './network.ts'

export function checkCommand(): Command {
  return new Command('check')
    .description('check dialplans; each fault is a line with file, line, what was found and what was expected')
    .argument('<file...>', 'dialplans')
    .addHelpText('after', '\nExample:\n  $ proxima check dialplans/default.yaml')
    .action((files: readonly string[]) => {
      for (const file of files) check(file)
    })
}

function check(file: string): void {
  const dialplan = readDialplan(file)
  const { elements, plan } = assembleDialplan(dialplan)
  const names = elements.map(({ name }) => name).join(', ')
  const origin = dialplan.rules === undefined ? 'derived from what they claim' : 'as written'
  console.log(`${file}: ok; elements ${names}; ${plan.rules.length} rules, ${origin}`)
}
