/** `proxima push`: the Push server of a running node. */
import { Command } from 'commander'
import { appCommand } from './app.ts'

export function pushCommand(): Command {
  return new Command('push')
    .description('the Push server of a running node: applications')
    .addHelpText('after', '\nExamples:\n  $ proxima push app list\n  $ proxima push app request org.example.chat --name Chat')
    .addCommand(appCommand())
}
