/** Words that fit next on a command line, from the tree of commands and the values that each takes. */
import type { Argument, Command, Option } from 'commander'
import type { TypedLine } from './line.ts'
import { type OfferedValues, type TypedValues, valueSources } from './values.ts'

interface OfferedWord {
  readonly word: string
  /** Its description; '' for a value. */
  readonly about: string
}

export interface NextWords extends Pick<OfferedValues, 'files' | 'folders'> {
  readonly words: readonly OfferedWord[]
}

/** The line as its command reads it. */
interface Reading {
  readonly command: Command
  readonly typed: TypedValues
  /** The option whose value comes next. */
  readonly pending: Option | undefined
  /** Arguments that are there already. */
  readonly count: number
}

/** @param top the command that the line names */
export function nextWords(top: Command, { words, current }: TypedLine): NextWords {
  const reading = read(top, words.slice(2))
  const [, assigned] = /^(--[^=]+)=/.exec(current) ?? []
  const option = reading.pending ?? (assigned === undefined ? undefined : optionOf(reading.command, assigned))
  const lead = reading.pending === undefined && assigned !== undefined ? `${assigned}=` : ''
  if (option !== undefined) return valuesFor(top, option, reading, current, lead)
  if (current.startsWith('-')) return { words: starting(current, optionsOf(reading.command)) }
  const { command, count } = reading
  if (command.commands.length > 0) return { words: starting(current, describe(command.commands)) }
  const expected = command.registeredArguments
  const argument = expected[count] ?? (expected.at(-1)?.variadic === true ? expected.at(-1) : undefined)
  return argument === undefined ? { words: [] } : valuesFor(top, argument, reading, current, '')
}

function read(top: Command, words: readonly string[]): Reading {
  let command = top
  let pending: Option | undefined
  let count = 0
  const typed = new Map<string, string>()
  for (const word of words) {
    const [name = '', value] = word.startsWith('--') ? word.split(/=(.*)/s, 2) : [word]
    const option: Option | undefined = pending === undefined ? optionOf(command, name) : undefined
    const sub: Command | undefined = command.commands.find((each) => each.name() === word)
    if (pending !== undefined) {
      typed.set(pending.long!, word)
      pending = undefined
    } else if (option !== undefined && value !== undefined) typed.set(option.long!, value)
    else if (option?.required) pending = option
    else if (option !== undefined || word.startsWith('-')) continue
    else if (sub !== undefined) command = sub
    else typed.set(command.registeredArguments[count++]?.name() ?? '', word)
  }
  return { command, typed, pending, count }
}

function optionOf({ options }: Command, name: string): Option | undefined {
  return options.find(({ long, short }) => long === name || short === name)
}

/** @param lead what stands before the value in the same word: `--udp=` */
function valuesFor(top: Command, taker: Option | Argument, { typed }: Reading, current: string, lead: string): NextWords {
  const name = 'long' in taker ? taker.long! : taker.name()
  const source = valueSources[`${top.name()} ${name}`]
  const { values = taker.argChoices ?? [], ...others } = source?.(typed, current.slice(lead.length)) ?? {}
  return {
    words: starting(
      current,
      [...new Set(values)].map((value) => ({ word: lead + value, about: '' })),
    ),
    ...others,
  }
}

function optionsOf(command: Command): readonly OfferedWord[] {
  const shown = command.createHelp().visibleOptions(command)
  return shown.flatMap(({ long, description }) => (long === undefined ? [] : { word: long, about: description }))
}

function describe(commands: readonly Command[]): readonly OfferedWord[] {
  return commands.map((command) => ({ word: command.name(), about: command.description() }))
}

function starting(current: string, words: readonly OfferedWord[]): readonly OfferedWord[] {
  return words.filter(({ word }) => word.startsWith(current))
}
