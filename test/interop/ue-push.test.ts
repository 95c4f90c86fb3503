/** `proxima ue --push` as a user of a desktop meets it: real processes, real programs of the desktop where they are. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { runProgram } from '../../elements/ue/push/desktop/programs.ts'
import { type DefaultServer, program, proxima, Running, startDefaultServer } from '../support/process.ts'

const picture = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(5000, 0xfe)])
let server: DefaultServer
let home: string
let viewed: string
const air = ['--air', 'none']

test.before(async () => {
  server = await startDefaultServer()
  home = join(server.folder, 'home')
  viewed = join(home, 'viewed')
  const applications = join(home, '.local', 'share', 'applications')
  for (const folder of [applications, join(home, '.config')]) mkdirSync(folder, { recursive: true })
  const viewer = join(home, 'viewer')
  writeFileSync(viewer, `#!/bin/sh\nfor file in "$@"; do cat "$file" >> ${viewed}; done\n`)
  chmodSync(viewer, 0o755)
  const entry = ['[Desktop Entry]', 'Type=Application', 'Name=Image Viewer', `Exec=${viewer} %F`, 'MimeType=image/png;', '']
  writeFileSync(join(applications, 'org.example.viewer.desktop'), entry.join('\n'))
  writeFileSync(join(home, '.config', 'mimeapps.list'), '[Default Applications]\nimage/png=org.example.viewer.desktop\n')
})
test.after.always(() => server?.remove())

function ue(...args: readonly string[]): Running {
  const env = {
    ...process.env,
    HOME: home,
    XDG_DATA_HOME: '',
    XDG_CONFIG_HOME: '',
    XDG_STATE_HOME: '',
    XDG_DATA_DIRS: join(home, 'none'),
  }
  return new Running(process.execPath, [program, 'ue', ...args, '--server', `127.0.0.1:${server.tcp}`, ...air], { env })
}

async function post(to: string, body: Buffer | string, type?: string): Promise<number> {
  const headers = type === undefined ? {} : { 'Content-Type': type }
  const content = typeof body === 'string' ? body : new Uint8Array(body)
  return (await fetch(`${server.http}/push/${to}`, { method: 'POST', body: content, headers })).status
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i++) {
    if (i > 1200) throw new Error(`not so: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const hasDesktop = async (): Promise<boolean> =>
  (await runProgram('gio', ['version'])).code === 0 && (await runProgram('xdg-mime', ['--version'])).code === 0

test.serial('P56, P57, P60: a picture, a question, and the viewer has it; always is remembered over a restart', async (t) => {
  if (!(await hasDesktop())) return t.pass('there is no gio, or no xdg-mime')
  const carol = ue('carol', '--push')
  t.teardown(() => carol.stop())
  await carol.said(/is registered/)
  t.is(await post('carol', 'Backup done'), 201)
  await carol.said(/message from "Local" \S+: Backup done/)
  t.is(await post('carol', picture, 'image/png'), 201)
  await carol.said(/push from "Local" \S+: image\/png, 5\.0 kB, for Image Viewer/)
  await carol.said(/open with Image Viewer\? \[y\/N\/always\]/)
  t.false(existsSync(viewed), 'nothing before the answer')
  carol.type('always\n')
  await until('the viewer has it', () => existsSync(viewed) && readFileSync(viewed).length >= picture.length)
  t.deepEqual(readFileSync(viewed), picture)
  carol.signal('SIGTERM')
  t.is((await carol.ended).code, 0)
  const again = ue('carol', '--push')
  t.teardown(() => again.stop())
  await again.said(/is registered/)
  t.is(await post('carol', picture, 'image/png'), 201)
  await until('it has the second', () => readFileSync(viewed).length >= 2 * picture.length)
  t.notRegex(again.output, /open with/)
  again.signal('SIGTERM')
  await again.ended
})

test.serial('P57, A8: bob sends a file; killed at the question, he is asked again; bob hears that he declines', async (t) => {
  if (!(await hasDesktop())) return t.pass('there is no gio, or no xdg-mime')
  const file = join(home, 'picture.png')
  writeFileSync(file, picture)
  const dave = ue('dave', '--push')
  t.teardown(() => dave.stop())
  await dave.said(/is registered/)
  const bob = ue('bob', '--send', 'dave', file, '--for', '900')
  t.teardown(() => bob.stop())
  await bob.said(/message to sip:dave@localhost taken/)
  await bob.said(/: a device has it/)
  await dave.said(/push from sip:bob@localhost: image\/png[\s\S]*open with Image Viewer/)
  dave.signal('SIGKILL')
  await dave.ended
  const again = ue('dave', '--push')
  t.teardown(() => again.stop())
  await again.said(/push from sip:bob@localhost: image\/png[\s\S]*open with Image Viewer/)
  again.type('n\n')
  await bob.said(/its receiver declines it/)
  for (const running of [again, bob]) running.signal('SIGTERM')
  const ends = await Promise.all([again.ended, bob.ended])
  t.deepEqual(
    ends.map(({ code }) => code),
    [0, 0],
  )
})

test.serial('A17, P62: a page is kept, and not opened', async (t) => {
  const eve = ue('eve', '--push', '--open', 'always')
  t.teardown(() => eve.stop())
  await eve.said(/is registered/)
  t.is(await post('eve', '<html><script>', 'text/html'), 201)
  const [, path] = await eve.said(/text\/html, 14 bytes; it may run something, and is not opened; kept as (\S+)/)
  t.is(readFileSync(path!, 'utf8'), '<html><script>')
  eve.signal('SIGTERM')
  await eve.ended
})

test.serial('P10: a program gets its application’s Pushes by HTTP, and posts its own', async (t) => {
  const got: string[] = []
  const listener = createServer(async (request: IncomingMessage, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    got.push(`${request.headers['push-application']} ${body}`)
    response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  t.teardown(() => listener.close())
  const { port } = listener.address() as AddressInfo
  const own = await lastingPort()
  const alice = ue('alice', '--push', '--program', `org.example.local=http://127.0.0.1:${port}/`, '--http', `127.0.0.1:${own}`)
  t.teardown(() => alice.stop())
  await alice.said(/is registered/)
  t.is(await post('alice', 'open the door'), 201)
  await until('the program has it', () => got.length === 1)
  t.is(got[0], 'org.example.local open the door')
  const to = `http://127.0.0.1:${own}/push/${encodeURIComponent('sip:0a17c5d2e8b9f604@push.localhost')}`
  t.is((await fetch(to, { method: 'POST', body: 'to herself' })).status, 201)
  await until('and what it posted', () => got.length === 2)
  t.is((await fetch(to, { method: 'POST', body: 'x', headers: { Origin: 'http://evil.example' } })).status, 403)
  alice.signal('SIGTERM')
  await alice.ended
})

test.serial('P21: names are found in files; what is wrong with one is told', async (t) => {
  const cards = join(home, 'friends.vcf')
  const card = ['BEGIN:VCARD', 'VERSION:4.0', 'FN:Dear Bob', 'IMPP:sip:0b44d7f1369ea52c@push.localhost', 'END:VCARD', '']
  writeFileSync(cards, card.join('\r\n'))
  const file = join(home, 'note.txt')
  writeFileSync(file, 'hello')
  const sent = ue('alice', '--send', 'dear bob', file, '--entries', cards)
  const { code, out } = await sent.ended
  t.is(code, 0, out)
  t.regex(out, /message to sip:0b44d7f1369ea52c@push\.localhost (taken|kept)/)
  writeFileSync(join(home, 'bad.csv'), 'name,uri\nBob,sip:bob@localhost\n')
  const refused = await proxima('ue', 'alice', '--push', '--entries', join(home, 'bad.csv'), ...air)
  t.not(refused.code, 0)
  t.regex(refused.err, /bad\.csv cannot be read as people and applications: entry 1: sip:bob@localhost is no Push identifier/)
  for (const [args, words] of [
    [['--send', 'bob'], /--send has 1 values; expected a user and a file/],
    [['--send', 'bob', join(home, 'none')], /cannot be read/],
    [['--push', '--transport', 'ws'], /--push goes by udp or tcp/],
    [['--program', 'a=http://127.0.0.1:1/'], /--program goes with --push/],
    [['--push', '--http', '127.0.0.1:1'], /--http goes with --program/],
  ] as const) {
    const { code, err } = await proxima('ue', 'alice', ...args, ...air)
    t.not(code, 0)
    t.regex(err, words)
  }
})
