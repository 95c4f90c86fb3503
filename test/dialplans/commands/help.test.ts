/** Help of every command: it is in that of its parent, and has an example. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { Command } from 'commander'
import { commandMakers } from '../../../dialplans/commands/catalogue.ts'

const folder = join(import.meta.dirname, '../../../dialplans/commands')
/** Words of each command: a file or a folder each. */
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && name !== 'index.ts' && !name.startsWith('support/'))
  .filter((name) => readFileSync(join(folder, name), 'utf8').includes('new Command('))
  .map((name) => name.replace(/(?:\/index)?\.ts$/, '').replaceAll('/', ' '))

function helpOf(command: Command): string {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  return help
}

test('each is in the help of its parent; each that has a file of its own has an example', async (t) => {
  const seen: string[] = []
  const look = (command: Command, above: string): void => {
    const words = `${above} ${command.name()}`.trim()
    seen.push(words)
    const help = helpOf(command)
    if (files.includes(words)) t.regex(help, /Examples?:\n {2}\$ proxima /, words)
    for (const under of command.commands) {
      t.regex(help, new RegExp(`^  ${under.name()}\\b`, 'm'))
      look(under, words)
    }
  }
  for (const make of Object.values(commandMakers)) look(await make(), '')
  t.true(files.length >= 3)
  t.deepEqual(
    files.filter((words) => !seen.includes(words)),
    [],
    'those of all files are found',
  )
})
