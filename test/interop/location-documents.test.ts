/** Location documents against the schemas of the standards, where these are there: their texts are not in the repository. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { documents } from '../elements/gmlc/documents.ts'

const schemas = join(import.meta.dirname, '../../../shared/data/xsd')
const check = existsSync(join(schemas, 'check.sh')) ? test : test.skip // beside the repository, where CI has them

check('every document is valid, lax and strict', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-documents-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const files = documents.map(([name, document]) => {
    const file = join(folder, `${name}.xml`)
    writeFileSync(file, document)
    return file
  })
  const shown = execFileSync('sh', [join(schemas, 'check.sh'), ...files], { encoding: 'utf8' })
  t.regex(shown, new RegExp(`${documents.length * 2} passed, 0 failed`))
})
