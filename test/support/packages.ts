/** Debian packages that tests need, installed where root may. */
import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A command, or a file where the package has none -> Debian package. */
export type NeededPackages = { readonly [there: string]: string }

/** Sees to it that they are there. Where they are not: the names of those that are missing, and why. */
export function providePackages(
  needed: NeededPackages,
  what: string,
): { readonly left: readonly string[]; readonly why: string } {
  const packages = missing(needed)
  if (packages.length === 0) return { left: [], why: '' }
  const mayInstall = process.getuid?.() === 0 && isThere('apt-get')
  let why = mayInstall ? 'apt-get did not bring them' : 'only root may'
  try {
    if (mayInstall) {
      console.error(`installing Debian packages that ${what}: ${packages.join(' ')}`)
      install(packages)
    }
  } catch (error) {
    why = error instanceof Error ? error.message.split('\n', 1)[0]! : String(error)
  }
  return { left: missing(needed), why }
}

function isThere(command: string): boolean {
  if (command.startsWith('/')) return existsSync(command)
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false // the next folder may have it
    }
  })
}

function missing(needed: NeededPackages): readonly string[] {
  return Object.entries(needed)
    .filter(([command]) => !isThere(command))
    .map(([, name]) => name)
}

function install(packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const apt = (...args: readonly string[]): void => {
    execFileSync('apt-get', ['-q', ...args], { env, stdio: ['ignore', 2, 2] })
  }
  const known = packages.every((name) => spawnSync('apt-cache', ['show', name], { stdio: 'ignore' }).status === 0)
  if (!known) apt('update')
  try {
    apt('install', '-y', '--no-install-recommends', ...packages)
  } catch (error) {
    if (!known) throw error
    apt('update') // the lists were too old
    apt('install', '-y', '--no-install-recommends', ...packages)
  }
}

/** Unpacks Debian packages into a folder, without installing them: no service is started. */
export function unpackPackages(folder: string, names: readonly string[]): void {
  const downloaded = join(folder, 'packages')
  mkdirSync(downloaded, { recursive: true })
  const words = ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...names]
  execFileSync('apt-get', words, { cwd: downloaded, stdio: ['ignore', 'ignore', 2] })
  for (const name of readdirSync(downloaded)) execFileSync('dpkg-deb', ['--extract', join(downloaded, name), folder])
  rmSync(downloaded, { recursive: true })
}
