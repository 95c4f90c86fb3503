/** Questions on the terminal: one at a time, each answered by a line that came for it. */
import { PassThrough } from 'node:stream'
import test from 'ava'
import { TerminalQuestions } from '../../../../dialplans/commands/ue/push/questions.ts'

class Terminal {
  readonly input = new PassThrough()
  readonly questions = new TerminalQuestions(this.input)
  readonly shown: string[] = []
  put(name: string, byEarlier = false) {
    return this.questions.put(() => this.shown.push(name), byEarlier)
  }
  async type(...lines: readonly string[]): Promise<void> {
    for (const line of lines) this.input.write(`${line}\n`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a second question waits until the first has its answer', async (t) => {
  const terminal = new Terminal()
  const [first, second] = [terminal.put('open?'), terminal.put('call?')]
  t.deepEqual(terminal.shown, ['open?'])
  await terminal.type('y')
  t.is(await first.answer, 'yes')
  t.deepEqual(terminal.shown, ['open?', 'call?'])
  await terminal.type('always')
  t.is(await second.answer, 'always')
})
test('a question that is withdrawn takes no line, and the next one is shown', async (t) => {
  const terminal = new Terminal()
  const [first, second] = [terminal.put('call?'), terminal.put('open?')]
  first.withdraw()
  t.is(await first.answer, 'no')
  t.deepEqual(terminal.shown, ['call?', 'open?'])
  await terminal.type('yes')
  t.is(await second.answer, 'yes')
})
test('lines from before answer a question where they may, and are never said to a caller', async (t) => {
  const terminal = new Terminal()
  await terminal.type('y', 'secret')
  const call = terminal.put('call?')
  const open = terminal.put('open?', true)
  await terminal.type('n')
  t.is(await call.answer, 'no')
  await terminal.type('a')
  t.is(await open.answer, 'always')
  const said: string[] = []
  terminal.questions.talkBy((line) => said.push(line))
  await terminal.type('hello')
  t.deepEqual(said, ['hello'])
})
test('where nobody can answer it is no', async (t) => {
  const terminal = new Terminal()
  const waiting = terminal.put('open?')
  terminal.input.end()
  t.is(await waiting.answer, 'no')
  t.is(await terminal.put('call?').answer, 'no')
})
