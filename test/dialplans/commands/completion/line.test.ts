/** A command line that is being typed, as words. */
import test from 'ava'
import { readLine } from '../../../../dialplans/commands/completion/line.ts'

const lines: readonly (readonly [text: string, words: readonly string[], current: string])[] = [
  ['', [], ''],
  ['proxima', [], 'proxima'],
  ['proxima ', ['proxima'], ''],
  ['  proxima   sta', ['proxima'], 'sta'],
  ["ue alice --message bob 'hello th", ['ue', 'alice', '--message', 'bob'], 'hello th'],
  ['x "a \\"b\\" c" d', ['x', 'a "b" c'], 'd'],
  ['x a\\ b', ['x'], 'a b'],
  ['x "" ', ['x', ''], ''],
  ['x \\', ['x'], ''],
  ["x pre'fix 'y", ['x'], 'prefix y'],
]

for (const [text, words, current] of lines)
  test(`«${text}»`, (t) => {
    t.deepEqual(readLine(text), { words, current })
  })
