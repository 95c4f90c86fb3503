/** `proxima trace`: the messages of a capture as a ladder. */
import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import { printHostPort, SipRequest } from '../../../signalling/index.ts'
import { ladder, mermaid, readPcapng, scan, type TappedMessage } from '../../../signalling/tools.ts'
import { unreadable } from '../../network/text.ts'
import { complain, say } from '../support/output.ts'
import { CommandRefusal } from '../support/refusal.ts'
import { chosen, type TraceFilter } from './filter.ts'

interface TraceOptions extends Omit<TraceFilter, 'methods'> {
  readonly mermaid?: boolean
  readonly method?: readonly string[]
}

const examples = `
Examples:
  $ proxima trace calls.pcapng
  $ proxima trace calls.pcapng --user bob --method MESSAGE,NOTIFY --since 10 --until 20
  $ proxima trace calls.pcapng --mermaid > calls.mmd`

export function traceCommand(): Command {
  return new Command('trace')
    .description('draw the messages of a capture as a ladder')
    .argument('<file>', 'a pcapng file that `proxima start --trace` wrote')
    .option('--mermaid', 'as a Mermaid sequence diagram')
    .option('--user <name>', 'messages from, to or for that user only, e.g. bob or sip:bob@localhost')
    .option('--call-id <text>', 'messages whose Call-ID has that in it only')
    .option('--method <names>', 'requests of these methods and their responses only, e.g. MESSAGE,NOTIFY', readMethods)
    .option('--since <seconds>', 'from so long after the first message on', readMoment)
    .option('--until <seconds>', 'up to so long after the first message', readMoment)
    .addHelpText('after', examples)
    .action(trace)
}

function trace(file: string, { mermaid: asMermaid, method: methods, ...filter }: TraceOptions): void {
  const notes: string[] = []
  const all = readPcapng(readCapture(file), (text) => notes.push(text))
  if (all.length === 0)
    throw new CommandRefusal(`${file}: ${notes[0] ?? 'no SIP message is in it'}; give a capture that --trace wrote`)
  for (const note of notes) complain(`${file}: ${note}`)
  const messages = chosen(all, { ...filter, ...(methods === undefined ? {} : { methods }) })
  if (messages.length === 0)
    throw new CommandRefusal(`${file}: none of its ${all.length} messages is ${inWords({ ...filter, methods })}; ask for less`)
  const options = { names: peersOf(all), start: all[0]!.at }
  const width = process.stdout.isTTY ? { width: process.stdout.columns } : {}
  say(asMermaid ? mermaid(messages, options) : ladder(messages, { ...options, ...width }))
}

/** The filter as it was asked for. */
function inWords({ user, callId, methods, since, until }: TraceFilter): string {
  const parts = [
    user === undefined ? '' : `of user ${user}`,
    callId === undefined ? '' : `of Call-ID ${callId}`,
    methods === undefined ? '' : `of method ${methods.join(' or ')}`,
    since === undefined ? '' : `after ${since} s`,
    until === undefined ? '' : `before ${until} s`,
  ]
  return parts.filter((part) => part !== '').join(' and ')
}

function readMethods(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim().toUpperCase())
}

function readMoment(text: string): number {
  const seconds = text.trim() === '' ? Number.NaN : Number(text)
  if (!(seconds >= 0)) throw new InvalidArgumentError('Expected seconds since the first message, such as 2.5.')
  return seconds
}

function readCapture(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new CommandRefusal(`${file}: ${unreadable(error)}; give a pcapng file`, error)
  }
}

/** Peers by the user of their first request: `127.0.0.1:32938` -> `alice`. */
function peersOf(messages: readonly TappedMessage[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const { direction, from, bytes } of messages) {
    const place = printHostPort({ host: from.address, port: from.port })
    if (direction !== 'in' || names.has(place)) continue
    const request = scan(Buffer.from(bytes))
    if (request instanceof SipRequest && request.from.uri.user !== '') names.set(place, request.from.uri.user)
  }
  return names
}
