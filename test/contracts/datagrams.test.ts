/** Both carriers, and the module with its system calls disturbed, keep the same promises. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { loadNative } from '../../signalling/transports/udp-native.ts'
import { type Carried, datagramContract } from './datagrams.ts'

const child = join(import.meta.dirname, 'datagram-child.ts')
const script = join(import.meta.dirname, '../../signalling/native/build.sh')
const flaky = ['-include', join(import.meta.dirname, 'flaky.h')]
const folder = mkdtempSync(join(tmpdir(), 'proxima-udp-'))
test.after.always(() => rmSync(folder, { recursive: true }))

function build(name: string, flags: readonly string[]): string {
  const file = join(folder, name)
  execFileSync('sh', [script, file, ...flags])
  return file
}

execFileSync('sh', [script])
const carriers: Carried[] = [{ kind: 'dgram' }]
// A machine without compiler or headers has one carrier; the promises of that one are kept all the same.
if (typeof loadNative() !== 'string') carriers.push({ kind: 'native' })
const disturbed = build('disturbed.node', flaky)
const canBuild = existsSync(disturbed)
if (canBuild) datagramContract(test, 'native, disturbed', { kind: 'native', file: disturbed })
for (const carried of carriers) datagramContract(test, carried.kind, carried)

interface Ended {
  readonly status: number | null
  readonly output: string
}

function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Ended {
  const options = { encoding: 'utf8', timeout: 240_000, env: { ...process.env, ...environment } } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [child, ...args], options)
  return { status, output: stdout + stderr }
}

for (const { kind } of carriers) {
  test(`${kind}: a fault of the receiver costs one datagram, and a closed socket keeps no process alive`, (t) => {
    t.deepEqual(run(['throw', kind]), { status: 0, output: 'uncaught at one\none two three\n' })
  })
}

if (canBuild) {
  test('native: a thread may end with its socket open', (t) => {
    t.deepEqual(run(['workers', disturbed]), { status: 0, output: 'alive\n' })
  })
  test('native: nothing wrong in memory, by the address and undefined behaviour sanitizers', (t) => {
    const libraries = ['libasan.so', 'libubsan.so'].map((name) =>
      execFileSync('cc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim(),
    )
    const file = build('sanitized.node', ['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all', ...flaky])
    // Without the sanitizers' libraries the same storm runs bare.
    const sanitized = existsSync(file) && libraries.every((library) => existsSync(library))
    const environment = sanitized ? { LD_PRELOAD: libraries.join(' '), ASAN_OPTIONS: 'detect_leaks=0' } : {}
    for (const doing of ['storm', 'workers']) {
      const { status, output } = run([doing, sanitized ? file : disturbed], environment)
      t.deepEqual({ status, output }, { status: 0, output: doing === 'storm' ? 'wrong 0\n' : 'alive\n' })
    }
  })
}

test('the module is taken where it can be loaded, and the log says why not', (t) => {
  const missing = loadNative(join(folder, 'nowhere.node'))
  t.is(missing, 'not built on this machine')
  t.is(typeof loadNative(script), 'string')
})
