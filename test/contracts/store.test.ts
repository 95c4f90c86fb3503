import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'ava'
import { type Clock, ManualClock } from '../../signalling/clock.ts'
import { silent } from '../../signalling/log.ts'
import { openLmdb } from '../../signalling/storage/lmdb/index.ts'
import { memoryStore } from '../../signalling/storage/memory.ts'
import { until } from '../support/patience.ts'
import { failingDisk, smallDisk } from '../support/small-disk.ts'
import { storeContract } from './store.ts'

const childFile = join(import.meta.dirname, 'store-child.ts')

async function folderFor(t: { teardown(after: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'proxima-store-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return folder
}
function openAt(folder: string, clock: Clock, durability: 'process' | 'power' = 'process', schema?: number) {
  return openLmdb({ folder, clock, durability, log: silent, ...(schema === undefined ? {} : { schema }) })
}

storeContract(test, 'memory', async (clock) => ({ store: memoryStore(clock), done: async () => undefined }))
for (const durability of ['process', 'power'] as const) {
  storeContract(test, `lmdb ${durability}`, async (clock) => {
    const folder = await mkdtemp(join(tmpdir(), 'proxima-store-'))
    const store = await openAt(folder, clock, durability)
    return {
      store,
      reopen: async () => {
        await store.close()
        return openAt(folder, clock, durability)
      },
      done: () => rm(folder, { recursive: true }),
    }
  })
}

/** Starts the child and resolves when it has the store open. `limit`: blocks of 512 bytes that a file may have. */
async function start(folder: string, durability: string, mode: string, limit?: number) {
  const run = `${limit === undefined ? '' : `ulimit -f ${limit}; `}exec "$0" "$@"`
  const child = spawn('sh', ['-c', run, process.execPath, '--no-warnings', childFile, folder, durability, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout })
  const ended = new Promise<void>((resolve) => reader.once('close', resolve))
  const until = (enough: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (enough()) resolve()
      }
      reader.on('line', look).once('close', resolve)
      look()
    })
  reader.on('line', (line) => lines.push(line))
  await until(() => lines.length > 0)
  return { child: child as ChildProcess, lines, ended, until }
}

for (const durability of ['process', 'power'] as const) {
  test(`lmdb ${durability}: kill -9 loses nothing that was acknowledged`, async (t) => {
    const folder = await folderFor(t)
    for (const enough of [1, 37, 400, 1500]) {
      const { child, lines, ended, until } = await start(folder, durability, 'write')
      await until(() => lines.length > enough)
      child.kill('SIGKILL')
      await ended
      const store = await openAt(folder, new ManualClock())
      let acknowledged = 0
      for (const line of lines.slice(1)) {
        const [lane, n] = line.split(' ')
        if (n === undefined || n === '') continue
        const entry = await store.get(`lane/${lane}/${n}`)
        t.deepEqual(entry?.value, { lane: Number(lane), n: Number(n), filler: 'x'.repeat(150) })
        t.true(Number((await store.get(`last/${lane}`))?.value) >= Number(n))
        acknowledged++
      }
      t.true(acknowledged >= enough)
      await store.close()
      await rm(folder, { recursive: true })
    }
    await openAt(folder, new ManualClock()).then((store) => store.close())
  })
  test(`lmdb ${durability}: a full disk refuses the write and ends nothing`, async (t) => {
    const { lines, ended } = await start(await folderFor(t), durability, 'fill', 4096)
    await ended
    const { n, code, first } = JSON.parse(lines[1] ?? '{}') as { n: number; code: string; first: boolean }
    t.is(code, 'store-failed')
    t.true(n > 10)
    t.true(first)
  })
}

for (const durability of ['process', 'power'] as const) {
  test(`lmdb ${durability}: a disk that is full for real costs answers, never the process`, async (t) => {
    const disk = smallDisk(4)
    if (typeof disk === 'string') {
      t.log(`not tried: ${disk}`)
      return t.pass()
    }
    t.teardown(() => disk.remove())
    for (let round = 0; round < 3; round++) {
      const { child, lines, ended } = await start(join(disk.folder, `${round}`, 'data'), durability, 'overfill')
      await ended
      t.is(child.signalCode, null)
      t.is(lines[2], 'closed')
      const { stored, found, fault, again, healthy } = JSON.parse(lines[1] ?? '{}') as { [name: string]: unknown }
      t.is(found, stored, 'what was acknowledged is there, and nothing else')
      t.true(Number(stored) > 100)
      t.regex(String(fault), /could not write: .*its disk is full: make room/)
      t.deepEqual([again, healthy], [true, true])
      await rm(join(disk.folder, `${round}`), { recursive: true })
    }
  })
  test(`lmdb ${durability}: a map that may not grow costs answers, never the process (A7)`, async (t) => {
    const { child, lines, ended } = await start(await folderFor(t), durability, 'overmap')
    await ended
    t.is(child.signalCode, null)
    t.is(lines[2], 'closed')
    const { stored, found, fault, again, healthy, missing } = JSON.parse(lines[1] ?? '{}') as { [name: string]: unknown }
    if (missing !== undefined) {
      t.log(`not tried: ${missing}`)
      return t.pass()
    }
    t.is(found, stored, 'what was acknowledged is there, and nothing else')
    t.true(Number(stored) > 100)
    t.regex(String(fault), /could not write: its map cannot grow, since the process may have no more address space/)
    t.deepEqual([again, healthy], [true, true])
  })
  test(`lmdb ${durability}: starts on a full disk with what was stored; a new store says that the disk is full`, async (t) => {
    const disk = smallDisk(2)
    if (typeof disk === 'string') {
      t.log(`not tried: ${disk}`)
      return t.pass()
    }
    t.teardown(() => disk.remove())
    const open = (name: string) => openAt(join(disk.folder, name), new ManualClock(), durability)
    const first = await open('data')
    await first.write([{ key: 'a', value: 1 }])
    await first.close()
    const ballast = join(disk.folder, 'ballast')
    await t.throwsAsync(async () => {
      for (;;) await writeFile(ballast, Buffer.alloc(4096), { flag: 'a' })
    })
    const again = await open('data')
    t.is((await again.get('a'))?.value, 1)
    await again.close()
    await t.throwsAsync(open('other'), { code: 'store-failed', message: /its disk is full: make room/ })
  })
  test(`lmdb ${durability}: a folder that is taken away while in use is told of, and nothing more is acknowledged`, async (t) => {
    const folder = await folderFor(t)
    const data = join(folder, 'data')
    const clock = new ManualClock()
    const store = await openAt(data, clock, durability)
    t.teardown(() => store.close())
    await store.write([{ key: 'a', value: 1 }])
    t.is(store.fault?.(), undefined)
    await rename(data, join(folder, 'elsewhere'))
    await clock.advance(1000)
    const fault = await t.throwsAsync(store.write([{ key: 'b', value: 2 }]), { code: 'store-failed' })
    t.regex(fault!.message, /was moved, removed or replaced while in use/)
    t.is(store.fault?.(), fault!.message)
    await mkdir(data)
    await writeFile(join(data, 'data.mdb'), '')
    t.is(store.fault?.(), fault!.message, 'another in its place')
    await rm(data, { recursive: true })
    await rename(join(folder, 'elsewhere'), data)
    await clock.advance(1000)
    t.deepEqual(await store.write([{ key: 'b', value: 3 }]), { ok: true })
    t.is(store.fault?.(), undefined)
    t.is((await store.get('b'))?.value, 3)
  })
}

test('lmdb power: a disk that fails within a write and is well again is written to again, in one process', async (t) => {
  const disk = failingDisk()
  if (typeof disk === 'string') {
    t.log(`not tried: ${disk}`)
    return t.pass()
  }
  const clock = new ManualClock()
  const store = await openAt(join(disk.folder, 'data'), clock, 'power')
  t.teardown(async () => {
    await store.close()
    disk.remove()
  })
  const filler = 'x'.repeat(3000)
  const stored = new Map<string, number>()
  let n = 0
  const one = async (): Promise<string> => {
    const key = `note/${n++}` // takes room on the disk that it had not before
    const fault = await store.write([{ key, value: { n, filler } }]).then(
      () => undefined,
      (thrown: Error) => thrown,
    )
    if (fault === undefined) stored.set(key, n)
    t.like(fault ?? { code: 'store-failed' }, { code: 'store-failed' })
    return fault?.message ?? ''
  }
  for (let i = 0; i < 60; i++) t.is(await one(), '')
  for (let round = 0; round < 3; round++) {
    disk.fail()
    let fault = ''
    for (let i = 0; i < 400 && fault === ''; i++) fault = await one()
    t.regex(fault, /could not write|its disk failed within a write/)
    t.truthy(store.fault?.())
    disk.heal()
    let within = ''
    for (let i = 0; i < 60 && !within.includes('failed within a write'); i++) within = await one()
    t.regex(within, /its disk failed within a write.*tries again in \d+ s$/)
    t.notRegex(store.fault?.() ?? '', /MDB_/)
    const read = await Promise.resolve()
      .then(() => store.get('note/0'))
      .catch((thrown: { code?: string }) => thrown.code)
    t.true(read === 'store-failed' || (read as { value?: { n: number } }).value?.n === 1)
    await until('it writes again', async () => {
      await clock.advance(1000)
      return store.fault?.() === undefined
    })
    t.is(await one(), '')
    const found = new Map<string, number>()
    for await (const [key, { value }] of store.scan('note/')) found.set(key, (value as { n: number }).n)
    t.deepEqual(new Map([...found].sort()), new Map([...stored].sort()), 'what was acknowledged, and nothing else')
  }
})

test('lmdb: refuses a folder that another process has open, in one line that says which', async (t) => {
  const folder = await folderFor(t)
  const { child, ended } = await start(folder, 'process', 'hold')
  const fault = await t.throwsAsync(openAt(folder, new ManualClock()), { code: 'store-busy' })
  t.is(fault?.message, `store ${folder} is in use by process ${child.pid}: stop that one, or give another folder`)
  child.kill('SIGKILL')
  await ended
  const store = await openAt(folder, new ManualClock())
  await t.throwsAsync(openAt(folder, new ManualClock()), { code: 'store-busy' })
  t.deepEqual(await store.write([{ key: 'a', value: 1 }]), { ok: true })
  await store.close()
})

test('lmdb: refuses what another version of the program wrote, and touches nothing', async (t) => {
  const folder = await folderFor(t)
  let store = await openAt(folder, new ManualClock(), 'process', 7)
  await store.write([{ key: 'a', value: 1 }])
  await store.close()
  const newer = await t.throwsAsync(openAt(folder, new ManualClock(), 'process', 6), { code: 'store-schema' })
  t.regex(newer?.message ?? '', /holds schema 7 of a newer program and this one needs 6: .*/)
  await t.throwsAsync(openAt(folder, new ManualClock(), 'process', 8), { code: 'store-schema' })
  store = await openAt(folder, new ManualClock(), 'power', 7) // the durability may change from start to start
  t.is((await store.get('a'))?.value, 1)
  await store.close()
})

for (const [what, bytes] of [
  ['text', Buffer.from('no store at all, but a text that is as long as the header of one')],
  ['zeros', Buffer.alloc(4096)],
  ['a few bytes', Buffer.from('x')],
] as const)
  test(`lmdb: refuses a file of ${what}, and leaves it as it is`, async (t) => {
    const folder = await folderFor(t)
    const file = join(folder, 'data.mdb')
    await writeFile(file, bytes)
    const fault = await t.throwsAsync(openAt(folder, new ManualClock()), { code: 'store-failed' })
    t.regex(fault?.message ?? '', /has a data\.mdb that is no store; move it away, or give another folder$/)
    t.deepEqual(await readFile(file), bytes)
  })

test('lmdb: says in one line that a folder cannot be made', async (t) => {
  const fault = await t.throwsAsync(openAt(join(childFile, 'below-a-file'), new ManualClock()), { code: 'store-failed' })
  t.false(fault?.message.includes('\n'))
})
