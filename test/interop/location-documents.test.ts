/** Location documents against the schemas of the standards, where these are there: their texts are not in the repository. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { documents } from '../elements/gmlc/documents.ts'
import { allScenarios, PatientStageSet } from '../support/flows.ts'

const schemas = join(import.meta.dirname, '../../../shared/data/xsd')
const check = existsSync(join(schemas, 'check.sh')) ? test : test.skip // beside the repository, where CI has them

function documentIn(message: string): string | undefined {
  return /<\?xml[\s\S]*<\/presence>/.exec(message)?.[0]
}

function judge(t: ExecutionContext, found: readonly (readonly [name: string, document: string])[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-documents-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const files = found.map(([name, document]) => {
    const file = join(folder, `${name}.xml`)
    writeFileSync(file, document)
    return file
  })
  const shown = execFileSync('sh', [join(schemas, 'check.sh'), ...files], { encoding: 'utf8' })
  t.regex(shown, new RegExp(`${found.length * 2} passed, 0 failed`))
}

check('every document is valid, lax and strict', (t) => judge(t, documents))

check('every document that a flow tells is valid, lax and strict', async (t) => {
  const found: [string, string][] = []
  for (const { title, scenario, dialplan } of await allScenarios()) {
    if (!title.startsWith('privacy/')) continue
    const stage = new PatientStageSet({ dialplan, mode: 'virtual' }, scenario)
    try {
      await stage.open()
      await scenario.run(stage)
    } finally {
      await stage.close()
    }
    const bodies = stage.messages.messages.flatMap(({ bytes }) => documentIn(Buffer.from(bytes).toString()) ?? [])
    for (const document of new Set(bodies)) found.push([`flow-${found.length}`, document])
  }
  t.true(found.length > 5)
  judge(t, found)
})
