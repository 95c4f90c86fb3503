/** The Dockerfiles, as a linter and Docker's own rules see them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { validate } from 'dockerfile-utils'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

for (const path of ['docker/Dockerfile', 'docker/peers/Dockerfile']) {
  test(`a linter finds nothing in ${path}`, (t) => {
    const found = validate(read(path)).map(({ range, message }) => `${path}:${range.start.line + 1}: ${message}`)
    t.deepEqual(found, [])
  })
}

test('the linter finds faults', (t) => {
  t.true(validate('FROM debian\nMAINTAINER me\nEXPOSE many\n').length >= 2)
})

test('in the image nothing goes through a shell: a base without one does', (t) => {
  const last = read('docker/Dockerfile')
    .split(/^FROM /m)
    .at(-1)!
  t.notRegex(last, /^RUN /m)
  const commands = [...last.matchAll(/^\s*(?:CMD|ENTRYPOINT)\s+(.*)$/gm)].map(([, words]) => words!)
  t.is(commands.length, 3)
  for (const words of commands) t.notThrows(() => JSON.parse(words) as unknown, words)
})

test('the label says the version of the package', (t) => {
  const { version } = JSON.parse(read('package.json')) as { readonly version: string }
  t.true(read('docker/Dockerfile').includes(`\nARG VERSION=${version}\n`))
})
