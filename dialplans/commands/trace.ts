/** `proxima trace`: the messages of a capture as a ladder. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { ladder, mermaid, printHostPort, readPcapng, SipRequest, scan, type TappedMessage } from '../../signalling/index.ts'
import { unreadable } from '../text.ts'
import { Refusal } from './refusal.ts'

export function traceCommand(): Command {
  return new Command('trace')
    .description('draw the messages of a capture as a ladder')
    .argument('<file>', 'a pcapng file that `proxima start --trace` wrote')
    .option('--mermaid', 'as a Mermaid sequence diagram')
    .addHelpText('after', '\nExamples:\n  $ proxima trace calls.pcapng\n  $ proxima trace calls.pcapng --mermaid > calls.mmd')
    .action((file: string, options: { readonly mermaid?: boolean }) => {
      const notes: string[] = []
      const messages = readPcapng(readCapture(file), (text) => notes.push(text))
      if (messages.length === 0)
        throw new Refusal(`${file}: ${notes[0] ?? 'no SIP message is in it'}; give a capture that --trace wrote`)
      for (const note of notes) console.error(`${file}: ${note}`)
      const names = peersOf(messages)
      const width = process.stdout.isTTY ? { width: process.stdout.columns } : {}
      console.log(options.mermaid ? mermaid(messages, { names }) : ladder(messages, { names, ...width }))
    })
}

function readCapture(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new Refusal(`${file}: ${unreadable(error)}; give a pcapng file`, error)
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
