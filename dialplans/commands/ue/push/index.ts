/** The Push client of `proxima ue --push`: texts in the terminal, all else by applications of the desktop. */
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import {
  type CallingAgent,
  contentOf,
  type Desktop,
  deviceInstance,
  notificationPrompter,
  type PushNotice,
  UePushClient,
  XdgDesktop,
} from '../../../../elements/ue/index.ts'
import { type Clock, type HostPort, type Ids, type Log, memoryStore, openLmdb, type Store } from '../../../../signalling/index.ts'
import { CommandRefusal } from '../../support/refusal.ts'
import type { UeLines } from '../lines.ts'
import { type PushCommandOptions, readEntryFiles } from './options.ts'
import { servePrograms } from './programs.ts'
import { noticeWords } from './push-words.ts'
import { TerminalQuestions } from './questions.ts'
import { TerminalTalks } from './talks.ts'

interface PushOnTerminalParts {
  readonly agent: CallingAgent
  /** Address of the server. */
  readonly server: HostPort
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly lines: UeLines
  readonly options: PushCommandOptions
}

interface PushOnTerminal {
  readonly client: UePushClient
  readonly talks: TerminalTalks | undefined
  close(): Promise<void>
}

const terminal = 'org.proxima.terminal'

/** Throws a `CommandRefusal` where a file or an address cannot be had. */
export async function openPush(parts: PushOnTerminalParts): Promise<PushOnTerminal> {
  const { agent, clock, lines, log, options } = parts
  const entries = readEntryFiles(options.entries)
  const folder = stateFolder(options, agent.identity)
  const store = options.push === true ? await openState(folder, clock, log) : memoryStore(clock)
  const instance = await deviceInstance(store, parts.ids, agent.identity)
  const isReading = options.push === true || options.talk !== undefined
  const questions = isReading ? new TerminalQuestions(process.stdin) : undefined
  const client = new UePushClient({
    ...{ agent, clock, entries, log, store, places: ['local', 'network'] },
    ...(options.push === true ? { desktop: desktopOf(parts, join(folder, 'content')), instance } : {}),
    ...(questions === undefined || options.open !== 'ask' ? {} : { ask: (notice) => ask(lines, questions, notice) }),
    prompters: [
      (notice) => tell(lines, notice),
      ...(process.stdout.isTTY ? [() => void process.stdout.write('\x07')] : []),
      notificationPrompter(noticeWords),
    ],
  })
  client.onReceipt((receipt) => lines.tell({ kind: 'receipt', ...receipt }))
  let shown = Promise.resolve()
  client.run({
    id: terminal,
    types: ['text/plain'],
    take: (push) => {
      const { application, source: from, subject, type } = push
      const named = { ...(application === '' ? {} : { application }), ...(subject === undefined ? {} : { subject }) }
      const sender = client.nameOf(push) // may ask the network: texts are shown in their order all the same
      shown = shown.then(async () => {
        lines.tell({ kind: 'message', from, sender: await sender, type, text: String(contentOf(push)), ...named })
      })
      return true
    },
  })
  await client.start(options.push === true ? 'all' : 'receipts')
  const answers = options.push === true ? options.open : 'never'
  const talks =
    questions &&
    new TerminalTalks({ ...{ agent, answers, client, clock, lines, log, questions }, ids: parts.ids, server: parts.server })
  const { http, program: programs = [] } = options
  const endPrograms = await servePrograms({ client, clock, http, log, programs })
  return {
    client,
    talks,
    close: async () => {
      talks?.stop()
      questions?.close()
      await endPrograms()
      await client.stop()
      await store.close()
    },
  }
}

/** Told of what it does not show itself. */
function tell(lines: UeLines, notice: PushNotice): void {
  if (notice.application === terminal) return
  const { application, file, push, sender, unopened } = notice
  lines.tell({
    ...{ kind: 'pushed', sender, source: push.source, type: push.type, bytes: contentOf(push).length },
    ...(application === undefined ? {} : { application }),
    ...(unopened === undefined ? {} : { unopened }),
    ...(file === undefined ? {} : { file }),
  })
}

function ask(lines: UeLines, questions: TerminalQuestions, { application = '' }: PushNotice) {
  const question = `open with ${application}? [y/N/always]`
  return questions.put(() => lines.tell({ kind: 'question', question }), true).answer
}

/** Without applications where none is to be started. */
function desktopOf({ clock, ids, log, options }: PushOnTerminalParts, folder: string): Desktop {
  const { HOME = homedir(), PATH = '', XDG_DATA_DIRS = '', XDG_DATA_HOME = '' } = process.env
  const shared = XDG_DATA_DIRS === '' ? ['/usr/local/share', '/usr/share'] : XDG_DATA_DIRS.split(delimiter)
  const dataFolders = options.open === 'never' ? [] : [XDG_DATA_HOME || join(HOME, '.local', 'share'), ...shared]
  return new XdgDesktop({ clock, ids, log, dataFolders, programFolders: PATH.split(delimiter), folder })
}

/** Own folder of a user's client (XDG Base Directory Specification). */
function stateFolder({ state }: PushCommandOptions, identity: string): string {
  if (state !== undefined) return state
  const base = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state')
  return join(base, 'proxima', identity.replace(/^sips?:/, '').replace(/[^\w@.+-]/g, '_'))
}

async function openState(folder: string, clock: Clock, log: Log): Promise<Store> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return await openLmdb({ folder: join(folder, 'store'), clock, durability: 'process', log })
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error)
    throw new CommandRefusal(`${folder} cannot keep Pushes (${why}); name another folder by --state`, error)
  }
}
