/**
 * Maker of the npm package: compiles the floors to `dist/`, adds what they read at run time and a manifest, and packs that.
 * Nothing is published. `npm run package -- --name @you/proxima --to folder`; `--dist folder` compiles elsewhere.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

interface Manifest {
  readonly name: string
  readonly dependencies: { readonly [name: string]: string }
  readonly exports: { readonly [door: string]: string }
  readonly [field: string]: unknown
}

const root = join(import.meta.dirname, '../..')
const floors = ['dialplans', 'elements', 'signalling']
const pages = [
  'LICENSE',
  'CHANGELOG.md',
  'SPEC.md',
  'dialplans/README.md',
  'signalling/README.md',
  'signalling/storage/README.md',
  'docker/systemd/README.md',
  'docker/systemd/proxima.service',
]
/** Files beside the sources as they are: read at run time, or by a browser. What only developers use stays behind. */
const data = ['**/*.json', '*.yaml', 'native/*.{c,h,sh}', '**/*-worker.js']
const left = ['dialplans/bench.yaml']
const nameRule = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/
const nameInPages = '@you/proxima'

const { name = 'proxima', to = root, dist: chosen = join(root, 'dist') } = readArguments()
const dist = resolve(chosen)

/** Fields of the clone's manifest that the package has as they are. */
const kept = ['version', 'description', 'license', 'type', 'engines', 'bin']

function refuse(why: string): never {
  console.error(`package: ${why}`)
  process.exit(1)
}

function readArguments(): { readonly [option in 'name' | 'to' | 'dist']?: string } {
  const text = { type: 'string' } as const
  try {
    return parseArgs({ options: { name: text, to: text, dist: text } }).values
  } catch (fault) {
    return refuse(`${(fault as Error).message}; there are --name, --to and --dist`)
  }
}

function compile(): void {
  rmSync(dist, { recursive: true, force: true })
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(import.meta.dirname, 'tsconfig.json'), '--outDir', dist], {
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) refuse('the sources do not compile; npm run check says why')
  for (const file of globSync('**/*.d.ts', { cwd: dist })) {
    const path = join(dist, file) // the compiler leaves imports of declarations as they are
    writeFileSync(path, readFileSync(path, 'utf8').replace(/(?<=["']\.{1,2}\/[^"'\n]*)\.ts(?=["'])/g, '.js'))
  }
}

function copyData(): void {
  const found = floors.flatMap((floor) => data.flatMap((pattern) => globSync(`${floor}/${pattern}`, { cwd: root })))
  for (const file of [...found, ...pages])
    if (!left.includes(file)) {
      mkdirSync(dirname(join(dist, file)), { recursive: true })
      cpSync(join(root, file), join(dist, file))
    }
}

/** The clone's manifest as the package has it; under the usual name, which is another one's at the registry, it is private. */
function manifestOf(clone: Manifest): object {
  const { node: _, ...dependencies } = clone.dependencies
  const doors = Object.entries(clone.exports).map(([door, source]) => {
    const compiled = source.replace(/\.[jt]s$/, '')
    return [door, { types: `${compiled}.d.ts`, default: `${compiled}.js` }]
  })
  return {
    name,
    ...Object.fromEntries(kept.map((field) => [field, clone[field]])),
    ...(name === clone.name ? { private: true } : {}),
    keywords: ['sip', 'ims', 'proximity', 'presence', 'testing'],
    exports: { ...Object.fromEntries(doors), './package.json': './package.json' },
    files: [...floors, 'docker/systemd', 'CHANGELOG.md', 'SPEC.md'],
    dependencies,
  }
}

function writePages(): void {
  const clone = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
  writeFileSync(join(dist, 'package.json'), `${JSON.stringify(manifestOf(clone), undefined, 2)}\n`)
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  writeFileSync(join(dist, 'README.md'), readme.replaceAll(nameInPages, name))
}

function pack(to: string): { readonly file: string; readonly size: number; readonly entries: number } {
  const args = ['pack', '--json', '--pack-destination', to]
  const text = execFileSync('npm', args, { cwd: dist, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] })
  const [{ filename, size, entryCount: entries }] = JSON.parse(text) as [{ filename: string; size: number; entryCount: number }]
  return { file: join(to, filename), size, entries }
}

if (!nameRule.test(name)) refuse(`--name is '${name}'; expected one that npm takes, such as ${nameInPages}`)
compile()
copyData()
writePages()
const { file, size, entries } = pack(resolve(to))
console.log(`${file}: ${entries} files, ${(size / 1e6).toFixed(2)} MB`)
