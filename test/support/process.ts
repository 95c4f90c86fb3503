/** Real processes for tests: a server on free ports, and whatever runs against it. Each is ended by its own pid. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { onceIdle, Places } from './patience.ts'

export const program = join(import.meta.dirname, '../../dialplans/launch.js')
const defaultPlan = join(import.meta.dirname, '../../dialplans/default.yaml')

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A process that runs. */
export class Running {
  /** Standard output and standard error as they came. */
  output = ''
  out = ''
  err = ''
  readonly ended: Promise<Ended>
  private readonly child: ChildProcessWithoutNullStreams
  private readonly watchers = new Set<() => void>()
  private over = false

  constructor(
    command: string,
    args: readonly string[],
    options: { readonly cwd?: string; readonly home?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ) {
    const given = options.env ?? process.env
    const env = options.home === undefined ? given : { ...given, HOME: options.home }
    this.child = spawn(command, args, { stdio: 'pipe', env, ...(options.cwd === undefined ? {} : { cwd: options.cwd }) })
    this.child.stdin.on('error', () => undefined) // it may have ended before it has read all
    const said = (take: (text: string) => void) => (text: string) => {
      this.output += text
      take(text)
      for (const watcher of this.watchers) watcher()
    }
    this.child.stdout.setEncoding('utf8').on(
      'data',
      said((text) => (this.out += text)),
    )
    this.child.stderr.setEncoding('utf8').on(
      'data',
      said((text) => (this.err += text)),
    )
    this.ended = new Promise((resolve) => {
      const end = (code: number | null): void => {
        this.over = true
        resolve({ code, out: this.out, err: this.err })
        for (const watcher of this.watchers) watcher()
      }
      this.child.on('error', (fault) => {
        this.err += fault.message
        end(127)
      })
      this.child.on('close', end)
    })
  }
  get pid(): number | undefined {
    return this.child.pid
  }
  /** Resolves with the match once its output has it, from `since` on; rejects with all output where it ends without. */
  said(pattern: RegExp, since = 0): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      let late = false
      const look = (): void => {
        const match = pattern.exec(this.output.slice(since))
        if (match !== null) resolve(match)
        else if (this.over || late) {
          const what = late ? 'has not said' : 'ended before it said'
          reject(new Error(`${this.child.spawnargs.join(' ')} ${what} ${pattern}:\n${this.output}`))
        } else return
        callOff()
        this.watchers.delete(look)
      }
      const callOff = onceIdle(() => {
        late = true
        look()
      })
      this.watchers.add(look)
      look()
    })
  }
  type(text: string): void {
    this.child.stdin.write(text)
  }
  signal(signal: NodeJS.Signals): void {
    if (!this.over) this.child.kill(signal)
  }
  /** Ends it: politely, and after `patience` milliseconds for certain. */
  async stop(patience = 6000): Promise<Ended> {
    this.signal('SIGTERM')
    const timer = setTimeout(() => this.signal('SIGKILL'), patience)
    const ended = await this.ended
    clearTimeout(timer)
    return ended
  }
}

const places = new Places()

/** Runs a command to its end, beside as many others as there are cores. */
export function run(command: string, args: readonly string[], options: { cwd?: string; stdin?: string } = {}): Promise<Ended> {
  return places.within(() => {
    const running = new Running(command, args, options.cwd === undefined ? {} : { cwd: options.cwd })
    if (options.stdin !== undefined) running.type(options.stdin)
    return running.ended
  })
}

/** `proxima <args>` to its end. */
export function proxima(...args: readonly string[]): Promise<Ended> {
  return run(process.execPath, [program, ...args])
}

export interface DefaultServerOptions {
  /** Subscribers beside those of the default network; password `<name>-proxima`. */
  readonly users?: readonly string[]
  /** Element -> settings beside and instead of those of the default network. */
  readonly settings?: { readonly [element: string]: object }
  /** More options of `proxima start`. */
  readonly args?: readonly string[]
  /** `users` are friends of one another: they may watch each other's presence. */
  readonly friends?: boolean
  /** Listens for TLS and WSS too, with a certificate of `proxima cert`. */
  readonly secure?: boolean
  /** Of its environment. */
  readonly env?: NodeJS.ProcessEnv
}

/** A server process of the default network. */
export interface DefaultServer {
  readonly process: Running
  readonly udp: number
  readonly tcp: number
  readonly ws: number
  /** NaN unless `secure`, as `wss`. */
  readonly tls: number
  readonly wss: number
  /** Address of its HTTP side, e.g. `http://127.0.0.1:40000`. */
  readonly http: string
  /** A folder of its own, gone after `remove`. */
  readonly folder: string
  /** Messages that it has sent and received, complete after `stop`. */
  readonly trace: string
  /** A counter or gauge of /metrics, without `proxima_`. */
  metrics(): Promise<ReadonlyMap<string, number>>
  /** Processes that run against it. */
  readonly guests: Set<Running>
  /** SIGTERM; resolves with its exit. */
  stop(): Promise<Ended>
  /** Stops it and its guests and takes its folder away. */
  remove(): Promise<void>
}

/** Starts the default network on free ports with an empty memory and a capture; resolves when it is ready. */
export async function startDefaultServer({
  users = [],
  settings = {},
  args = [],
  friends = false,
  secure = false,
  env = {},
}: DefaultServerOptions = {}): Promise<DefaultServer> {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-server-'))
  const trace = join(folder, 'trace.pcapng')
  if (secure) await certify(folder)
  const plan = planWith({ users, settings, friends, secure }, folder)
  const ports = ['--port-udp', '0', '--port-tcp', '0', '--port-ws', '0', '--http', '127.0.0.1:0', '--log-level', 'warn']
  const server = new Running(
    process.execPath,
    [program, 'start', plan, ...ports, '--data', 'memory', '--trace', trace, ...args],
    {
      cwd: folder,
      env: { ...process.env, ...env },
    },
  )
  await server.said(/^ready/m)
  const guests = new Set<Running>()
  const port = (transport: string): number => Number(new RegExp(`${transport}://127\\.0\\.0\\.1:(\\d+)`).exec(server.out)?.[1])
  return {
    process: server,
    udp: port('udp'),
    tcp: port('tcp'),
    ws: port('ws'),
    tls: port('tls'),
    wss: port('wss'),
    http: `http://127.0.0.1:${port('http')}`,
    folder,
    trace,
    metrics: async () => readMetrics(await (await fetch(`http://127.0.0.1:${port('http')}/metrics`)).text()),
    stop: () => server.stop(),
    guests,
    async remove() {
      await Promise.all([...guests].map((guest) => guest.stop(500)))
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function certify(folder: string): Promise<void> {
  const { code, err } = await proxima('cert', '--out', folder)
  if (code !== 0) throw new Error(`no certificate: ${err}`)
}

/** The default dialplan with more subscribers and other settings, in a file of its own. */
function planWith(
  { users, settings, friends, secure }: Required<Omit<DefaultServerOptions, 'args' | 'env'>>,
  folder: string,
): string {
  const plan = parse(readFileSync(defaultPlan, 'utf8')) as {
    readonly listen: string[]
    readonly elements: { readonly hss: { readonly subscribers: object[] }; readonly [element: string]: object }
  }
  for (const name of users)
    plan.elements.hss.subscribers.push({
      id: `sip:${name}@localhost`,
      password: `${name}-proxima`,
      permissions: { discoverable: true, discoverer: true },
      ...(friends ? { friends: users.filter((user) => user !== name).map((user) => `sip:${user}@localhost`) } : {}),
    })
  for (const [element, changed] of Object.entries(settings)) Object.assign(plan.elements[element]!, changed)
  const tls = secure ? { tls: { certificate: 'certificate.pem', key: 'key.pem' } } : {}
  if (secure) plan.listen.push('tls://127.0.0.1:0', 'wss://127.0.0.1:0')
  const file = join(folder, 'plan.yaml')
  writeFileSync(file, stringify({ ...plan, ...tls }))
  return file
}

function readMetrics(text: string): ReadonlyMap<string, number> {
  const metrics = new Map<string, number>()
  for (const [, name, value] of text.matchAll(/^proxima_(\w+) ([0-9.e+]+)$/gm)) metrics.set(name!, Number(value))
  return metrics
}
