/** `proxima push retry`: tries messages again that were set aside after too many tries. */
import type { Command } from 'commander'
import { type NodeReach, reach } from '../hss/reach.ts'
import { say } from '../support/output.ts'
import { reaching } from '../support/reaching.ts'

export function retryCommand(): Command {
  return reaching('Push server', 'retry', 'try messages again that were set aside after too many tries')
    .argument('[user]', 'of that subscriber alone')
    .action(retry)
}

async function retry(user: string | undefined, where: NodeReach): Promise<void> {
  const asked = user === undefined ? {} : { body: { user } }
  const { value } = await reach(where).ask<{ readonly retried: number }>('POST', '/v1/push/retry', asked)
  say(`${value.retried} tried again`)
}
