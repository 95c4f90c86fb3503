/** The command line, and the only place that knows it is one: `proxima <command>`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { commandMakers } from './catalogue.ts'
import { complain } from './support/output.ts'
import { CommandRefusal, commandRefusalOf } from './support/refusal.ts'

/** The command that the arguments name, or all of them: for the help, and for suggestions. */
async function loadCommands([name]: readonly string[]): Promise<readonly Command[]> {
  if (name === '--version' || name === '-V') return []
  const isOne = name !== undefined && Object.hasOwn(commandMakers, name)
  const named = isOne ? [commandMakers[name]!] : Object.values(commandMakers)
  return Promise.all(named.map((make) => make()))
}

/** Commander's own complaints as one line, with where to look. */
function refuseUsage(command: Command): void {
  const name = nameOf(command)
  command.configureOutput({
    outputError: (text, write) => {
      const line = text
        .trim()
        .replace(/^error: /, '')
        .replace(/\s*\n\s*/g, ' ')
      write(`proxima: ${line}${/[.?)]$/.test(line) ? '' : ';'} see ${name} --help\n`)
    },
  })
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`
}

function ownVersion(): string {
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}

const commands = await loadCommands(process.argv.slice(2))
const program = new Command('proxima')
  .version(`proxima ${ownVersion()} (Node ${process.versions.node})`, '-V, --version', 'tell the version')
  .description('An IMS-style SIP signalling engine for proximity, push and location.')
  .addHelpText('after', '\nExample:\n  $ proxima start\nEach command explains itself: proxima start --help')
for (const command of commands) program.addCommand(command)
for (const command of [program, ...commands, ...commands.flatMap((each) => each.commands)]) refuseUsage(command)

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0) // our reader, such as head, has had enough
  throw error
})

try {
  await program.parseAsync(process.argv)
} catch (error) {
  const refusal = commandRefusalOf(error)
  if (refusal instanceof CommandRefusal)
    for (const line of refusal.message.split('\n')) complain(refusal.located ? line : `proxima: ${line}`)
  else
    complain(`proxima: cannot go on: ${(refusal instanceof Error ? refusal.message : String(refusal)).replace(/\s*\n\s*/g, ' ')}`)
  process.exit(1)
}
