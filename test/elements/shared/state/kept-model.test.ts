/** Durable table: changes that overlap, and fail, in any order, against a model. */
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { type Phone, keptScene as scene, stored } from './kept-scene.ts'

type Step =
  | {
      readonly kind: 'put' | 'remove' | 'enforce' | 'expel'
      readonly key: string
      readonly name: string
      readonly fails: boolean
    }
  | { readonly kind: 'end'; readonly place: number }

interface Written {
  readonly key: string
  readonly value: Phone | undefined
  readonly atOnce: boolean
  readonly fails: boolean
  readonly outcome: Promise<boolean | 'failed'>
  ended: boolean
  overtaken: boolean
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constantFrom('put' as const, 'remove' as const, 'enforce' as const, 'expel' as const),
      key: fc.constantFrom('a', 'b'),
      name: fc.constantFrom('x', 'y', 'z'),
      fails: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('end' as const), place: fc.nat(8) }),
  ),
  { maxLength: 24 },
)

function owners(phones: Iterable<Phone>): readonly string[] {
  return [...phones].map(({ owner }) => owner).sort()
}

/** The value of the newest change of a key that counts. */
function newest(all: readonly Written[], key: string, counts: (written: Written) => boolean): Phone | undefined {
  return all.findLast((written) => written.key === key && counts(written))?.value
}

async function playModel(t: ExecutionContext, all: readonly Step[]): Promise<void> {
  const { kept, store, clock, byNumber, bySerial, errors } = scene()
  store.holds = true
  const done: Written[] = []
  const waiting: { readonly write: { end(): void }; readonly written: Written }[] = []
  const look = (): void => {
    for (const key of ['a', 'b'])
      t.deepEqual(
        kept.get(key),
        newest(done, key, ({ atOnce, ended, fails }) => atOnce || (ended && !fails)),
      )
    const values = [...kept.values()]
    t.is(kept.size, values.length)
    for (const name of ['x', 'y', 'z']) {
      t.deepEqual(owners(byNumber.of(name)), owners(values.filter(({ numbers }) => numbers!.includes(name))))
      const found = bySerial.get(name)
      t.true(found === undefined || values.includes(found))
    }
  }
  const end = async (place: number): Promise<void> => {
    const [one] = waiting.splice(place % waiting.length, 1)
    one!.written.overtaken = done
      .slice(done.indexOf(one!.written) + 1)
      .some(({ key, atOnce }) => atOnce && key === one!.written.key)
    one!.written.ended = true
    one!.write.end()
    await clock.settle()
    look()
  }
  for (const step of all) {
    if (step.kind === 'end') {
      if (waiting.length > 0) await end(step.place)
      continue
    }
    const { kind, key, name, fails } = step
    const value = kind === 'put' || kind === 'enforce' ? { owner: key, numbers: [name], serial: name } : undefined
    store.fails = () => fails
    const before = store.waiting.length
    const outcome =
      kind === 'put'
        ? kept.put(key, value!)
        : kind === 'remove'
          ? kept.remove(key)
          : kind === 'enforce'
            ? kept.enforce(key, value!)
            : kept.expel(key)
    const written: Written = {
      key,
      value,
      atOnce: kind === 'enforce' || kind === 'expel',
      fails,
      outcome: outcome.catch(() => 'failed' as const),
      ended: false,
      overtaken: false,
    }
    if (store.waiting.length > before) {
      done.push(written)
      waiting.push({ write: store.waiting.at(-1)!, written })
    }
    look()
  }
  while (waiting.length > 0) await end(0)
  for (const { atOnce, fails, outcome, overtaken } of done)
    t.is(await outcome, fails ? (atOnce ? false : 'failed') : atOnce || !overtaken)
  const inStore = await stored(store)
  for (const key of ['a', 'b']) {
    t.deepEqual(
      inStore[key],
      newest(done, key, ({ fails }) => !fails),
    )
    // what the store has is what is in force, but for a change that was enforced while it failed
    const lost = done.some(({ atOnce, fails }) => atOnce && fails)
    if (!lost) t.deepEqual(inStore[key], kept.get(key))
  }
  t.is(errors.length, done.filter(({ atOnce, fails }) => atOnce && fails).length)
}

test('changes that overlap and fail in any order end as they were written', async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, (all) => playModel(t, all)),
    { numRuns: 200 },
  )
})
