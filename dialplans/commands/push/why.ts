/** `proxima push why`: each decision about the messages for a user, with the rule that made it. */
import type { Command } from 'commander'
import { type NodeReach, reach } from '../hss/reach.ts'
import { say } from '../support/output.ts'
import { printable } from '../support/printable.ts'
import { reaching } from '../support/reaching.ts'

interface Explained {
  readonly server: string
  readonly flags: string
  readonly user?: string
  readonly identifiers: readonly {
    readonly id: string
    readonly flags: string
    readonly inForce: boolean
    readonly here: boolean
  }[]
  readonly devices: readonly {
    readonly device: string
    readonly state: string
    readonly expires: string
    readonly visited?: string
    readonly provider?: string
  }[]
  readonly waiting: number
  readonly decisions: readonly {
    readonly at: string
    readonly rule: string
    readonly text: string
    readonly status?: number
    readonly source?: string
    readonly application?: string
    readonly callId?: string
  }[]
}

interface WhyOptions extends NodeReach {
  readonly json?: boolean
}

const examples = `
Examples:
  $ proxima push why bob
  $ proxima push why 4f3a9c0b12d47e58 --json`

export function whyCommand(): Command {
  return reaching(
    'Push server',
    'why',
    'why messages for a user went as they did, and who was woken: each decision with its rule',
  )
    .argument('<name>', 'subscriber, Push identifier or string, URI, or Call-ID')
    .option('--json', 'as JSON')
    .addHelpText('after', examples)
    .action(why)
}

async function why(name: string, { json, ...where }: WhyOptions): Promise<void> {
  const path = `/v1/push/why/${encodeURIComponent(name)}`
  const { value } = await reach(where).ask<{ readonly servers: readonly Explained[] }>('GET', path)
  if (json === true) return say(JSON.stringify(value, undefined, 2))
  for (const each of value.servers) for (const line of linesOf(each)) say(printable(line))
}

function linesOf({ decisions, devices, flags, identifiers, server, user, waiting }: Explained): readonly string[] {
  const whom = user ?? 'nobody of ours'
  return [
    `${server} (flag bits ${flags}): ${whom}; ${waiting} waiting`,
    ...identifiers.map((one) => {
      const where = one.here ? 'of this server' : 'of another server'
      return `  identifier ${one.id}: flag bits ${one.flags}, ${where}${one.inForce ? '' : ', not in force'}`
    }),
    ...devices.map(({ device, expires, provider, state, visited }) => {
      const at = visited === undefined ? '' : `, at ${visited}`
      return `  device ${device}: ${state} until ${expires}${at}${provider === undefined ? '' : `, woken by ${provider}`}`
    }),
    ...decisions.map(({ application = '', at, callId, rule, source = '', status, text }) => {
      const about = [source === '' ? '' : `from ${source}`, application, callId].filter(Boolean).join(', ')
      return `  ${at}  ${rule.padEnd(16)} ${String(status ?? '').padEnd(3)} ${text}${about === '' ? '' : ` (${about})`}`
    }),
  ]
}
