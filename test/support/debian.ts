/** Sees to it that the programs that tests talk to are there; run by `npm test` before the tests that need them. */
import { execFileSync, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A command, or a file where the package has none -> Debian package. */
const needed: { readonly [there: string]: string } = {
  sipp: 'sip-tester',
  tshark: 'tshark',
  sipsak: 'sipsak',
  sngrep: 'sngrep',
  baresip: 'baresip-core',
  linphonec: 'linphone-cli',
  '/usr/share/perl5/Net/SIP.pm': 'libnet-sip-perl',
  '/usr/share/perl5/IO/Socket/SSL.pm': 'libio-socket-ssl-perl',
  '/usr/include/sofia-sip-1.12/sofia-sip/nua.h': 'libsofia-sip-ua-dev',
  'twinkle-console': 'twinkle-console',
  chromium: 'chromium',
  svwar: 'sipvicious',
  'systemd-analyze': 'systemd',
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

function missing(): readonly string[] {
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

const packages = missing()
if (packages.length > 0) {
  const mayInstall = process.getuid?.() === 0 && isThere('apt-get')
  let why = mayInstall ? 'apt-get did not bring them' : 'only root may'
  try {
    if (mayInstall) {
      console.error(`installing Debian packages that tests talk to: ${packages.join(' ')}`)
      install(packages)
    }
  } catch (error) {
    why = error instanceof Error ? error.message.split('\n', 1)[0]! : String(error)
  }
  const left = missing()
  if (left.length > 0) {
    console.error(`tests need Debian packages that could not be installed (${why}): apt-get install ${left.join(' ')}`)
    process.exit(1)
  }
}
