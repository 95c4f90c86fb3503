/** `proxima completion`: commands, options and values on the Tab key of a shell. */
import { Argument, Command, Option } from 'commander'
import { say } from '../support/output.ts'
import { CommandRefusal } from '../support/refusal.ts'
import { readLine } from './line.ts'
import { type NextWords, nextWords } from './next-words.ts'
import { completionScripts } from './scripts.ts'

const examples = `
Examples:
  $ proxima completion fish > ~/.config/fish/completions/proxima.fish
  $ source <(proxima completion bash)     # in ~/.bashrc; zsh likewise, in ~/.zshrc behind compinit`

/** Commands by name, each loaded when it is asked for. */
export interface CommandMakers {
  readonly [name: string]: () => Promise<Command>
}

export function completionCommand(makers: CommandMakers): Command {
  const shells = Object.keys(completionScripts)
  return new Command('completion')
    .description('print a script by which a shell completes commands, options and their values')
    .addArgument(new Argument('[shell]', 'the shell that reads it').choices(shells))
    .addOption(new Option('--line <text>', 'a line as far as it is typed: what may come next').hideHelp())
    .addHelpText('after', examples)
    .action(async (shell: string | undefined, { line }: { readonly line?: string }) => {
      if (line !== undefined) for (const text of printed(await nextWordsOn(line, makers))) say(text)
      else if (shell !== undefined) say(completionScripts[shell]!.trimEnd())
      else throw new CommandRefusal(`say for which shell: ${shells.join(', ')}`)
    })
}

async function nextWordsOn(text: string, makers: CommandMakers): Promise<NextWords> {
  const line = readLine(text)
  const [, name] = line.words
  if (name === undefined) return nextWords(await everything(makers), line)
  return Object.hasOwn(makers, name) ? nextWords(await makers[name]!(), line) : { words: [] }
}

async function everything(makers: CommandMakers): Promise<Command> {
  const root = new Command('proxima').option('-V, --version', 'tell the version')
  for (const make of Object.values(makers)) root.addCommand(await make())
  return root
}

function printed({ words, files, folders }: NextWords): readonly string[] {
  const lines = words.map(({ word, about }) => `${word}\t${about}`)
  if (files !== undefined) lines.push([':files', ...files].join(' '))
  return folders === true ? [...lines, ':folders'] : lines
}
