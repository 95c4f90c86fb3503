/** `proxima play`: a figure of the source method, played against a fresh node, and drawn. */
import { Command } from 'commander'
import { RealClock, silent } from '../../signalling/index.ts'
import { ladder, mermaid, openPcapng, type Tap } from '../../signalling/tools.ts'
import { flowsNamed, loadFlows, networkOf } from '../flows/index.ts'
import type { FlowScript, Scenario } from '../flows/stage/flow.ts'
import { StageSet } from '../flows/stage/stage-set.ts'
import { readOperators } from './support/network.ts'
import { say } from './support/output.ts'
import { CommandRefusal } from './support/refusal.ts'

interface PlayOptions {
  readonly all?: boolean
  readonly branches?: boolean
  readonly trace?: string
  readonly mermaid?: boolean
  readonly sockets?: boolean
}

export function playCommand(): Command {
  return new Command('play')
    .description('play a flow against a fresh node and draw its ladder; without a name: list the flows')
    .argument('[flow]', 'such as proximity/fig-08, or fig-08 where no other service has one')
    .option('--branches', 'its failure branches too')
    .option('--all', 'every message, how elements meet and UEs register too, and every branch')
    .option('--trace <file>', 'write the messages to this pcapng file')
    .option('--mermaid', 'draw a Mermaid sequence diagram')
    .option('--sockets', 'over UDP on loopback and in real time, instead of in memory and at once')
    .addHelpText(
      'after',
      '\nExamples:\n  $ proxima play\n  $ proxima play proximity/fig-08\n  $ proxima play fig-13 --branches --trace fig-13.pcapng',
    )
    .action(play)
}

async function play(name: string | undefined, options: PlayOptions): Promise<void> {
  const flows = await loadFlows()
  if (name === undefined) {
    for (const flow of flows) say(`${flow.id}  ${flow.title} (SPEC ${flow.clause}; ${flow.scenarios.length} scenarios)`)
    return
  }
  const flow = theOne(flowsNamed(flows, name), name, flows)
  const clock = new RealClock(() => undefined)
  const tap = options.trace === undefined ? undefined : openPcapng({ file: options.trace, clock, log: silent })
  let failed = 0
  for (const scenario of options.all === true || options.branches === true ? flow.scenarios : flow.scenarios.slice(0, 1)) {
    if (!(await playScenario(flow, scenario, options, tap))) failed++
  }
  await tap?.close?.()
  if (options.trace !== undefined) say(`capture: ${options.trace}`)
  if (failed > 0) throw new CommandRefusal(`${failed} of the scenarios of ${flow.id} did not go as the figure has it`)
}

function theOne(named: readonly FlowScript[], name: string, all: readonly FlowScript[]): FlowScript {
  const list = (flows: readonly FlowScript[]): string => flows.map(({ id }) => id).join(', ')
  if (named.length > 1) throw new CommandRefusal(`'${name}' is a flow of several services; name one of ${list(named)}`)
  if (named.length === 0) throw new CommandRefusal(`no flow '${name}'; there are ${list(all)}`)
  return named[0]!
}

async function playScenario(flow: FlowScript, scenario: Scenario, options: PlayOptions, tap: Tap | undefined): Promise<boolean> {
  const mode = options.sockets === true ? 'sockets' : 'virtual'
  const dialplan = readOperators(networkOf(flow)).map((each) => ({ ...each, nodes: [] }))
  const stage = new StageSet({ dialplan, mode, tap }, scenario)
  let fault: unknown
  try {
    await stage.open()
    await scenario.run(stage)
  } catch (error) {
    fault = error
  }
  const messages = options.all === true ? stage.messages.messages : stage.figure
  await stage.close()
  const width = process.stdout.columns ?? 120
  say(`${flow.id}: ${scenario.name}\n`)
  say(options.mermaid === true ? mermaid(messages) : ladder(messages, { width }))
  say(fault === undefined ? '' : `\nnot as it should be: ${fault instanceof Error ? fault.message : String(fault)}\n`)
  return fault === undefined
}
