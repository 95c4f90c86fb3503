/** Validators kept as code judge as those made anew do, and a damaged or missing cache costs time alone. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { loadValidators, type ValidatorSet } from '../../../elements/schemas/validators.ts'

const set: ValidatorSet = {
  schemas: {
    'ring.json': { type: 'object', required: ['of'], properties: { of: { type: 'array', items: { $ref: 'bell.json' } } } },
    'bell.json': { type: 'string', format: 'tone', maxLength: 3 },
  },
  wanted: { ring: 'ring.json', bell: 'bell.json' },
  options: { strict: true },
  formats: { tone: (text) => text.startsWith('d') },
}
const values: readonly unknown[] = [{ of: ['do'] }, { of: ['re'] }, {}, 'do', 'dong', 7, { of: ['d', 'deep'] }]

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-validators-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function judge(cache: string, { wanted }: ValidatorSet = set): readonly unknown[] {
  const validators = loadValidators(set, cache)
  return Object.keys(wanted).flatMap((name) =>
    values.map((value) => [
      validators[name]!(value),
      validators[name]!.errors?.map(({ instancePath, message }) => [instancePath, message]),
    ]),
  )
}

test('code from the cache says the same as the compiler, faults included', (t) => {
  const cache = folderFor(t)
  const anew = judge(cache)
  t.is(readdirSync(cache).length, 1)
  t.deepEqual(judge(cache), anew)
  t.deepEqual(anew[0], [true, undefined])
  t.deepEqual(anew[1], [false, [['/of/0', 'must match format "tone"']]])
})

test('a damaged file is made anew, and a folder that cannot be written is done without', (t) => {
  const cache = folderFor(t)
  const anew = judge(cache)
  const file = join(cache, readdirSync(cache)[0]!)
  for (const damage of ['module.exports = (', 'module.exports = () => ({})']) {
    const copy = folderFor(t)
    writeFileSync(join(copy, readdirSync(cache)[0]!), damage)
    t.deepEqual(judge(copy), anew)
    t.is(readFileSync(join(copy, readdirSync(cache)[0]!), 'utf8'), readFileSync(file, 'utf8'))
  }
  t.deepEqual(judge(join(file, 'below-a-file')), anew)
})

test('another schema, format name or option is another file', (t) => {
  const cache = folderFor(t)
  loadValidators(set, cache)
  loadValidators({ ...set, options: { strict: true, allErrors: true } }, cache)
  loadValidators({ ...set, wanted: { bell: 'bell.json' } }, cache)
  t.is(readdirSync(cache).length, 3)
})
