/** Build of the native UDP module: it is there afterwards, or the reason is told. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { buildNative } from '../../../signalling/transports/native-build.ts'
import { udpKind } from '../../../signalling/transports/udp.ts'

const sources = join(import.meta.dirname, '../../../signalling/native')

/** A copy of the sources without what is built of them. */
function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-native-'))
  cpSync(sources, folder, { recursive: true, filter: (path) => !path.includes('.node') })
  return folder
}

test('it is built where that can be, and again it is up to date', async (t) => {
  const folder = copy()
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const why = await buildNative(join(folder, 'build.sh'))
  if (why !== undefined) return t.regex(why, /Linux|compiler|headers/)
  t.is(udpKind('native', join(folder, 'udp.node')).kind, 'native')
  t.is(await buildNative(join(folder, 'build.sh')), undefined)
})

test('no compiler, and no such script, are reasons in one line', async (t) => {
  const folder = copy()
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const script = join(folder, 'build.sh')
  writeFileSync(script, readFileSync(script, 'utf8').replaceAll('cc ', 'no-such-compiler '))
  t.regex((await buildNative(script)) ?? '', /^(?:it is for Linux only|there is no C compiler.*)$/)
  t.regex((await buildNative(join(folder, 'none.sh'))) ?? '', /^.*none\.sh.*$/)
})
