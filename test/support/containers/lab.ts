/** A container of the image with the lab in it, and users who reach it from outside over its published ports. */
import { until } from '../patience.ts'
import { program, type Running } from '../process.ts'
import type { Engine } from './engine.ts'

/** Hardening that our compose file has too. */
const hardened = ['--passwd=false', '--read-only', '--tmpfs', '/tmp', '--cap-drop=all', '--security-opt', 'no-new-privileges']
const published = ['5060:5060/udp', '5060:5060/tcp', '8060:8060/tcp', '8080:8080/tcp'].flatMap((ports) => [
  '-p',
  `127.0.0.1:${ports}`,
])

interface State {
  readonly Pid: number
  readonly Running: boolean
  readonly ExitCode: number
}

export class Lab {
  readonly name: string
  private readonly engine: Engine

  private constructor(engine: Engine, name: string) {
    this.engine = engine
    this.name = name
  }

  /** Starts it with an empty volume of its own. */
  static async start(engine: Engine, image: string, name: string): Promise<Lab> {
    const environment = ['-e', 'PROXIMA_PUBLISHED=loopback']
    await engine.podman('run', '-d', '--name', name, ...hardened, ...environment, ...published, '-v', `${name}:/data`, image)
    const lab = new Lab(engine, name)
    await lab.healthy()
    return lab
  }
  /** One that somebody else has started. */
  static at(engine: Engine, name: string): Lab {
    return new Lab(engine, name)
  }

  /** Resolves once the image's own health check passes. */
  async healthy(): Promise<void> {
    let said = ''
    await until(`${this.name} is healthy`, async () => {
      const { code, out, err } = await this.engine.run('podman', 'healthcheck', 'run', this.name)
      said = out + err
      if (code !== 0 && !(await this.state()).Running) throw new Error(`${this.name} has ended:\n${said}\n${await this.logs()}`)
      return code === 0
    })
  }
  async state(): Promise<State> {
    return JSON.parse(await this.engine.podman('inspect', '--format', '{{json .State}}', this.name)) as State
  }
  /** All that it has printed. */
  async logs(): Promise<string> {
    const { out, err } = await this.engine.run('podman', 'logs', this.name)
    return out + err
  }
  /** The command line of Proxima, in the container. */
  proxima(...args: readonly string[]): Promise<string> {
    return this.engine.podman('exec', this.name, '/usr/local/bin/node', '/app/dialplans/launch.js', ...args)
  }
  /** The same, with a line on its standard input. */
  async type(line: string, ...args: readonly string[]): Promise<void> {
    const script = 'echo "$0" | podman exec --interactive "$@"' // podman stays until that has its end
    const words = [this.name, '/usr/local/bin/node', '/app/dialplans/launch.js', ...args]
    const { code, out, err } = await this.engine.run('sh', '-c', script, line, ...words)
    if (code !== 0) throw new Error(`proxima ${args.join(' ')} ended with ${code}:\n${out}${err}`)
  }
  /** Files that it has written outside of its volume, and tmpfs. */
  async written(): Promise<readonly string[]> {
    const changes = (await this.engine.podman('diff', this.name)).split('\n')
    return changes.filter((line) => line !== '' && line !== 'C /etc') // podman makes places for hosts and mtab there
  }
  /** Ends it, and takes its volume away. */
  async remove(): Promise<void> {
    await this.engine.podman('rm', '--force', '--volumes', '--time', '0', this.name)
    await this.engine.podman('volume', 'rm', '--force', this.name)
  }
  /** Counters and gauges of /metrics, by name; those with labels too, without them. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const { out } = await this.engine.run('curl', '-sS', 'http://127.0.0.1:8080/metrics')
    return new Map([...out.matchAll(/^(\w+)(?:\{.*\})? (\S+)$/gm)].map(([, name, value]) => [name!, Number(value)]))
  }
  /** User equipment outside of every container. */
  async ue(user: string, ...args: readonly string[]): Promise<Running> {
    return this.engine.start(process.execPath, program, 'ue', user, '--password', await this.password(), ...args)
  }
  /** The one that it has made at its first start. */
  async password(): Promise<string> {
    return (
      await this.engine.podman('exec', this.name, '/usr/local/bin/node', '-p', 'fs.readFileSync("/data/lab-password", "utf8")')
    ).trim()
  }
}
