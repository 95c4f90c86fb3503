/** Damaged input of every kind against what always holds. What has once gone wrong (`corpus/`) is tried first. */
import test from 'ava'
import { loadDialplanText } from './dialplan-text.ts'
import { type Target, targets } from './invariants.ts'
import { dice } from './mutate.ts'
import { corpus } from './seeds.ts'

test('what has once gone wrong', (t) => {
  const wire = targets.filter(({ name }) => name === 'messages' || name === 'streams')
  for (const { name, bytes } of corpus) for (const target of wire) t.notThrows(() => target.check(bytes, dice(1)), name)
  t.true(corpus.length >= 7)
  t.truthy(loadDialplanText('name: *nothing\n').faults)
})

/** Inputs of each kind in this suite; `npm run fuzz` goes on for minutes. */
const rounds: { readonly [target: string]: number } = { messages: 6000, streams: 1500, 'YAML dialplans': 60 }

for (const target of targets) {
  test(`${target.name}, damaged`, (t) => {
    t.notThrows(() => run(target, 1, rounds[target.name] ?? 3000))
  })
}

function run(target: Target, seed: number, count: number): void {
  const roll = dice(seed)
  for (let i = 0; i < count; i++) {
    const bytes = target.make(roll)
    try {
      target.check(bytes, roll)
    } catch (fault) {
      const why = fault instanceof Error ? fault.stack : String(fault)
      throw new Error(`${target.name}, seed ${seed}, number ${i}: ${why}\n${bytes.toString('base64')}`)
    }
  }
}
