/** The unit of systemd: judged by its own tools, and run by a real systemd where this machine lets one boot in namespaces. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type BootedSystemd, bootSystemd } from '../support/booted-systemd.ts'
import { until } from '../support/patience.ts'
import { program, run } from '../support/process.ts'

const shipped = join(import.meta.dirname, '../../docker/systemd')
const folder = mkdtempSync(join(tmpdir(), 'proxima-unit-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
const exposureAtMost = 16 // tenths, of 100; the unit's own is 15
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0
const withSystemd = hasSystemd ? test : test.skip // a system without it: macOS, Alpine

/** The unit with paths that exist here. */
function installed(): string {
  const unit = join(folder, 'proxima.service')
  const here = (text: string): string =>
    text
      .replace('ExecStart=proxima ', `ExecStart=${process.execPath} ${program} `)
      .replace('/opt/proxima/node_modules/.bin/node /opt/proxima/dialplans/launch.js', `${process.execPath} ${program}`)
  writeFileSync(unit, here(readFileSync(join(shipped, 'proxima.service'), 'utf8')))
  mkdirSync(`${unit}.d`, { recursive: true })
  writeFileSync(join(`${unit}.d`, 'clone.conf'), here(readFileSync(join(shipped, 'clone.conf'), 'utf8')))
  return unit
}

withSystemd('systemd knows every line of the unit and of its drop-in', async (t) => {
  const { code, out, err } = await run('systemd-analyze', ['verify', '--man=no', installed()])
  const complaints = `${out}${err}`.split('\n').filter((line) => line.includes('proxima.service'))
  t.deepEqual(
    complaints.filter((line) => !/system call, ignoring/.test(line)), // of its own lists, which are newer than its libseccomp
    [],
  )
  t.is(code, 0)
  writeFileSync(join(folder, 'wrong.service'), '[Service]\nExecStart=/bin/true\nProtectSytem=strict\n')
  t.regex((await run('systemd-analyze', ['verify', '--man=no', join(folder, 'wrong.service')])).err, /ProtectSytem/)
})

withSystemd('the unit exposes little of the machine', async (t) => {
  const { code, out, err } = await run('systemd-analyze', [
    ...['security', '--offline=true', `--threshold=${exposureAtMost}`, '--no-pager'],
    installed(),
  ])
  t.is(code, 0, out + err)
  t.regex(out, /Overall exposure level for proxima\.service: \d/)
})

/** Starts the node of that dialplan, with that drop-in, by a systemd of its own; undefined: none boots here. */
async function serve(t: ExecutionContext, dropIn: string, isClone = false): Promise<BootedSystemd | undefined> {
  const systemd = await bootSystemd()
  if (typeof systemd === 'string') {
    t.log(`not tried: ${systemd}`)
    t.pass()
    return undefined
  }
  t.teardown(() => systemd.end())
  const { code, err } = await systemd.sh(`set -e
    cp /opt/proxima/docker/systemd/proxima.service /run/units/
    cp /opt/proxima/dialplans/default.yaml /etc/proxima/dialplan.yaml
    mkdir -p /run/units/proxima.service.d
    ${isClone ? 'rm /usr/local/bin/proxima; cp /opt/proxima/docker/systemd/clone.conf /run/units/proxima.service.d/' : ''}
    printf '[Service]\\n${dropIn}\\n' > /run/units/proxima.service.d/test.conf
    systemctl daemon-reload
    systemctl start proxima`)
  const { out } = await systemd.sh('journalctl --no-pager -u proxima -o cat -n 20')
  t.is(code, 0, err + out)
  return systemd
}

const status = 'systemctl show --value -p StatusText proxima'
const restarts = 'systemctl show --value -p NRestarts proxima'
const main = 'systemctl show --value -p MainPID proxima'

test.serial('a real systemd: ready, read again, killed, stopped', async (t) => {
  const systemd = hasSystemd ? await serve(t, 'WatchdogSec=2\\nTimeoutAbortSec=1') : undefined
  if (systemd === undefined) return t.pass()
  const read = async (line: string): Promise<string> => (await systemd.sh(line)).out.trim()
  t.regex(await read(status), /^default listens on udp:\/\/127\.0\.0\.1:5060, tcp/)
  t.is(await read('proxima health /etc/proxima/dialplan.yaml >/dev/null && echo well'), 'well')
  t.regex(await read('stat -L -c "%a %U" /var/lib/proxima /var/lib/proxima/token'), /^700 proxima\n600 proxima$/)

  await systemd.sh('sed -i "s/role: mme/role: mmx/" /etc/proxima/dialplan.yaml && systemctl reload proxima')
  await until('the fault is the status', async () => /dialplan not taken.*dialplan\.yaml:\d+: .*'mmx'/.test(await read(status)))
  t.is(await read('systemctl is-active proxima'), 'active')
  t.regex(await read('journalctl --no-pager -u proxima -p err -o cat'), /dialplan not taken/)
  await systemd.sh('sed -i "s/role: mmx/role: mme/" /etc/proxima/dialplan.yaml && systemctl reload proxima')
  await until('it is taken', async () => !/not taken/.test(await read(status)))

  const reach = '--dialplan /etc/proxima/dialplan.yaml --token-file /var/lib/proxima/token'
  t.is(await read(`echo a-secret-of-hers | proxima hss add zoe --password-stdin ${reach}`), 'added sip:zoe@localhost')
  t.is(await read(restarts), '0')
  await systemd.sh(`kill -9 $(${main})`)
  await until('it is started anew', async () => (await read(restarts)) === '1' && /listens/.test(await read(status)))
  t.regex(await read(`proxima hss list ${reach}`), /sip:zoe@localhost/)

  await systemd.sh(`kill -STOP $(${main})`)
  await until('the watchdog misses it', async () => (await read(restarts)) === '2' && /listens/.test(await read(status)))
  t.regex(await read('journalctl --no-pager -u proxima -o cat'), /Watchdog timeout/)
  await systemd.sh('systemctl stop proxima')
  t.is(await read('systemctl show --value -p Result proxima'), 'success')
})

test.serial('a real systemd, out of a clone and without the native module: systemd-notify tells it', async (t) => {
  const systemd = hasSystemd
    ? await serve(t, 'WatchdogSec=2\\nInaccessiblePaths=/opt/proxima/signalling/native', true)
    : undefined
  if (systemd === undefined) return t.pass()
  const read = async (line: string): Promise<string> => (await systemd.sh(line)).out.trim()
  t.regex(await read(status), /^default listens on/)
  const since = 'systemctl show --value -p WatchdogTimestampMonotonic proxima'
  const first = Number(await read(since))
  await until('signs of life go on', async () => Number(await read(since)) > first + 3_000_000)
  t.is(await read(restarts), '0')
  await systemd.sh('systemctl stop proxima')
  t.is(await read('systemctl show --value -p Result proxima'), 'success')
})
