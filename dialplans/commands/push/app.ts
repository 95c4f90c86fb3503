/** `proxima push app`: applications that send by Push, and the steps of their life. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { type ApplicationStep, applicationSteps } from '../../../elements/push/index.ts'
import type { PushApplication } from '../../../elements/schemas/index.ts'
import { type NodeReach, reach } from '../hss/reach.ts'
import { say } from '../support/output.ts'
import { reaching } from '../support/reaching.ts'
import { CommandRefusal } from '../support/refusal.ts'

type Rate = NonNullable<PushApplication['rate']>

interface RuleOptions {
  readonly name?: string
  readonly sending?: PushApplication['sending']
  readonly type?: readonly string[]
  readonly default?: readonly string[]
  readonly maxBytes?: number
  readonly rate?: Rate
  readonly perRecipient?: Rate
  readonly anonymous?: boolean
  readonly similar?: readonly string[]
  readonly service?: readonly string[]
  readonly receipt?: readonly string[]
}

interface PrintOptions extends NodeReach {
  readonly json?: boolean
}

const texts: { readonly [step in ApplicationStep]: string } = {
  request: 'apply for it',
  invite: 'invite it',
  approve: 'approve what was requested: prints its token and Push identifier',
  refuse: 'refuse what was requested or invited',
  consent: 'take up an invitation: prints its token and Push identifier',
  revoke: 'take its right away, at once',
}
const withRule: readonly ApplicationStep[] = ['request', 'invite', 'approve', 'consent']
const examples = `
Examples:
  $ proxima push app request org.example.chat --name Chat
  $ proxima push app approve org.example.chat --type text/plain --type 'image/*' --rate 50/200
  $ proxima push app list
  $ proxima push app revoke org.example.chat`

export function appCommand(): Command {
  const command = new Command('app')
    .description('applications that send by Push: list, request, approve, refuse, invite, consent, revoke')
    .addHelpText('after', examples)
  command.addCommand(reaching('Push server', 'list', 'list applications').option('--json', 'one JSON object a line').action(list))
  for (const step of applicationSteps) {
    const own = reaching('Push server', step, texts[step])
      .argument('<id>', 'application identifier, e.g. org.example.chat')
      .option('--json', 'as JSON')
      .action((id: string, options: PrintOptions & RuleOptions) => take(id, step, options))
    command.addCommand(withRule.includes(step) ? ruled(own) : own)
  }
  return command
}

function ruled(command: Command): Command {
  return command
    .option('--name <text>', 'its name for people')
    .addOption(new Option('--sending <class>', 'class of its messages').choices(['authenticate', 'priority', 'min-delay']))
    .option('--type <type>', 'a media type that it may send, e.g. image/*; may be repeated; none: any', collect)
    .option('--default <type>', 'a media type that is its own without further word; may be repeated', collect)
    .option('--max-bytes <number>', 'bytes of a body at most', wholeNumber)
    .option('--rate <a second/at once>', 'messages in all, e.g. 50/200', rateOf)
    .option('--per-recipient <a second/at once>', 'messages for one recipient, e.g. 1/20', rateOf)
    .option('--anonymous', 'for sources too for whom nobody vouches')
    .option('--similar <id>', 'an application that may open what it sends; may be repeated', collect)
    .option('--service <urn>', 'a service of RFC 6050 that stands for it; may be repeated', collect)
    .option('--receipt <kind>', 'a receipt that its senders may ask for: delivery, display, processing', collect)
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}
function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError('Expected a whole number, 1 or more.')
  return Number(text)
}
function rateOf(text: string): Rate {
  const [, rate, burst] = /^(\d+(?:\.\d+)?)\/([1-9]\d*)$/.exec(text) ?? []
  if (rate === undefined || Number(rate) === 0)
    throw new InvalidArgumentError('Expected how many a second and how many at once, e.g. 50/200.')
  return { rate: Number(rate), burst: Number(burst) }
}

async function list({ json, ...where }: PrintOptions): Promise<void> {
  const { value } = await reach(where).ask<{ readonly applications: readonly PushApplication[] }>('GET', '/v1/applications')
  for (const each of value.applications) say(json === true ? JSON.stringify(each) : lineOf(each))
}

async function take(id: string, step: ApplicationStep, options: PrintOptions & RuleOptions): Promise<void> {
  const rule = ruleOf(options)
  const asked = Object.keys(rule).length === 0 ? {} : { body: rule }
  const { value } = await reach(options).ask<PushApplication & { readonly token?: string }>('POST', pathOf(id, step), asked)
  if (options.json === true) return say(JSON.stringify(value))
  say(lineOf(value))
  if (value.token !== undefined) say(`token ${value.token}: kept nowhere else, so keep it`)
}

function pathOf(id: string, step: ApplicationStep): string {
  // a URL takes these for folders
  if (['', '.', '..'].includes(id)) throw new CommandRefusal(`'${id}' is no application; expected one such as org.example.chat`)
  return `/v1/applications/${encodeURIComponent(id)}/${step}`
}

function ruleOf(options: RuleOptions): Partial<PushApplication> {
  const { anonymous, maxBytes, name, perRecipient, rate, sending } = options
  const { default: usual, receipt, service, similar, type } = options
  const rule = { name, sending, maxBytes, rate, perRecipient, anonymous, similar }
  const members = { ...rule, types: type, default: usual, services: service, receipts: receipt }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function lineOf({ id, name = '', push = '-', sending, state }: PushApplication): string {
  return `${id.padEnd(32)} ${state.padEnd(9)} ${sending.padEnd(12)} ${push.padEnd(16)} ${name}`.trimEnd()
}
