/** The desktop by its real programs, where they are: xdg-mime, gio. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { PushNotice } from '../../../../../elements/ue/index.ts'
import { notificationPrompter } from '../../../../../elements/ue/push/desktop/notifications.ts'
import { XdgDesktop } from '../../../../../elements/ue/push/desktop/xdg-desktop.ts'
import { RealClock, randomIds, silent } from '../../../../../signalling/index.ts'

const home = mkdtempSync(join(tmpdir(), 'proxima-desktop-'))
const applications = join(home, 'applications')
const bin = join(home, 'bin')
const clock = new RealClock((fault) => {
  throw fault
})
test.after.always(() => {
  writeFileSync(join(home, 'end'), '')
  rmSync(home, { recursive: true, force: true })
})

function isThere(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test.before(() => {
  for (const folder of [join(applications, 'kde'), bin]) mkdirSync(folder, { recursive: true })
  const program = join(bin, 'viewer')
  writeFileSync(
    program,
    `#!/bin/sh\nprintf '%s\\n' "$#" "$@" >> ${home}/opened\nwhile [ -d ${home} ] && [ ! -e ${home}/end ]; do sleep 0.1; done\n`,
  )
  chmodSync(program, 0o755)
  const entry = (...lines: readonly string[]): string => ['[Desktop Entry]', 'Type=Application', ...lines, ''].join('\n')
  const viewer = entry('Name=Image Viewer', `Exec=${program} %F`, 'MimeType=image/png;')
  writeFileSync(join(applications, 'org.example.viewer.desktop'), viewer)
  writeFileSync(join(applications, 'kde', 'deep.desktop'), entry('Name=Deep', `Exec=${program}`, 'TryExec=viewer'))
  writeFileSync(join(applications, 'gone.desktop'), entry('Name=Gone', 'Exec=x', 'TryExec=/no/such/program'))
  writeFileSync(join(applications, 'mimeapps.list'), '[Default Applications]\nimage/png=org.example.viewer.desktop\n')
  for (const name of ['XDG_DATA_HOME', 'XDG_CONFIG_HOME']) process.env[name] = home
  process.env['XDG_CONFIG_HOME'] = applications // has mimeapps.list
  process.env['XDG_DATA_DIRS'] = home
  process.env['HOME'] = home
})

function desktop(folder = join(home, 'content')): XdgDesktop {
  const folders = { dataFolders: [join(home, 'none'), home], programFolders: [bin], folder }
  return new XdgDesktop({ clock, ids: randomIds(), log: silent, ...folders })
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = clock.now() + 60_000
  while (!(await holds())) {
    if (clock.now() > end) throw new Error(`not so: ${what}`)
    await new Promise<void>((resolve) => clock.after(50, resolve))
  }
}

test('applications are those of desktop files whose program is there', async (t) => {
  const ids = (await desktop().installed()).map(({ id }) => id)
  t.deepEqual(ids.toSorted(), ['kde-deep', 'org.example.viewer'])
})

test('P60: xdg-mime tells the default; what is no media type is not asked', async (t) => {
  if (!isThere('xdg-mime')) return t.pass('there is no xdg-mime')
  t.is(await desktop().defaultFor('image/png'), 'org.example.viewer')
  for (const type of ['image/x-none', '--help', 'a b', '../x']) t.is(await desktop().defaultFor(type), undefined, type)
})

test('P56, P61, A17: gio opens files with it, in one process that is known to run until it ends', async (t) => {
  if (!isThere('gio')) return t.pass('there is no gio')
  const own = desktop()
  const viewer = (await own.installed()).find(({ id }) => id === 'org.example.viewer')!
  t.false(await own.isRunning(viewer))
  const files = [await own.keep(Buffer.from('1'), 'image/png'), await own.keep(Buffer.from('2'), 'image/png; rm')]
  t.deepEqual(
    files.map((file) => file!.slice(-4)),
    ['.png', '.bin'],
  )
  t.is(statSync(files[0]!).mode & 0o777, 0o600)
  t.is(statSync(join(home, 'content')).mode & 0o777, 0o700)
  t.true(await own.open(viewer, files as string[]))
  await until(
    'it has both',
    () => existsSync(join(home, 'opened')) && readFileSync(join(home, 'opened'), 'utf8').includes('.bin'),
  )
  t.is(readFileSync(join(home, 'opened'), 'utf8'), ['2', ...files, ''].join('\n'))
  t.true(await own.isRunning(viewer))
  writeFileSync(join(home, 'end'), '')
  await until('it has ended', async () => !(await own.isRunning(viewer)))
})

test('A17: content goes nowhere else: not through a link, and not where others may look', async (t) => {
  const folder = join(home, 'linked')
  symlinkSync(home, folder)
  t.is(await desktop(folder).keep(Buffer.from('x'), 'text/plain'), undefined)
  const open = join(home, 'open')
  mkdirSync(open, { mode: 0o777 })
  chmodSync(open, 0o777)
  t.truthy(await desktop(open).keep(Buffer.from('x'), 'text/plain'))
  t.is(statSync(open).mode & 0o777, 0o700)
  t.is(readdirSync(open).length, 1)
})

test('what cannot be started is told so', async (t) => {
  const failing = new XdgDesktop({
    ...{ clock, ids: randomIds(), log: silent, dataFolders: [home], programFolders: [bin], folder: join(home, 'content') },
    run: async () => ({ code: undefined, out: '' }),
  })
  const [first] = await failing.installed()
  t.false(await failing.open(first!, []))
  t.is(await failing.defaultFor('image/png'), undefined)
})

test('P55: a notification of the desktop, without markup', async (t) => {
  const ran: (readonly string[])[] = []
  const run = async (program: string, args: readonly string[]) => {
    ran.push([program, ...args])
    return { code: 0, out: '' }
  }
  await notificationPrompter(({ sender }) => `from ${sender}`, run)({ sender: '<b>&' } as PushNotice)
  t.deepEqual(ran, [['notify-send', '--app-name=Proxima', '--', 'Push', 'from &#60;b&#62;&#38;']])
})
