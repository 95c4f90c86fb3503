/** `proxima explain`: which rule of a dialplan gets a request, and why. */
import { Command } from 'commander'
import { type Plan, type PlanQuery, parseUri, type RuleExplanation } from '../../signalling/index.ts'
import { edgeOf } from '../network/roles.ts'
import { readOnce } from './support/arguments.ts'
import { assembleDialplan, dialplanArgument, readDialplan } from './support/network.ts'
import { say } from './support/output.ts'
import { CommandRefusal } from './support/refusal.ts'

interface ExplainOptions {
  readonly operator?: string
  readonly from: string
  readonly content?: string
  readonly sender?: string
}

const examples = `
Examples:
  $ proxima explain default.yaml "MESSAGE sip:bob@localhost"
  $ proxima explain default.yaml "SUBSCRIBE sip:alice@localhost proximity"
  $ proxima explain default.yaml "SUBSCRIBE sip:alice@localhost subscription-data" --from prose`

export function explainCommand(): Command {
  return new Command('explain')
    .description('say which rule of a dialplan gets a request, and why')
    .argument('<file>', dialplanArgument)
    .argument('<request>', '"<method> <uri> [event]"')
    .option('--operator <name>', 'the operator whose rules decide, where the dialplan has several', readOnce)
    .option('--from <who>', 'outside, trusted, or the name of the element that sends', 'outside')
    .option('--content <type>', 'media type of the body')
    .option('--sender <uri>', 'whom the network vouches for, e.g. sip:alice@localhost')
    .addHelpText('after', examples)
    .action((file: string, request: string, options: ExplainOptions) => {
      const dialplan = readDialplan(file, { operator: options.operator })
      const { plan } = assembleDialplan(dialplan)
      const senders = ['outside', 'trusted', ...dialplan.elements.map(({ name }) => name)]
      if (!senders.includes(options.from))
        throw new CommandRefusal(`--from is '${options.from}'; expected one of ${senders.join(', ')}`)
      const proxy = edgeOf(dialplan.elements)
      for (const line of explained(plan, readQuery(request, options, plan), proxy)) say(line)
    })
}

function readQuery(request: string, { from, content, sender }: ExplainOptions, plan: Plan): PlanQuery {
  const [method, target, event, ...rest] = request.trim().split(/\s+/)
  const uri = parseUri(target ?? '')
  if (method === undefined || uri === undefined || rest.length > 0)
    throw new CommandRefusal(
      `the request is '${request}'; expected "<method> <uri> [event]", such as "SUBSCRIBE sip:alice@localhost prose"`,
    )
  return {
    method: method.toUpperCase(),
    user: uri.user,
    host: uri.host,
    from,
    sender: sender === undefined ? undefined : plan.identityOf(sender),
    event: event?.toLowerCase(),
    content: content?.toLowerCase(),
  }
}

/** A line a rule, the winner marked; a request to the proxy is followed to its next element. */
function explained(plan: Plan, query: PlanQuery, proxy: string | undefined): readonly string[] {
  const lines = plan.explain(query).map(printed)
  const decision = plan.decide(query)
  if (decision === undefined) return [...lines, 'no rule matches: 404 if the domain is ours, else it goes to its own domain']
  if (decision.element === undefined || decision.element !== proxy) return lines
  const onward = { ...query, from: proxy }
  const next = plan.decide(onward, decision.index)
  if (next === undefined) return [...lines, `${proxy} answers it itself or sends it to the user's bindings`]
  return [
    ...lines,
    `${proxy} lets it in or refuses it; what it passes on goes behind that rule:`,
    ...plan.explain(onward, decision.index).map(printed),
  ]
}

function printed({ rule, wins, why }: RuleExplanation): string {
  const place = rule.line > 0 ? `line ${rule.line}, ` : ''
  return `${wins ? '=>' : '  '} ${place}${rule.name} -> ${rule.to}: ${why}`
}
