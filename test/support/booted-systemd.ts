/**
 * A systemd of its own, the first process of new namespaces over an overlay of this machine's files. Units that we ship run
 * under it as they would elsewhere. Only for root, where overlays may be mounted.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { until } from './patience.ts'
import { type Ended, run } from './process.ts'

export interface BootedSystemd {
  /** Runs a command line of a shell there. */
  readonly sh: (line: string) => Promise<Ended>
  /** Ends all that runs there; nothing of it stays. */
  end(): Promise<void>
}

const repository = join(import.meta.dirname, '../..')
const clone = '/opt/proxima'
const stubs = 'sysinit basic shutdown umount final network-online local-fs sockets timers paths poweroff'
const journal = 'systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket'

/** Hierarchies of control groups: the unified one, or one for each controller. */
function hierarchies(): readonly string[] {
  const all = '/sys/fs/cgroup'
  if (existsSync(join(all, 'cgroup.controllers'))) return [all]
  const below = existsSync(all) ? readdirSync(all, { withFileTypes: true }) : []
  return below.filter((each) => each.isDirectory()).map(({ name }) => join(all, name))
}

/** Mounts, then the units: of the system's own the journal alone, so that nothing else of the machine starts. */
function bootScript(folder: string, node: string): string {
  const [root, over] = [join(folder, 'root'), join(folder, 'over')]
  return `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs ${over}
mkdir ${over}/upper ${over}/work
mount -t overlay overlay -o lowerdir=/,upperdir=${over}/upper,workdir=${over}/work ${root}
mount -t proc proc ${root}/proc
mount --rbind /sys ${root}/sys
if [ -e ${root}/sys/fs/cgroup/cgroup.controllers ]
then mount -t cgroup2 cgroup2 ${root}/sys/fs/cgroup
else
  mount -t tmpfs tmpfs ${root}/sys/fs/cgroup
  mkdir ${root}/sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup ${root}/sys/fs/cgroup/systemd
fi
mount --rbind /dev ${root}/dev
mount -t tmpfs tmpfs ${root}/run
mount -t tmpfs tmpfs ${root}/tmp
mkdir -p ${root}${clone} ${root}/run/units ${root}/etc/proxima ${root}/usr/local/bin
mount --bind ${repository} ${root}${clone}
ln -sf ${clone}/dialplans/launch.js ${root}/usr/local/bin/proxima
ln -sf ${node} ${root}/usr/local/bin/node
cd ${root}/run/units
for name in ${stubs}; do printf '[Unit]\\nDefaultDependencies=no\\n' > $name.target; done
printf '[Unit]\\nWants=systemd-journald.service\\n' > test.target
for name in ${journal}; do cp /usr/lib/systemd/system/$name .; done
cd ${root}
mkdir old
pivot_root . old
umount -l old
exec env -i container=test SYSTEMD_UNIT_PATH=/run/units SYSTEMD_LOG_TARGET=journal PATH=/usr/sbin:/usr/bin \\
  /lib/systemd/systemd --system --unit=test.target
`
}

/** The systemd, or why there is none. */
export async function bootSystemd(): Promise<BootedSystemd | string> {
  if (process.getuid?.() !== 0) return 'only root boots a systemd of its own'
  if (existsSync('/run/systemd/system')) return 'this machine has a systemd, which is left alone'
  const folder = mkdtempSync(join(tmpdir(), 'proxima-systemd-'))
  for (const name of ['root', 'over']) mkdirSync(join(folder, name))
  const script = join(folder, 'boot.sh')
  const node = process.execPath.startsWith(repository) ? clone + process.execPath.slice(repository.length) : process.execPath
  writeFileSync(script, bootScript(folder, node))
  const groups = hierarchies().map((hierarchy) => join(hierarchy, basename(folder))) // all that it sees of control groups
  const entering = groups.map((group) => `mkdir ${group} && echo $$ > ${group}/cgroup.procs`).join('\n')
  const begin = `${entering}\nexec unshare --pid --mount --net --uts --ipc --cgroup --fork --kill-child sh ${script}`
  const child = spawn('sh', ['-c', begin], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const over = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await over
    await until('its control groups are empty', () => groups.every(removeGroup))
    rmSync(folder, { recursive: true, force: true })
  }
  const sh = (line: string): Promise<Ended> => {
    const [first] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ')
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin'
    return run('nsenter', ['-t', first!, '-a', 'env', '-i', path, 'sh', '-c', line])
  }
  const isUp = async (): Promise<boolean> => {
    if (child.exitCode !== null || child.pid === undefined) return true
    return (await sh('systemctl is-active test.target').catch(() => undefined))?.out === 'active\n'
  }
  try {
    await until('systemd has booted', isUp, 10)
  } catch (error) {
    output += String(error)
  }
  if (child.exitCode === null && child.pid !== undefined && !output.includes('has booted')) return { sh, end }
  await end()
  return `systemd does not boot in namespaces here: ${output.trim().split('\n').at(-1)}`
}

/** Removes a control group with those below it; false while a process of it has not gone yet. */
function removeGroup(group: string): boolean {
  if (!existsSync(group)) return true
  const below = readdirSync(group, { withFileTypes: true }).filter((each) => each.isDirectory())
  for (const { name } of below) if (!removeGroup(join(group, name))) return false
  try {
    rmdirSync(group)
    return true
  } catch {
    return false
  }
}
