/** Options of `proxima ue` for Push. */
import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { entriesFormOf, type LocalEntry, readEntries } from '../../../../elements/ue/index.ts'
import type { HostPort } from '../../../../signalling/index.ts'
import { readPlace } from '../../support/arguments.ts'
import { CommandRefusal } from '../../support/refusal.ts'

export interface PushCommandOptions {
  readonly push?: boolean
  readonly send?: readonly string[]
  readonly talk?: string
  readonly entries?: readonly string[]
  readonly open: 'ask' | 'always' | 'never'
  readonly program?: readonly ProgramAddress[]
  readonly http?: HostPort
  readonly state?: string
}

/** A program that gets Pushes of an application by HTTP. */
export interface ProgramAddress {
  readonly application: string
  readonly url: string
}

export function addPushOptions(command: Command): Command {
  return command
    .option('--push', 'take Pushes: show texts, and open the rest with applications of this desktop')
    .option(
      '--send <whom-and-file...>',
      'send that one a file by Push, e.g. carol picture.png; ends then, unless it has more to do',
    )
    .option('--talk <whom>', 'call that one and talk directly, past the server: what you type is said')
    .option(
      '--entries <file>',
      'people and applications with their Push identifiers: YAML, JSON, .csv or .vcf; may be repeated',
      several,
    )
    .addOption(
      new Option('--open <when>', 'start applications for what comes: after a question here, without one, or not at all')
        .choices(['ask', 'always', 'never'])
        .default('ask'),
    )
    .option('--program <id=url>', 'with --push: post what comes for that application to a program; may be repeated', programs)
    .option('--http <address:port>', 'with --program: take what programs post to /push/<whom>, e.g. 127.0.0.1:8090', readPlace)
    .option('--state <folder>', 'where it keeps what it took and what you answered (default: proxima in your state folder)')
}

function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

function programs(text: string, before: readonly ProgramAddress[] = []): readonly ProgramAddress[] {
  const [, application = '', url = ''] = /^([A-Za-z0-9._+-]+)=(https?:\/\/\S+)$/.exec(text) ?? []
  if (!URL.canParse(url))
    throw new InvalidArgumentError('Expected an application and a URL, such as org.example.door=http://127.0.0.1:9000/.')
  return [...before, { application, url }]
}

/** Throws a `CommandRefusal` that names the file. */
export function readEntryFiles(paths: readonly string[] = []): readonly LocalEntry[] {
  return paths.flatMap((path) => {
    try {
      return readEntries(readFileSync(path, 'utf8'), entriesFormOf(path))
    } catch (error) {
      const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error)
      throw new CommandRefusal(`${path} cannot be read as people and applications: ${why}`, error)
    }
  })
}
