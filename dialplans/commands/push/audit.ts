/** `proxima push audit`: whether every copy that a Push server has accepted is accounted for. */
import type { Command } from 'commander'
import type { PushAudit } from '../../../elements/push/index.ts'
import { type NodeReach, reach } from '../hss/reach.ts'
import { say } from '../support/output.ts'
import { reaching } from '../support/reaching.ts'
import { CommandRefusal } from '../support/refusal.ts'

interface AuditOptions extends NodeReach {
  readonly json?: boolean
}

type ServerAudit = PushAudit & { readonly server: string }

export function auditCommand(): Command {
  return reaching('Push server', 'audit', 'compare counters and store: exit 1 where they differ')
    .option('--json', 'as JSON')
    .action(audit)
}

async function audit({ json, ...where }: AuditOptions): Promise<void> {
  const { value } = await reach(where).ask<{ readonly servers: readonly ServerAudit[] }>('GET', '/v1/push/audit')
  if (json === true) say(JSON.stringify(value, undefined, 2))
  else for (const each of value.servers) say(lineOf(each))
  const differences = value.servers.flatMap((each) => each.differences.map((text) => `${each.server}: ${text}`))
  if (differences.length > 0) throw new CommandRefusal(differences.join('\n'), undefined, true)
}

function lineOf({ accepted, ended, found, server, waiting }: ServerAudit): string {
  const ways = Object.entries(ended).map(([way, count]) => `${count} ${way}`)
  return `${server}: ${found} found + ${accepted} accepted = ${ways.join(' + ')} + ${waiting} waiting`
}
