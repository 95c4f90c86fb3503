/**
 * `npm run images`: builds the image as it is, and tries it and the compose files, without a service of the machine.
 * Says in one line that it was left out where it cannot be done.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { clearGrounds, groundPackages, layGround, removeGround } from '../support/containers/ground.ts'
import { providePackages } from '../support/packages.ts'

/** Folders that podman makes, wherever it is told to keep its things. */
const ofPodman = ['/run/containers', '/var/lib/containers']
const nameServer = '/run/containers/networks/aardvark-dns/aardvark.pid'

/** Whether containers of somebody else use the one name server that podman has on a machine. */
function isPodmanInUse(): boolean {
  return existsSync(nameServer) && existsSync(`/proc/${readFileSync(nameServer, 'utf8').trim()}`)
}

function obstacle(): string | undefined {
  if (process.platform !== 'linux') return 'it needs Linux'
  if (process.getuid?.() !== 0) return 'it needs root'
  clearGrounds()
  if (isPodmanInUse()) return 'other containers of podman run on this machine'
  const { left, why } = providePackages(groundPackages, 'images are tried with')
  return left.length === 0 ? undefined : `Debian packages are missing (${why}): ${left.join(' ')}`
}

async function run(files: readonly string[]): Promise<number> {
  const made = ofPodman.filter((path) => !existsSync(path))
  const ground = layGround()
  const tests = files.length === 0 ? ['test/images/**'] : files
  const env = { ...process.env, PROXIMA_IMAGES: ground.folder }
  try {
    const ava = spawn(join('node_modules/.bin/ava'), ['--timeout=15m', '--concurrency=1', ...tests], { stdio: 'inherit', env })
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ava.kill(signal))
    return await new Promise<number>((resolve) => ava.on('close', (code) => resolve(code ?? 1)))
  } finally {
    removeGround(ground)
    for (const path of made) rmSync(path, { recursive: true, force: true })
  }
}

const why = obstacle()
if (why !== undefined) console.error(`images: left out, ${why}`)
else process.exitCode = await run(process.argv.slice(2))
