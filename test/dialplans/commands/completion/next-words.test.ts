/** Words that fit next on a command line: commands, options, values. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { Command } from 'commander'
import { commandMakers } from '../../../../dialplans/commands/catalogue.ts'
import { readLine } from '../../../../dialplans/commands/completion/line.ts'
import { type NextWords, nextWords } from '../../../../dialplans/commands/completion/next-words.ts'
import { valueSources } from '../../../../dialplans/commands/completion/values.ts'
import { flowIds, loadFlows } from '../../../../dialplans/flows/index.ts'

async function offers(text: string): Promise<NextWords> {
  const line = readLine(`proxima ${text}`)
  return nextWords(await commandMakers[line.words[1]!]!(), line)
}

async function words(text: string): Promise<readonly string[]> {
  return (await offers(text)).words.map(({ word }) => word)
}

const expected: readonly (readonly [line: string, words: readonly string[]])[] = [
  ['start --port', ['--port-udp', '--port-tcp', '--port-ws']],
  ['start --udp ', ['auto', 'native', 'dgram']],
  ['start --udp=n', ['--udp=native']],
  ['start m', ['mme.yaml']],
  ['start mme.yaml --node mme', ['mme1', 'mme2']],
  ['start --node mme', []],
  ['start two-operators --operator ', ['north', 'south']],
  ['start two-operators --operator=south --node s', ['south', 'south-presence']],
  ['start none.yaml --node ', []],
  ['start default.yaml ', []],
  ['check default.yaml dir', ['direct.yaml']],
  ['hss ', ['list', 'show', 'add', 'set', 'permit', 'remove', 'import']],
  ['hss li', ['list']],
  ['hss add --no-d', ['--no-discoverable', '--no-discoverer']],
  ['hss list --dialplan two-operators --operator n', ['north']],
  ['hss list -d dir', ['direct.yaml']],
  ['push app list --dialplan two-o', ['two-operators.yaml']],
  ['play fig-1', ['fig-11', 'fig-12', 'fig-13', 'fig-14', 'fig-15', 'fig-16', 'fig-17', 'fig-18']],
  ['play operators/', ['operators/peering']],
  ['play fig-13 --m', ['--mermaid']],
  ['explain mme.yaml "MESSAGE sip:a@b" --from mm', ['mme1', 'mme2']],
  ['ue ', ['alice', 'bob', 'carol', 'dave', 'eve']],
  ['ue alice --peers bob,c', ['bob,carol']],
  ['ue alice --mme sip:mm', ['sip:mme@localhost']],
  ['ue alice --transport ', ['udp', 'tcp', 'ws']],
  ['completion ', ['bash', 'zsh', 'fish']],
]

for (const [line, fitting] of expected)
  test(`proxima ${line}`, async (t) => {
    t.deepEqual(await words(line), fitting)
  })

test('files are offered by their endings, folders where one is wanted', async (t) => {
  t.deepEqual((await offers('trace ')).files, ['pcapng'])
  t.deepEqual((await offers('start ')).files, ['yaml', 'yml'])
  t.deepEqual((await offers('hss import ')).files, ['csv', 'jsonl', 'ndjson'])
  t.true((await offers('cert --out ')).folders)
  t.is((await offers('start --port-udp ')).files, undefined)
})

test('nodes are those of a file of the user, too', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-completion-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'mine.yaml')
  const nodes = 'nodes: { left: { listen: [udp://127.0.0.1:5060], elements: [proxy] } }'
  writeFileSync(file, `name: mine\ndomains: [sip.test]\n${nodes}\nelements: { proxy: { role: proxy, authenticate: none } }\n`)
  t.deepEqual(await words(`start ${file} --node `), ['left'])
})

test('ids of flows are those of the flows', async (t) => {
  t.deepEqual(
    flowIds(),
    (await loadFlows()).map(({ id }) => id),
  )
})

function withSubcommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

/** Arguments and options of a command and all below it: `hss --node`. */
function takers(top: Command): readonly string[] {
  return withSubcommands(top).flatMap(({ options, registeredArguments }) =>
    [...options.map(({ long }) => long), ...registeredArguments.map((each) => each.name())].map(
      (name) => `${top.name()} ${name}`,
    ),
  )
}

test('values are offered for what there is', async (t) => {
  const commands = await Promise.all(Object.values(commandMakers).map((make) => make()))
  const there = new Set(commands.flatMap(takers))
  t.deepEqual(
    Object.keys(valueSources).filter((taker) => !there.has(taker)),
    [],
  )
})
