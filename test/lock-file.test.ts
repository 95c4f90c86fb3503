/** The lock file names every package, those of other platforms too: `npm ci` refuses one that does not. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'

interface Locked {
  readonly dependencies?: { readonly [name: string]: string }
  readonly optionalDependencies?: { readonly [name: string]: string }
  readonly peerDependencies?: { readonly [name: string]: string }
  readonly peerDependenciesMeta?: { readonly [name: string]: { readonly optional?: boolean } }
  readonly resolved?: string
}

const root = join(import.meta.dirname, '..')
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: { readonly [path: string]: Locked }
}

/** The path of a package as Node finds it from that folder; undefined where the lock file has none. */
function lockedAt(folder: string, name: string): string | undefined {
  for (let at = folder; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`
    if (packages[path] !== undefined) return path
    if (at === '') return undefined
  }
}

function wantedBy({
  dependencies,
  optionalDependencies,
  peerDependencies = {},
  peerDependenciesMeta = {},
}: Locked): readonly string[] {
  const peers = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true)
  return [...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {}), ...peers]
}

test('every package that one of ours asks for is locked', (t) => {
  const missing = Object.entries(packages).flatMap(([folder, locked]) =>
    wantedBy(locked)
      .filter((name) => lockedAt(folder, name) === undefined)
      .map((name) => `${folder} wants ${name}`),
  )
  t.deepEqual(missing, [])
})

test('a tool with a binary for each platform has those of Linux and macOS, x64 and arm64, glibc and musl', (t) => {
  const wanted = {
    '@biomejs/cli': ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-arm64-musl', 'linux-x64', 'linux-x64-musl'],
    '@lmdb/lmdb': ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'], // those of Linux hold glibc and musl
    '@typescript/typescript': ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'], // linked statically
  }
  for (const [name, platforms] of Object.entries(wanted))
    for (const platform of platforms) t.truthy(packages[`node_modules/${name}-${platform}`], `${name}-${platform}`)
})

test('no package names the host of a registry', (t) => {
  t.deepEqual(
    Object.entries(packages).filter(([, { resolved }]) => resolved !== undefined),
    [],
  )
})
