/** Dialplans that come with Proxima: found by name, and never before a file of the user. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { loadDialplan } from '../../../dialplans/network/load.ts'
import { dialplanFile, shippedDialplans } from '../../../dialplans/network/shipped.ts'

const dialplans = join(import.meta.dirname, '../../../dialplans')

test('what comes along is named with its ending or without, and as the clone has it', (t) => {
  t.true(shippedDialplans().includes('two-operators'))
  const file = join(dialplans, 'mme.yaml')
  for (const named of ['mme', 'mme.yaml']) t.is(dialplanFile(named), file)
  for (const named of ['none.yaml', 'folder/mme.yaml', '/dialplans/none.yaml']) t.is(dialplanFile(named), named)
  const loaded = loadDialplan('mme')
  t.is(loaded.faults === undefined && loaded.value.file, file)
})

test('a file of the user goes before, and what is nowhere names those that come along', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-shipped-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const own = join(folder, 'default.yaml')
  writeFileSync(own, '')
  t.is(dialplanFile(own), own)
  const [fault] = loadDialplan('none.yaml').faults ?? []
  t.is(fault?.file, 'none.yaml')
  t.regex(fault?.expected ?? '', /comes along: .*default.*two-prose-servers/)
})
