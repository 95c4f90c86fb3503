/**
 * What a durable put costs: CPU microseconds (user and system, all threads of this process) per put of a 200-byte value among
 * 100,000 keys, each awaited; as fast as it goes with 256 outstanding, and paced at 10,000/s with the pacing taken off.
 * `node test/bench/stores.ts [store …]`. Each case is a process of its own.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Json, Store } from '../../signalling/index.ts'
import { memoryStore, openLmdb, RealClock, silent } from '../../signalling/index.ts'

interface Subject {
  put(key: string, value: Json): Promise<unknown>
  get(key: string): unknown
}

const keyCount = 100_000
const seconds = 4
const clock = new RealClock((fault) => {
  throw fault
})

const subjects: Record<string, (folder: string) => Subject | Promise<Subject>> = {
  none: () => ({ put: () => settled, get: () => undefined }),
  memory: () => fromStore(memoryStore(clock)),
  'lmdb, kill -9': async (folder) => fromStore(await openLmdb({ folder, clock, durability: 'process', log: silent })),
  'lmdb, power': async (folder) => fromStore(await openLmdb({ folder, clock, durability: 'power', log: silent })),
  'node:sqlite, kill -9': (folder) => sqlite(folder, 'normal'),
  'node:sqlite, power': (folder) => sqlite(folder, 'full'),
  'appended log, kill -9': appendedLog,
}
const settled = Promise.resolve()

function fromStore(store: Store): Subject {
  return { put: (key, value) => store.write([{ key, value }]), get: (key) => store.get(key) }
}

/** One promise a group, the group written at the end of the tick. */
function grouped(writeAll: (entries: readonly (readonly [key: string, text: string])[]) => void): Subject['put'] {
  let entries: (readonly [string, string])[] = []
  let group: Promise<void> | undefined
  return (key, value) => {
    entries.push([key, JSON.stringify(value)])
    group ??= new Promise((resolve) => {
      setImmediate(() => {
        const all = entries
        entries = []
        group = undefined
        writeAll(all)
        resolve()
      })
    })
    return group
  }
}

function sqlite(folder: string, synchronous: 'normal' | 'full'): Subject {
  const db = new DatabaseSync(join(folder, 'store.db'))
  db.exec(`pragma journal_mode=wal; pragma synchronous=${synchronous}`)
  db.exec('create table entries (key text primary key, value text, version integer, expires integer) without rowid')
  const insert = db.prepare(
    'insert into entries values (?, ?, ?, 0) on conflict (key) do update set value = excluded.value, version = excluded.version',
  )
  const select = db.prepare('select value from entries where key = ?')
  let version = 0
  return {
    put: grouped((entries) => {
      db.exec('begin')
      for (const [key, text] of entries) insert.run(key, text, ++version)
      db.exec('commit')
    }),
    get: (key) => JSON.parse((select.get(key) as { readonly value: string }).value),
  }
}

/** Without the compaction and the load at start that a store made of it would need. */
function appendedLog(folder: string): Subject {
  const file = openSync(join(folder, 'log'), 'a')
  process.once('exit', () => closeSync(file))
  const held = new Map<string, string>()
  return {
    put: grouped((entries) => {
      let text = ''
      for (const [key, value] of entries) {
        held.set(key, value)
        text += `${key}\t${value}\n`
      }
      writeSync(file, text)
    }),
    get: (key) => JSON.parse(held.get(key)!),
  }
}

function keyOf(i: number): string {
  return `binding/sip:user${i}@sip.test/flow${i % 7}`
}
function bindingOf(i: number): Json {
  return {
    contact: `sip:user${i}@127.0.0.1:5062;transport=udp;ob`,
    flow: 'udp/127.0.0.1:5060/127.0.0.1:5062',
    callId: `a84b4c76e66710-${i}`,
    cseq: i,
    q: 1,
    agent: 'load generator',
    path: ['sip:edge.sip.test;lr'],
  }
}
let state = 12_345
function someone(): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
  return (state >>> 8) % keyCount
}
function micros(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return user + system
}

async function saturated({ put }: Subject): Promise<{ readonly us: number; readonly rate: number }> {
  const cpu = process.cpuUsage()
  const start = clock.now()
  let count = 0
  while (clock.now() - start < seconds * 1000) {
    const puts: Promise<unknown>[] = []
    for (let i = 0; i < 256; i++) puts.push(put(keyOf(someone()), bindingOf(count++)))
    await Promise.all(puts)
  }
  return { us: micros(cpu) / count, rate: (count * 1000) / (clock.now() - start) }
}

function paced({ put }: Subject, rate: number): Promise<{ readonly us: number; readonly p99: number }> {
  const cpu = process.cpuUsage()
  const start = clock.now()
  const waits: number[] = []
  let count = 0
  return new Promise((resolve) => {
    const step = (): void => {
      const now = clock.now()
      while (count < ((now - start) * rate) / 1000) {
        count++
        void put(keyOf(someone()), bindingOf(count)).then(() => waits.push(clock.now() - now))
      }
      if (now - start < seconds * 1000) setTimeout(step, 1)
      else resolve({ us: micros(cpu) / count, p99: waits.sort((a, b) => a - b)[Math.floor(waits.length * 0.99)] ?? 0 })
    }
    step()
  })
}

async function measure(name: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-bench-'))
  const subject = await subjects[name]!(folder)
  for (let i = 0; i < keyCount; i += 1000) {
    await Promise.all(Array.from({ length: 1000 }, (_, j) => subject.put(keyOf(i + j), bindingOf(i + j))))
  }
  await paced(subject, 2000) // warm
  const fast = await saturated(subject)
  const slow = await paced(subject, 10_000)
  const cpu = process.cpuUsage()
  for (let i = 0; i < 200_000; i++) subject.get(keyOf(someone()))
  const get = micros(cpu) / 200_000
  rmSync(folder, { recursive: true })
  process.stdout.write(JSON.stringify({ fast: fast.us, rate: fast.rate, slow: slow.us, p99: slow.p99, get }))
  process.exit(0) // sqlite and lmdb are left open; their folder is gone
}

const [first, only] = process.argv.slice(2)
if (first === '--measure') await measure(only!)
else {
  const names = process.argv.length > 2 ? ['none', ...process.argv.slice(2)] : Object.keys(subjects)
  process.stdout.write('| store | saturated | rate | 10,000/s | p99 ms | get |\n|---|---|---|---|---|---|\n')
  let base = { fast: 0, slow: 0, get: 0 }
  for (const name of names) {
    const run = spawnSync(process.execPath, ['--no-warnings', import.meta.filename, '--measure', name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const found = JSON.parse(run.stdout.toString()) as { fast: number; rate: number; slow: number; p99: number; get: number }
    if (name === 'none') base = found
    else {
      const cells = [found.fast - base.fast, found.rate, found.slow - base.slow, found.p99, found.get - base.get]
      process.stdout.write(
        `| ${name} | ${cells.map((n) => (n > 1000 ? Math.round(n).toLocaleString('en') : n.toFixed(1))).join(' | ')} |\n`,
      )
    }
  }
}
