/**
 * Ground for containers: a network namespace, and a folder with all that podman and buildah keep. Nothing outside of both is
 * touched, and `remove` takes all away. It needs root, and no service of the machine.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Debian packages of it; tests talk to the last ones. */
export const groundPackages = {
  buildah: 'buildah',
  podman: 'podman',
  runc: 'runc',
  conmon: 'conmon',
  '/usr/lib/podman/netavark': 'netavark',
  '/usr/lib/podman/aardvark-dns': 'aardvark-dns',
  iptables: 'iptables',
  ip: 'iproute2',
  nsenter: 'util-linux',
  'podman-compose': 'podman-compose',
  debootstrap: 'debootstrap',
  sipsak: 'sipsak',
} as const

const prefix = 'proxima-images-'

export interface Ground {
  readonly folder: string
  /** Name of the network namespace. */
  readonly namespace: string
}

/** Takes away what runs before left that were killed. */
export function clearGrounds(): void {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(prefix))) {
    const owner = Number(/^proxima-images-(\d+)-/.exec(name)?.[1])
    if (!existsSync(`/proc/${owner}`)) removeGround(groundAt(join(tmpdir(), name)))
  }
}

export function layGround(): Ground {
  const ground = groundAt(mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`)))
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6g', 'tmpfs', ground.folder]) // else on the disk, which takes longer
  try {
    for (const name of ['storage', 'run', 'tmp', 'networks', 'volumes']) mkdirSync(join(ground.folder, name))
    writeFileSync(join(ground.folder, 'storage.conf'), storageOf(ground))
    writeFileSync(join(ground.folder, 'containers.conf'), settingsOf(ground))
    writeFileSync(join(ground.folder, 'registries.conf'), 'unqualified-search-registries = ["docker.io"]\n')
    writeFileSync(join(ground.folder, 'policy.json'), '{ "default": [{ "type": "insecureAcceptAnything" }] }\n')
    execFileSync('ip', ['netns', 'add', ground.namespace])
    execFileSync('ip', ['-n', ground.namespace, 'link', 'set', 'lo', 'up'])
  } catch (error) {
    removeGround(ground)
    throw error
  }
  return ground
}

export function groundAt(folder: string): Ground {
  return { folder, namespace: folder.slice(folder.lastIndexOf('/') + 1) }
}

/** Variables by which podman and buildah find their settings, and with them all that is ours. */
export function environmentOf({ folder }: Ground): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CONTAINERS_CONF: join(folder, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
    CONTAINERS_REGISTRIES_CONF: join(folder, 'registries.conf'),
    BUILDAH_ISOLATION: 'chroot',
    TMPDIR: join(folder, 'tmp'),
  }
}

/** A command's words, to be run in the namespace. */
export function inNamespace({ namespace }: Ground, words: readonly string[]): readonly [string, ...string[]] {
  return ['nsenter', `--net=/run/netns/${namespace}`, ...words]
}

function storageOf({ folder }: Ground): string {
  return `[storage]
driver = "overlay"
graphroot = "${join(folder, 'storage')}"
runroot = "${join(folder, 'run')}"
`
}

/** No more open files and processes than this machine lets us have; runc, since crun refuses its mixed cgroups. */
function settingsOf({ folder }: Ground): string {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const limit = (name: string, title: string): string => {
    const ours = Number(new RegExp(`^${title} +(\\d+)`, 'm').exec(limits)?.[1] ?? Infinity)
    const most = Math.min(ours, 32_768) // buildah sets that one first, and none is raised again
    return `"${name}=${most}:${most}"`
  }
  return `[containers]
default_ulimits = [${limit('nofile', 'Max open files')}, ${limit('nproc', 'Max processes')}]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "${join(folder, 'tmp')}"
volume_path = "${join(folder, 'volumes')}"
[network]
network_backend = "netavark"
network_config_dir = "${join(folder, 'networks')}"
`
}

/** Ends what runs in the namespace, and takes away both. */
export function removeGround(ground: Ground): void {
  const { folder, namespace } = ground
  const env = environmentOf(ground)
  const quietly = (words: readonly [string, ...string[]]): string =>
    spawnSync(words[0], words.slice(1), { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000 }).stdout ??
    ''
  if (existsSync(join(folder, 'storage', 'libpod'))) {
    quietly(inNamespace(ground, ['podman', 'rm', '--all', '--force', '--time', '0']) as [string, ...string[]])
    quietly(['buildah', 'rm', '--all'])
  }
  for (const pid of quietly(['ip', 'netns', 'pids', namespace]).split('\n').map(Number)) if (pid > 1) end(pid)
  quietly(['ip', 'netns', 'delete', namespace])
  const mounted = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((place) => `${place}/`.startsWith(`${folder}/`))
  for (const place of mounted.reverse()) quietly(['umount', '-l', place])
  rmSync(folder, { recursive: true, force: true })
  removeCgroups()
}

/** Groups that podman leaves empty; those in which anything runs cannot be removed. */
function removeCgroups(): void {
  const root = '/sys/fs/cgroup'
  const parents = ['', ...(existsSync(root) ? readdirSync(root) : [])].map((name) => join(root, name, 'libpod_parent'))
  for (const parent of parents.filter((path) => existsSync(path))) {
    const groups = readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    for (const path of [...groups.map(({ name }) => join(parent, name)), parent]) spawnSync('rmdir', [path], { stdio: 'ignore' })
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}
