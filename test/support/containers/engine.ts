/** podman, buildah and podman-compose on a ground of their own. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Ended, Running } from '../process.ts'
import { debianArchive, distrolessRoot, nodeOverlay } from './base.ts'
import { environmentOf, type Ground, groundAt, inNamespace } from './ground.ts'

const root = join(import.meta.dirname, '../../..')

export interface BuildOptions {
  readonly file: string
  readonly context: string
  readonly tag: string
  readonly args?: { readonly [name: string]: string }
}

/** On the ground that `npm run images` has made for its tests, and takes away after them. */
export function openEngine(): Engine {
  const folder = process.env['PROXIMA_IMAGES']
  if (folder === undefined) throw new Error('there is no ground for containers; run npm run images -- <file>')
  return new Engine(groundAt(folder))
}

export class Engine {
  readonly ground: Ground

  constructor(ground: Ground) {
    this.ground = ground
  }

  /** A command that runs in the namespace: outside every container, on the side to which ports are published. */
  start(command: string, ...args: readonly string[]): Running {
    const [first, ...words] = inNamespace(this.ground, [command, ...args])
    return new Running(first, words, { env: environmentOf(this.ground) })
  }
  run(command: string, ...args: readonly string[]): Promise<Ended> {
    return this.start(command, ...args).ended
  }
  /** Standard output of a podman command; rejects where that fails. */
  async podman(...args: readonly string[]): Promise<string> {
    return succeeded(`podman ${args.join(' ')}`, await this.run('podman', ...args))
  }
  async compose(file: string, ...args: readonly string[]): Promise<string> {
    return succeeded(`podman-compose ${args.join(' ')}`, await this.run('podman-compose', '--file', file, ...args))
  }
  /** Steps of a build see the machine's own network, for packages; so it runs outside the namespace. */
  async build({ file, context, tag, args = {} }: BuildOptions): Promise<void> {
    const given = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
    await this.buildah('bud', '--pull-never', '--layers', '--format', 'docker', ...given, '--tag', tag, '--file', file, context)
  }
  async buildah(...args: readonly string[]): Promise<string> {
    const { folder } = this.ground
    const built = new Running('buildah', args, { env: environmentOf(this.ground), cwd: folder })
    return succeeded(`buildah ${args.join(' ')}`, await built.ended)
  }

  /** The image of Proxima, built once for all tests. */
  async image(): Promise<void> {
    if ((await this.run('podman', 'image', 'exists', 'proxima')).code === 0) return
    await this.standIns()
    await this.build({ file: join(root, 'docker/Dockerfile'), context: root, tag: 'proxima' })
  }
  /** Tags root file systems by the names of the published bases for which they stand. */
  async standIns(): Promise<void> {
    const debian = 'docker.io/library/debian:bookworm-slim'
    await this.podman('import', debianArchive(), debian)
    const [folder, archive] = [join(this.ground.folder, 'node'), join(this.ground.folder, 'node.tar')]
    mkdirSync(folder)
    execFileSync('tar', ['-C', folder, '-xf', debianArchive()])
    nodeOverlay(folder)
    execFileSync('tar', ['--numeric-owner', '-C', folder, '-cf', archive, '.'])
    const variable = 'NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' // for npm, behind this machine's proxies
    await this.podman('import', '--change', `ENV ${variable}`, archive, 'docker.io/library/node:24-bookworm-slim')
    for (const path of [folder, archive]) rmSync(path, { recursive: true })
  }

  /** Tags the C library, its relatives and no shell by the name of the distroless base for C programs. */
  async distroless(): Promise<void> {
    const root = join(this.ground.folder, 'distroless')
    distrolessRoot(root)
    const archive = `${root}.tar`
    execFileSync('tar', ['--numeric-owner', '-C', root, '-cf', archive, '.'])
    await this.podman('import', archive, 'gcr.io/distroless/cc-debian12:nonroot')
  }
}

function succeeded(what: string, { code, out, err }: Ended): string {
  if (code !== 0) throw new Error(`${what} ended with ${code}:\n${out}\n${err}`)
  return out
}
