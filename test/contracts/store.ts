/** What every store promises. `open` gives a fresh store that keeps time by `clock`; `reopen` the same one after a close. */
import type { ExecutionContext, TestFn } from 'ava'
import fc from 'fast-check'
import { ManualClock } from '../../signalling/clock.ts'
import type { Store, StoreChange, StoreEntry } from '../../signalling/storage/store.ts'

export interface StoreUnderTest {
  readonly store: Store
  /** Closes and opens again; undefined where nothing is meant to survive. */
  reopen?(): Promise<Store>
  done(): Promise<void>
}

export function storeContract(test: TestFn, name: string, open: (clock: ManualClock) => Promise<StoreUnderTest>): void {
  const check = (title: string, body: (t: ExecutionContext, store: Store, clock: ManualClock) => Promise<void>): void => {
    test(`${name}: ${title}`, async (t) => {
      const clock = new ManualClock()
      const subject = await open(clock)
      try {
        await body(t, subject.store, clock)
      } finally {
        await subject.store.close()
        await subject.done()
      }
    })
  }

  check('gives back what was put, and nothing else', async (t, store) => {
    t.is(await store.get('a'), undefined)
    const value = { text: 'Grüße 漢字 🚀', list: [1, 2.5, null, true], nested: { empty: {} } }
    t.deepEqual(await store.write([{ key: 'a', value }]), { ok: true })
    const entry = await store.get('a')
    t.deepEqual(entry?.value, value)
    t.true(entry!.version > 0)
    t.is(entry!.expires, undefined)
    t.is(await store.get('a/b'), undefined)
  })
  check('keeps what was put, whatever happens to the object afterwards', async (t, store) => {
    const value = { n: 1, left: undefined }
    const written = store.write([{ key: 'a', value }])
    value.n = 2
    await written
    t.deepEqual((await store.get('a'))?.value, { n: 1 })
  })
  check('shows a write at once, before it is durable', async (t, store) => {
    const written = store.write([{ key: 'a', value: 1 }])
    t.is((await store.get('a'))?.value, 1)
    await written
    const gone = store.write([{ key: 'a', delete: true }])
    t.is(await store.get('a'), undefined)
    await gone
  })
  check('raises the version with every put, over deletion too', async (t, store) => {
    const versions: number[] = []
    for (let i = 0; i < 3; i++) {
      await store.write([{ key: 'a', value: i }])
      versions.push((await store.get('a'))!.version)
    }
    await store.write([{ key: 'a', delete: true }])
    await store.write([{ key: 'a', value: 'again' }])
    versions.push((await store.get('a'))!.version)
    t.deepEqual(
      versions,
      [...new Set(versions)].sort((a, b) => a - b),
    )
  })
  check('puts and deletes only at the version asked for', async (t, store) => {
    t.deepEqual(await store.write([{ key: 'a', value: 1, ifVersion: 0 }]), { ok: true })
    t.deepEqual(await store.write([{ key: 'a', value: 2, ifVersion: 0 }]), { ok: false, conflict: 'a' })
    const { version } = (await store.get('a'))!
    t.deepEqual(await store.write([{ key: 'a', value: 3, ifVersion: version }]), { ok: true })
    t.deepEqual(await store.write([{ key: 'a', delete: true, ifVersion: version }]), { ok: false, conflict: 'a' })
    t.is((await store.get('a'))?.value, 3)
  })
  check('lets one of two that raced for the same version win', async (t, store) => {
    const race = [1, 2, 3].map((value) => store.write([{ key: 'a', value, ifVersion: 0 }]))
    t.deepEqual(
      (await Promise.all(race)).map(({ ok }) => ok),
      [true, false, false],
    )
    t.is((await store.get('a'))?.value, 1)
  })
  check('writes a batch whole or not at all', async (t, store) => {
    await store.write([{ key: 'b', value: 0 }])
    const outcome = await store.write([
      { key: 'a', value: 1 },
      { key: 'b', value: 1, ifVersion: 0 },
      { key: 'c', value: 1, ifVersion: 7 },
    ])
    t.deepEqual(outcome, { ok: false, conflict: 'b' })
    t.is(await store.get('a'), undefined)
    t.is((await store.get('b'))?.value, 0)
    await store.write([
      { key: 'a', value: 1 },
      { key: 'a', value: 2 },
      { key: 'b', delete: true },
    ])
    t.is((await store.get('a'))?.value, 2)
    t.is(await store.get('b'), undefined)
  })
  check('forgets an entry when its time is over, and takes it as absent', async (t, store, clock) => {
    const expires = clock.date() + 5000
    await store.write([
      { key: 'a', value: 1, expires },
      { key: 'b', value: 1 },
    ])
    t.is((await store.get('a'))?.expires, expires)
    await clock.advance(4999)
    t.truthy(await store.get('a'))
    await clock.advance(1)
    t.is(await store.get('a'), undefined)
    t.deepEqual(await keys(store, ''), ['b'])
    t.deepEqual(await store.write([{ key: 'a', value: 2, ifVersion: 0, expires: clock.date() + 1000 }]), { ok: true })
    await clock.advance(600_000) // sweeps have passed
    t.deepEqual(await keys(store, ''), ['b'])
  })
  check('scans by prefix in key order, with what is being written', async (t, store) => {
    const names = Array.from({ length: 1000 }, (_, i) => `list/${String(i).padStart(4, '0')}`)
    await store.write(names.toReversed().map((key) => ({ key, value: key })))
    await store.write([
      { key: 'lisp', value: 0 },
      { key: 'list', value: 0 },
      { key: 'list0', value: 0 },
    ])
    const writing = store.write([
      { key: 'list/0500/a', value: 0 },
      { key: 'list/0001', delete: true },
      { key: 'list/9999', value: 0 },
    ])
    const expected = [...names.filter((key) => key !== 'list/0001'), 'list/0500/a', 'list/9999'].sort()
    t.deepEqual(await keys(store, 'list/'), expected)
    await writing
    t.deepEqual(await keys(store, 'list/'), expected)
    t.deepEqual(await keys(store, 'list/05000'), [])
  })
  check('orders keys by their bytes and keeps each apart', async (t, store) => {
    const key = fc.string({
      unit: fc.constantFrom('/', 'a', 'b', ' ', 'ä', '\ue000', '\uffee', '🚀', '漢'),
      minLength: 1,
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key, { maxLength: 30 }), key, async (all, prefix) => {
        await store.write(all.map((key) => ({ key, value: key })))
        const sorted = all.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        t.deepEqual(await keys(store, ''), sorted)
        t.deepEqual(
          await keys(store, prefix),
          sorted.filter((key) => key.startsWith(prefix)),
        )
        await store.write(all.map((key) => ({ key, delete: true as const })))
        t.deepEqual(await keys(store, ''), [])
      }),
      { numRuns: 40 },
    )
  })
  check('scans from behind a key, which need not be there', async (t, store) => {
    const all = Array.from({ length: 600 }, (_, i) => `k/${String(i).padStart(3, '0')}`)
    await store.write(all.map((key) => ({ key, value: key })))
    void store.write([{ key: 'k/599x', value: '' }])
    const behind = async (after: string): Promise<string[]> => {
      const found: string[] = []
      for await (const [key] of store.scan('k/', after)) found.push(key)
      return found
    }
    t.deepEqual(await behind('k/099'), [...all.slice(100), 'k/599x'])
    t.deepEqual(await behind('k/099x'), [...all.slice(100), 'k/599x'])
    t.deepEqual(await behind('k/599'), ['k/599x'])
    t.deepEqual(await behind('k/599x'), [])
  })
  check('goes on scanning while entries come and go', async (t, store) => {
    await store.write(Array.from({ length: 700 }, (_, i) => ({ key: `k/${String(i).padStart(3, '0')}`, value: i })))
    const seen: string[] = []
    for await (const [key] of store.scan('k/')) {
      seen.push(key)
      if (seen.length === 10)
        await store.write([
          { key: 'k/699', delete: true },
          { key: 'k/0000', value: 0 },
        ])
    }
    t.is(seen.length, new Set(seen).size)
    t.false(seen.includes('k/699'))
    t.true(seen.includes('k/698'))
  })
  check('tells watchers of committed changes below their prefix, in order', async (t, store, clock) => {
    const seen: string[] = []
    const tell = (change: StoreChange): void => {
      seen.push(`${change.key}=${change.entry === undefined ? 'gone' : JSON.stringify(change.entry.value)}`)
    }
    const stop = store.watch('a/', tell)
    await store.write([
      { key: 'a/1', value: 1 },
      { key: 'b/1', value: 1 },
    ])
    await store.write([
      { key: 'a/1', value: 2 },
      { key: 'a/absent', delete: true },
      { key: 'a/2', value: { n: 1 } },
    ])
    await store.write([{ key: 'a/1', value: 3, ifVersion: 1e15 }])
    await store.write([{ key: 'a/1', delete: true }])
    await clock.settle()
    t.deepEqual(seen, ['a/1=1', 'a/1=2', 'a/2={"n":1}', 'a/1=gone'])
    stop()
    await store.write([{ key: 'a/3', value: 1 }])
    await clock.settle()
    t.is(seen.length, 4)
  })
  check('lets a watcher write', async (t, store, clock) => {
    const seen: string[] = []
    store.watch('a', ({ key }) => {
      if (key === 'a') void store.write([{ key: 'ab', value: 1 }])
    })
    store.watch('a', ({ key }) => seen.push(key))
    await store.write([{ key: 'a', value: 1 }])
    await clock.settle()
    await store.write([{ key: 'ac', value: 1 }])
    await clock.settle()
    t.deepEqual(seen, ['a', 'ab', 'ac'])
  })
  check('takes keys of 900 bytes and refuses what is no key', async (t, store) => {
    const longest = 'k'.repeat(900)
    t.deepEqual(await store.write([{ key: longest, value: 1 }]), { ok: true })
    t.is((await store.get(longest))?.value, 1)
    for (const key of ['', 'ä'.repeat(451), 'a\0b', 'half \ud83d']) {
      await t.throwsAsync(
        store.write([
          { key: 'good', value: 1 },
          { key, value: 1 },
        ]),
        { code: 'store-key' },
      )
    }
    t.is(await store.get('good'), undefined)
  })
  check('takes values of a megabyte', async (t, store) => {
    const value = 'ü'.repeat(500_000)
    await store.write([{ key: 'big', value }])
    t.is((await store.get('big'))?.value, value)
  })
  check('takes ten thousand writes at once', async (t, store) => {
    const outcomes = await Promise.all(
      Array.from({ length: 10_000 }, (_, i) => store.write([{ key: `n/${i % 1000}`, value: i }])),
    )
    t.true(outcomes.every(({ ok }) => ok))
    t.is((await store.get('n/999'))?.value, 9999)
    t.is((await keys(store, 'n/')).length, 1000)
  })
  check('refuses writes after its end', async (t, store) => {
    const last = store.write([{ key: 'a', value: 1 }])
    await store.close()
    t.deepEqual(await last, { ok: true })
    await t.throwsAsync(store.write([{ key: 'a', value: 2 }]), { code: 'store-closed' })
  })

  test(`${name}: has everything again after it was closed and opened`, async (t) => {
    const subject = await open(new ManualClock())
    let { store } = subject
    if (subject.reopen !== undefined) {
      await store.write([
        { key: 'a', value: 1 },
        { key: 'gone', value: 1 },
        { key: 'timed', value: 1, expires: 4e12 },
      ])
      await store.write([{ key: 'gone', delete: true }])
      const before = (await store.get('a')) as StoreEntry
      store = await subject.reopen()
      t.deepEqual(await store.get('a'), before)
      t.deepEqual(await keys(store, ''), ['a', 'timed'])
      await store.write([{ key: 'a', value: 2 }])
      t.true((await store.get('a'))!.version > before.version)
    } else t.pass()
    await store.close()
    await subject.done()
  })
}

async function keys(store: Store, prefix: string): Promise<string[]> {
  const found: string[] = []
  for await (const [key] of store.scan(prefix)) found.push(key)
  return found
}
