/** Projects of somebody who has no clone: folders in which npm installs the package as packed. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ended, Running, run } from '../support/process.ts'

export const root = join(import.meta.dirname, '../..')
/** Complaints of npm that no registry is within reach. */
const unreachable = /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b/

export class RegistryUnreachable extends Error {}

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'proxima-package-'))

  constructor() {
    this.write('package.json', '{ "name": "somebody", "private": true, "type": "module" }\n')
  }
  path(name: string): string {
    return join(this.folder, name)
  }
  has(name: string): boolean {
    return existsSync(this.path(name))
  }
  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }
  write(name: string, text: string): void {
    writeFileSync(this.path(name), text)
  }
  /** Throws `RegistryUnreachable` where npm finds no registry and has not kept what is wanted. */
  async install(...packages: readonly string[]): Promise<void> {
    const patience = ['--fetch-retries=1', '--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=2000']
    const options = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...patience]
    const { code, err } = await run('npm', ['install', ...options, ...packages], { cwd: this.folder })
    if (code === 0) return
    const line = err.split('\n').findLast((each) => unreachable.test(each))
    throw line === undefined ? new Error(`npm install ${packages.join(' ')}: ${err}`) : new RegistryUnreachable(line)
  }
  run(command: string, ...args: readonly string[]): Promise<Ended> {
    return run(command, args, { cwd: this.folder })
  }
  /** A process that goes on. */
  begin(command: string, ...args: readonly string[]): Running {
    return new Running(command, args, { cwd: this.folder })
  }
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Packs into that folder, and gives the tarball. */
export async function pack(to: string, ...options: readonly string[]): Promise<string> {
  const { code, out, err } = await run(process.execPath, [
    join(root, 'docker/package/make.ts'),
    '--to',
    to,
    '--dist',
    join(to, 'dist'),
    ...options,
  ])
  const [, file] = /^(\/.*\.tgz): \d+ files/m.exec(out) ?? []
  if (code !== 0 || file === undefined) throw new Error(`npm run package: ${out}${err}`)
  return file
}
