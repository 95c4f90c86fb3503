/** `proxima push`: the Push server of a running node. */
import { Command } from 'commander'
import { appCommand } from './app.ts'
import { auditCommand } from './audit.ts'
import { retryCommand } from './retry.ts'
import { whyCommand } from './why.ts'

const examples = `
Examples:
  $ proxima push app list
  $ proxima push app request org.example.chat --name Chat
  $ proxima push why bob
  $ proxima push audit`

export function pushCommand(): Command {
  return new Command('push')
    .description('the Push server of a running node: applications, why a message went as it did, audit')
    .addHelpText('after', examples)
    .addCommand(appCommand())
    .addCommand(whyCommand())
    .addCommand(auditCommand())
    .addCommand(retryCommand())
}
