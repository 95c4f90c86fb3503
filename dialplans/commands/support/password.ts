/** Passwords, from the terminal or standard input: never from an argument, which other users of the machine can read. */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { CommandRefusal } from './refusal.ts'

/** The first line of standard input. */
export async function passwordFromInput(): Promise<string> {
  process.stdin.setEncoding('utf8')
  let text = ''
  for await (const chunk of process.stdin) text += chunk
  const [line = ''] = text.split(/\r?\n/, 1)
  if (line === '') throw new CommandRefusal('no password on standard input; write it there, followed by a line end')
  return line
}

/** Asks at the terminal, without echo, twice. Empty: none. */
export async function passwordFromTerminal(id: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) throw new CommandRefusal('there is no terminal to ask at; use --password-stdin')
  const first = await ask(`password of ${id} (empty: none): `)
  if (first === '') return undefined
  if ((await ask('once more: ')) !== first) throw new CommandRefusal('these are two different passwords; nothing was changed')
  return first
}

function ask(question: string): Promise<string> {
  process.stderr.write(question)
  const mute = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: mute, terminal: true })
  return new Promise((resolve, reject) => {
    lines.once('SIGINT', () => {
      process.stderr.write('\n')
      lines.close()
      reject(new CommandRefusal('no password was given; nothing was changed'))
    })
    lines.question('', (text) => {
      process.stderr.write('\n')
      lines.close()
      resolve(text)
    })
  })
}
