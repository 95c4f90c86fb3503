import { fstatSync } from 'node:fs'
import test from 'ava'
import { graded } from '../../../dialplans/commands/support/logging.ts'
import { isKeptByJournal } from '../../../dialplans/commands/support/output.ts'
import { printable, printableJson, printableLine } from '../../../dialplans/commands/support/printable.ts'
import { UeLines } from '../../../dialplans/commands/ue/lines.ts'

const hostile = 'a\u001b]0;title\u0007 \u009b31m \r \b \u202e Grüße 🙂'
const shown = 'a\\u001b]0;title\\u0007 \\u009b31m \\u000d \\u0008 \\u202e Grüße 🙂'
const commands = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/

test('what a terminal obeys is shown instead', (t) => {
  t.is(printable(`${hostile}\n\tx`), `${shown}\n\tx`)
  t.is(printableLine(`${hostile}\n\tx`), `${shown}\\u000a\\u0009x`)
  t.is(printable('Grüße, 你好'), 'Grüße, 你好')
})

test('a line of JSON stays JSON, and its strings command nothing once they are read', (t) => {
  for (const text of [hostile, '\\u001b', '\\\u001b', '"\\\\"\u001b[2J', 'line\n\tnext']) {
    const line = printableJson(JSON.stringify({ [text]: [text] }))
    const read = JSON.parse(line) as { readonly [key: string]: readonly string[] }
    t.notRegex(line, commands)
    t.notRegex(Object.keys(read)[0]!, commands)
    t.deepEqual(Object.values(read)[0], Object.keys(read))
  }
  t.is(printableJson('{"a":"\\\\u001b \\n"}'), '{"a":"\\\\u001b \\n"}')
})

test('what peers say to a UE is one line that commands nothing', (t) => {
  const lines: string[] = []
  const print = (line: string): void => void lines.push(line)
  const happening = { kind: 'message', from: hostile, type: undefined, text: `${hostile}\nfake line` } as const
  new UeLines(false, print, () => 0).tell(happening)
  t.is(lines.length, 1)
  t.true(lines[0]!.endsWith(`message from ${shown}: ${shown}\\u000afake line`))
})

test('lines for the journal of systemd begin with how grave they are', (t) => {
  const lines: string[] = []
  const stream = graded({ write: (line) => void lines.push(line) })
  for (const level of [10, 20, 30, 40, 50, 60]) stream.write(`{"level":${level},"msg":"<3> x"}\n`)
  t.deepEqual(
    lines.map((line) => line.slice(0, 13)),
    ['<7>{"level":1', '<7>{"level":2', '<6>{"level":3', '<4>{"level":4', '<3>{"level":5', '<3>{"level":6'],
  )
  t.true(lines.every((line) => line.endsWith(',"msg":"<3> x"}\n')))
})

test('a stream is kept by the journal that the environment names, and by no other', (t) => {
  const { dev, ino } = fstatSync(2)
  t.true(isKeptByJournal(2, `${dev}:${ino}`))
  t.false(isKeptByJournal(2, `${dev}:${ino + 1}`))
  t.false(isKeptByJournal(2, undefined))
})
