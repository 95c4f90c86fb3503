/**
 * A compose file brought up by podman itself, with its fixed addresses, which podman-compose 1.0.3 does not know. It knows
 * what our files say, and refuses all else.
 */
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parse } from 'yaml'
import type { Engine } from './engine.ts'

interface Service {
  readonly image: string
  readonly build?: { readonly context: string; readonly args?: { readonly [name: string]: string } }
  readonly command?: string
  readonly volumes?: readonly string[]
  readonly environment?: { readonly [name: string]: string }
  readonly networks: readonly string[] | { readonly [name: string]: { readonly ipv4_address: string } }
  readonly read_only?: boolean
  readonly tmpfs?: readonly string[]
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly stdin_open?: boolean
  readonly tty?: boolean
}

interface Subnet {
  readonly subnet: string
  readonly ip_range: string
}

interface ComposeFile {
  readonly services: { readonly [name: string]: Service }
  readonly networks: { readonly [name: string]: { readonly ipam: { readonly config: readonly Subnet[] } } }
}

/** Settings that concern others than podman: who may start when, and what Docker builds. */
const besides = ['profiles', 'depends_on', 'restart', 'healthcheck']
const ofPodman = [
  'image',
  'build',
  'command',
  'volumes',
  'environment',
  'networks',
  'read_only',
  'tmpfs',
  'cap_drop',
  'security_opt',
  'stdin_open',
  'tty',
]

export class Composition {
  private readonly engine: Engine
  private readonly folder: string
  private readonly file: ComposeFile
  private readonly started: string[] = []

  constructor(engine: Engine, path: string) {
    this.engine = engine
    this.folder = dirname(path)
    this.file = parse(readFileSync(path, 'utf8'), { merge: true }) as ComposeFile
  }

  async up(...names: readonly string[]): Promise<void> {
    for (const [name, { ipam }] of Object.entries(this.file.networks)) {
      if ((await this.engine.run('podman', 'network', 'exists', name)).code === 0) continue
      const { subnet, ip_range: range } = ipam.config[0]!
      await this.engine.podman('network', 'create', '--internal', '--subnet', subnet, '--ip-range', range, name)
    }
    for (const name of names) await this.start(name, this.file.services[name]!)
  }
  private async start(name: string, service: Service): Promise<void> {
    const strange = Object.keys(service).filter((key) => ![...ofPodman, ...besides].includes(key))
    if (strange.length > 0) throw new Error(`service ${name} has ${strange.join(', ')}, which no test brings up`)
    await this.build(service)
    this.started.push(name)
    await this.engine.podman('run', '--detach', '--name', name, ...this.optionsOf(service), service.image, ...wordsOf(service))
  }
  /** An image of somebody else's program; that of Proxima is there. */
  private async build({ image, build }: Service): Promise<void> {
    if (build?.args === undefined || (await this.engine.run('podman', 'image', 'exists', image)).code === 0) return
    const context = resolve(this.folder, build.context)
    await this.engine.build({ file: join(context, 'Dockerfile'), context, tag: image, args: build.args })
  }
  private optionsOf(service: Service): readonly string[] {
    const { networks, volumes = [], environment = {}, tmpfs = [], cap_drop: drop = [], security_opt: security = [] } = service
    const fixed = Array.isArray(networks) ? [] : Object.values(networks as { readonly [name: string]: { ipv4_address: string } })
    return [
      ...['--network', Array.isArray(networks) ? networks[0]! : Object.keys(networks)[0]!],
      ...fixed.flatMap(({ ipv4_address: address }) => ['--ip', address]),
      ...volumes.flatMap((volume) => ['--volume', volume.replace(/^\.(?=\/)/, this.folder)]),
      ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      ...tmpfs.flatMap((path) => ['--tmpfs', path]),
      ...drop.flatMap((name) => ['--cap-drop', name]),
      ...security.flatMap((option) => ['--security-opt', option]),
      ...(service.read_only === true ? ['--read-only'] : []),
      ...(service.stdin_open === true ? ['--interactive'] : []),
      ...(service.tty === true ? ['--tty'] : []),
    ]
  }
  async logs(name: string): Promise<string> {
    const { out, err } = await this.engine.run('podman', 'logs', name)
    return out + err
  }
  /** Ends all that it has started, and takes the networks away. */
  async down(): Promise<void> {
    await this.engine.run('podman', 'rm', '--force', '--volumes', '--time', '0', ...this.started)
    for (const name of Object.keys(this.file.networks)) await this.engine.run('podman', 'network', 'rm', '--force', name)
  }
}

/** Words of a command, of which some may stand between quotes. */
function wordsOf({ command = '' }: Service): readonly string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!)
}
