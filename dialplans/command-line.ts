/** The command line, and the only place that knows it is one: `proxima <command>`. */
import { Command } from 'commander'
import { certCommand } from './commands/cert.ts'
import { chargingCommand } from './commands/charging.ts'
import { checkCommand } from './commands/check.ts'
import { demoCommand } from './commands/demo.ts'
import { explainCommand } from './commands/explain.ts'
import { hssCommand } from './commands/hss.ts'
import { playCommand } from './commands/play.ts'
import { Refusal, refusalOf } from './commands/refusal.ts'
import { startCommand } from './commands/start.ts'
import { traceCommand } from './commands/trace.ts'
import { ueCommand } from './commands/ue.ts'

const commands = [
  startCommand(),
  checkCommand(),
  certCommand(),
  chargingCommand(),
  demoCommand(),
  explainCommand(),
  hssCommand(),
  playCommand(),
  traceCommand(),
  ueCommand(),
]

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

const program = new Command('proxima')
  .description('An IMS-style SIP signalling engine for proximity, push and location.')
  .addHelpText(
    'after',
    '\nExample:\n  $ proxima start dialplans/default.yaml\nEach command explains itself: proxima start --help',
  )
for (const command of commands) program.addCommand(command)
for (const command of [program, ...commands, ...commands.flatMap((each) => each.commands)]) refuseUsage(command)

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0) // whoever read us, such as head, has had enough
  throw error
})

try {
  await program.parseAsync(process.argv)
} catch (error) {
  const told = refusalOf(error)
  if (told instanceof Refusal)
    for (const line of told.message.split('\n')) console.error(told.located ? line : `proxima: ${line}`)
  else console.error(`proxima: cannot go on: ${(told instanceof Error ? told.message : String(told)).replace(/\s*\n\s*/g, ' ')}`)
  process.exit(1)
}
