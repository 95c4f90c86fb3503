/** Started by store.test.ts: writes without end and prints each key that was acknowledged, until it is killed. */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { RealClock } from '../../signalling/clock.ts'
import { silent } from '../../signalling/log.ts'
import { openLmdb } from '../../signalling/storage/lmdb/index.ts'

const [folder = '', durability = 'process', mode = 'write'] = process.argv.slice(2)
const clock = new RealClock((fault) => {
  throw fault
})
const store = await openLmdb({ folder, clock, durability: durability === 'power' ? 'power' : 'process', log: silent })
process.stdout.write('open\n')

async function writeForEver(lane: number): Promise<void> {
  for (let n = 0; ; n++) {
    await store.write([
      { key: `lane/${lane}/${n}`, value: { lane, n, filler: 'x'.repeat(150) } },
      { key: `last/${lane}`, value: n },
    ])
    process.stdout.write(`${lane} ${n}\n`)
  }
}

/** Until the file may not grow any more; then says how the failure looked, and that the process and its reads live. */
async function fill(): Promise<void> {
  for (let n = 0; ; n++) {
    try {
      await store.write([{ key: `fill/${n}`, value: 'x'.repeat(20_000) }])
    } catch (fault) {
      const read = await store.get('fill/0')
      process.stdout.write(`${JSON.stringify({ n, code: (fault as { code?: string }).code, first: read !== undefined })}\n`)
      return
    }
  }
}

/**
 * Records of 3.4 kB, four at a time, on a disk that is full long before the last, so that commits of any length come upon it;
 * then room again, by taking a file away.
 */
async function overfill(): Promise<void> {
  const ballast = `${folder}/../ballast`
  writeFileSync(ballast, Buffer.alloc(1_000_000))
  let stored = 0
  let refused = 0
  const one = (key: string, size: number): Promise<void> =>
    store.write([{ key, value: 'x'.repeat(size) }]).then(
      () => void stored++,
      () => void refused++,
    )
  for (let n = 0; refused < 400; n++)
    await Promise.all([0, 1, 2, 3].slice(n % 4).map((lane) => one(`fill/${lane}/${n}`, n % 3 === 0 ? 40 : 3400)))
  const fault = store.fault?.()
  rmSync(ballast)
  const again = await store.write([{ key: 'again', value: 1 }])
  let found = 0
  for await (const _ of store.scan('fill/')) found++
  process.stdout.write(`${JSON.stringify({ stored, found, fault, again: again.ok, healthy: store.fault?.() === undefined })}\n`)
}

/** Records of 20 kB until the map of LMDB may not grow any more; then more address space again. */
async function overmap(): Promise<void> {
  const size = 1024 * Number(/^VmSize:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))![1])
  const allow = (bytes: string): string | undefined => {
    const { error, status, stderr } = spawnSync('prlimit', ['--pid', String(process.pid), `--as=${bytes}:`])
    return status === 0 ? undefined : (error?.message ?? String(stderr).trim())
  }
  const missing = allow(String(size + (160 << 20)))
  if (missing !== undefined) return void process.stdout.write(`${JSON.stringify({ missing })}\n`)
  let stored = 0
  let refused = 0
  for (let n = 0; refused < 20 && n < 20_000; n++)
    await store.write([{ key: `fill/${n}`, value: 'x'.repeat(n % 3 === 0 ? 40 : 20_000) }]).then(
      () => void stored++,
      () => void refused++,
    )
  const fault = store.fault?.()
  allow('unlimited')
  const again = await store.write([{ key: 'again', value: 'x'.repeat(1_000_000) }])
  let found = 0
  for await (const _ of store.scan('fill/')) found++
  process.stdout.write(`${JSON.stringify({ stored, found, fault, again: again.ok, healthy: store.fault?.() === undefined })}\n`)
}

if (mode === 'overmap') {
  await overmap()
  await store.close()
  process.stdout.write('closed\n')
} else if (mode === 'overfill') {
  await overfill()
  await store.close()
  process.stdout.write('closed\n')
} else if (mode === 'fill') {
  await fill()
  await store.close()
} else if (mode === 'write') await Promise.all(Array.from({ length: 8 }, (_, lane) => writeForEver(lane)))
else setInterval(() => undefined, 60_000) // holds the folder until it is killed
