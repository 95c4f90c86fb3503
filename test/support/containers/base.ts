/**
 * Root file systems that stand in for published base images, made of Debian packages: a machine without a registry builds
 * our Dockerfiles unchanged. They carry this machine's certificate authorities, so that npm works behind its proxies.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { unpackPackages } from '../packages.ts'

const release = 'bookworm'
const nodePackage = join(import.meta.dirname, '../../../node_modules/node')
const authorities = '/etc/ssl/certs/ca-certificates.crt'
/** Left out of `debian:bookworm-slim`, too. */
const unneeded = ['usr/share/doc', 'usr/share/man', 'usr/share/info', 'usr/share/locale', 'var/lib/apt/lists', 'var/cache/apt']

/** The tar archive of a minimal Debian, kept beyond this run: to make it takes most of a minute. */
export function debianArchive(): string {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'proxima-images')
  const archive = join(folder, `${release}.tar`)
  if (existsSync(archive)) return archive
  mkdirSync(folder, { recursive: true })
  const root = mkdtempSync(join(tmpdir(), 'proxima-debian-'))
  try {
    execFileSync('debootstrap', ['--variant=minbase', release, root], { stdio: ['ignore', 'ignore', 2] })
    for (const path of unneeded) empty(join(root, path))
    for (const path of ['lists/partial', 'archives/partial'])
      mkdirSync(join(root, path.startsWith('lists') ? 'var/lib/apt' : 'var/cache/apt', path), { recursive: true })
    const draft = `${archive}.${process.pid}`
    execFileSync('tar', ['--numeric-owner', '-C', root, '-cf', draft, '.'])
    renameSync(draft, archive) // whole at any time
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
  return archive
}

function empty(folder: string): void {
  if (existsSync(folder)) for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true })
}

/** Makes a Debian in a folder what the base of Node is, by its program, headers and npm. */
export function nodeOverlay(folder: string): void {
  const local = join(folder, 'usr/local')
  mkdirSync(join(local, 'lib/node_modules'), { recursive: true })
  for (const name of ['bin', 'etc']) mkdirSync(join(local, name), { recursive: true })
  copyFileSync(join(nodePackage, 'bin/node'), join(local, 'bin/node'))
  const platform = readdirSync(join(nodePackage, 'node_modules')).find((name) => name.startsWith('node-linux-'))
  if (platform === undefined) throw new Error(`${nodePackage} has no headers; run npm run ready`)
  const copy = (from: string, to: string): unknown => execFileSync('cp', ['-a', from, to])
  copy(join(nodePackage, 'node_modules', platform, 'include'), local)
  const npm = execFileSync('sh', ['-c', 'readlink -f "$(command -v npm)"'], { encoding: 'utf8' }).trim() // …/npm/bin/npm-cli.js
  copy(join(npm, '../..'), join(local, 'lib/node_modules/npm'))
  execFileSync('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm')])
  if (!existsSync(authorities)) return
  mkdirSync(join(folder, 'etc/ssl/certs'), { recursive: true })
  copyFileSync(authorities, join(folder, authorities))
  writeFileSync(join(local, 'etc/npmrc'), `cafile=${authorities}\n`)
}

/** A folder with as little as the distroless base for C programs has. */
export function distrolessRoot(folder: string): void {
  unpackPackages(folder, ['base-files', 'netbase', 'tzdata', 'libc6', 'libgcc-s1', 'libstdc++6', 'libssl3'])
  mkdirSync(join(folder, 'tmp'), { recursive: true })
}
