/** The servers under test, each a process (tree) of its own in a scratch folder: Proxima, and Debian's Kamailio beside it. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { scratch } from '../support/server-process.ts'
import { processTree } from './accounts.ts'

/** `kamailio-sqlite` has the same promise as we: each binding is in a database before its 200. */
export type ServerName = 'proxima' | 'kamailio' | 'kamailio-sqlite'
/** Which of Kamailio's two configurations serves a workload; Proxima serves both with one dialplan. */
export type Service = 'registrar' | 'presence'

export interface Server {
  readonly name: ServerName
  readonly pid: number
  readonly port: number
  /** All of its processes now. */
  processes(): readonly number[]
  /** What it has printed. */
  output(): string
  /** Ends it and removes its files. Resolves with the text of its CPU profile, if it was asked for one. */
  stop(): Promise<string | undefined>
}

export interface ProximaOptions {
  /** `memory`, or `durable`: in the store of the dialplan, in a scratch folder. */
  readonly data: 'memory' | 'durable'
  readonly profile: boolean
  /** What carries its datagrams. */
  readonly udp: 'auto' | 'native' | 'dgram'
}

const root = join(import.meta.dirname, '../..')
const patience = 20_000 // milliseconds for a server to start

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A UDP port of loopback that is free now. */
export function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    socket.once('error', reject)
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address()
      socket.close(() => resolve(port))
    })
  })
}

/** Kamailio's modules that the bench loads, with the Debian package of each. */
const kamailioModules = {
  'usrloc.so': 'kamailio',
  'presence.so': 'kamailio-presence-modules',
  'db_sqlite.so': 'kamailio-sqlite-modules',
}
const moduleFolder = /\S*\/kamailio\/modules/ // in what `kamailio -I` prints

/** What is missing on this machine of what Debian's packages bring. */
export function missingPrograms(peer: boolean): readonly string[] {
  const sipp = spawnSync('sipp', ['-v']).error === undefined ? [] : ['sip-tester']
  return [...sipp, ...(peer ? missingOfKamailio() : [])]
}

function missingOfKamailio(): readonly string[] {
  const shown = spawnSync('kamailio', ['-I'], { encoding: 'utf8' })
  const folder = moduleFolder.exec(shown.stdout ?? '')?.[0]
  return Object.entries(kamailioModules)
    .filter(([file]) => folder === undefined || !existsSync(join(folder, file)))
    .map(([, debianPackage]) => debianPackage)
}

/** `proxima start dialplans/bench.yaml` on a free port. */
export async function startProxima({ data, profile, udp }: ProximaOptions): Promise<Server> {
  const folder = scratch()
  const port = await freeUdpPort()
  // The inspector listens only once it is told to by a signal, for the count of live memory.
  const flags = ['--inspect-port=127.0.0.1:0', ...(profile ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : [])]
  const listen = [
    `--listen=udp://127.0.0.1:${port}`,
    '--no-http',
    '--udp',
    udp,
    '--data',
    data === 'memory' ? data : join(folder, 'data'),
  ]
  const command = [...flags, 'dialplans/launch.js', 'start', 'dialplans/bench.yaml', ...listen]
  const child = launch(process.execPath, command, folder)
  await until(child, folder, (text) => /^ready/m.test(text))
  return handle('proxima', child, port, folder)
}

/** Kamailio with two workers and its fast allocator; everything in memory, or bindings written through to sqlite. */
export async function startKamailio(service: Service, name: 'kamailio' | 'kamailio-sqlite' = 'kamailio'): Promise<Server> {
  const folder = name === 'kamailio-sqlite' ? memoryFolder() : scratch()
  const port = await freeUdpPort()
  const config = join(import.meta.dirname, 'kamailio', `${service}.cfg`)
  const memory = ['-m', '2048', '-M', '32', '-x', 'fm']
  const place = ['-l', `udp:127.0.0.1:${port}`, '-w', folder, '-P', join(folder, 'pid'), '-Y', folder]
  const defines = service === 'presence' ? presenceDefines(folder, port) : name === 'kamailio' ? [] : registrarDefines(folder)
  const child = launch('kamailio', ['-DD', '-E', '-f', config, ...memory, ...place, ...defines], folder)
  await until(child, folder, () => answers(port))
  return handle(name, child, port, folder)
}

/** A folder on a disk in memory, where waiting for a write costs nothing and no other promise than that of `kill -9` is paid. */
function memoryFolder(): string {
  return existsSync('/dev/shm') ? mkdtempSync('/dev/shm/proxima-bench-') : scratch()
}

/** Its presence module will not start without tables, so it gets empty ones. */
function presenceDefines(folder: string, port: number): readonly string[] {
  const file = makeTables(folder, 'presence')
  return ['-A', `DATABASE="sqlite:///${file}"`, '-A', `SERVER="sip:127.0.0.1:${port}"`]
}

/** What survives a killed process: a write-ahead log. */
function registrarDefines(folder: string): readonly string[] {
  const file = makeTables(folder, 'usrloc')
  return ['-A', `DATABASE="sqlite:///${file}"`, '-A', `JOURNAL="${file}=WAL"`]
}

/** A database with the tables of one of its modules. */
function makeTables(folder: string, module: string): string {
  const file = join(folder, `${module}.sqlite`)
  const listing = execFileSync('dpkg', ['-L', 'kamailio-sqlite-modules'], { encoding: 'utf8' }).split('\n')
  const database = new DatabaseSync(file)
  for (const tables of ['standard', module]) {
    const script = listing.find((path) => path.endsWith(`/${tables}-create.sql`))
    if (script === undefined) throw new Error(`kamailio-sqlite-modules has no ${tables}-create.sql`)
    database.exec(readFileSync(script, 'utf8'))
  }
  database.close()
  return file
}

/** Whether a socket is bound there: Kamailio says nothing when it is ready. */
function answers(port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  return readFileSync('/proc/net/udp', 'latin1').includes(wanted)
}

function launch(program: string, args: readonly string[], folder: string): ChildProcess {
  const log = openSync(join(folder, 'output'), 'a')
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', log, log] })
  closeSync(log)
  return child
}

async function until(child: ChildProcess, folder: string, ready: (output: string) => boolean): Promise<void> {
  let failed: Error | undefined
  child.once('error', (error) => {
    failed = error
  })
  for (let waited = 0; waited < patience; waited += 100) {
    await pause(100)
    const output = readFileSync(join(folder, 'output'), 'utf8')
    if (failed !== undefined) throw failed
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}:\n${output}`)
    if (!ready(output)) continue
    return pause(500)
  }
  child.kill('SIGKILL')
  throw new Error(
    `${child.spawnfile} was not ready within ${patience / 1000} s:\n${readFileSync(join(folder, 'output'), 'utf8')}`,
  )
}

function handle(name: ServerName, child: ChildProcess, port: number, folder: string): Server {
  return {
    name,
    pid: child.pid!,
    port,
    processes: () => processTree(child.pid!),
    output: () => readFileSync(join(folder, 'output'), 'utf8'),
    stop: async () => {
      const below = processTree(child.pid!).slice(1)
      await end(child, 'SIGTERM', name === 'proxima' ? 60_000 : 10_000) // a profile takes long to write
      for (const pid of below) kill(pid, child.spawnfile) // those that outlived a parent which had to be killed
      const profile = readdirSync(folder).find((file) => file.endsWith('.cpuprofile'))
      const text = profile === undefined ? undefined : readFileSync(join(folder, profile), 'utf8')
      rmSync(folder, { recursive: true, force: true })
      return text
    },
  }
}

/** Ends a process that was below one of ours, if it still runs that program. */
function kill(pid: number, program: string): void {
  try {
    if (readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith(program)) process.kill(pid, 'SIGKILL')
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['ENOENT', 'ESRCH'].includes(code)) throw error
  }
}

/** Ends a process that we started, the hard way once `patience` milliseconds have passed. */
export function end(child: ChildProcess, signal: NodeJS.Signals, patience: number): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    const timer = setTimeout(() => child.kill('SIGKILL'), patience)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill(signal)
  })
}
