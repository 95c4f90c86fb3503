/** A real `proxima start` in a process of its own, which tests may kill. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const command = new URL('../../dialplans/launch.js', import.meta.url).pathname

export interface ServerProcess {
  readonly pid: number
  readonly port: number
  /** Everything it has printed. */
  readonly output: () => string
  /** Ends it with that signal; resolves with the exit code, or null where the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/** A folder of its own for one test's data. */
export function scratch(): string {
  return mkdtempSync(join(tmpdir(), 'proxima-test-'))
}

/** Writes a dialplan for UDP (and TCP) on that port and returns its path. */
export function writeDialplan(folder: string, port: number, elements: string): string {
  const file = join(folder, 'plan.yaml')
  const listen = `[udp://127.0.0.1:${port}, tcp://127.0.0.1:${port}]`
  writeFileSync(
    file,
    `name: test\ndomains: [sip.test, 127.0.0.1]\nlisten: ${listen}\ndata: ${join(folder, 'data')}\nelements:\n${elements}`,
  )
  return file
}

/** Starts `proxima start` and resolves when it says `ready`; rejects with what it printed where it does not. */
export function startServer(file: string, port: number, options: readonly string[] = []): Promise<ServerProcess> {
  const child = spawn(process.execPath, [command, 'start', file, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  return new Promise((resolve, reject) => {
    const exited = (code: number | null): void => reject(new Error(`proxima start ended with ${code}:\n${output}`))
    child.once('exit', exited)
    child.once('error', reject)
    const said = (chunk: Buffer): void => {
      output += chunk.toString()
      if (!/^ready/m.test(output)) return
      child.off('exit', exited)
      resolve({ pid: child.pid!, port, output: () => output, end: (signal) => end(child, signal) })
    }
    child.stdout.on('data', said)
    child.stderr.on('data', said)
  })
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode)
    child.once('exit', (code) => resolve(code))
    child.kill(signal)
  })
}
