/** The command line as a user meets it: real processes, one clear line for what cannot be done. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'ava'
import { commandMakers } from '../../dialplans/commands/catalogue.ts'
import { type Ended, program, Running, run } from '../support/process.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'proxima-commands-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

function proxima(...args: readonly string[]): Promise<Ended> {
  return run(process.execPath, [program, ...args], { cwd: folder })
}

const shipped = (name: string): string => join(root, 'dialplans', `${name}.yaml`)

test('--help names every command, and that of a command its own', async (t) => {
  const { code, out } = await proxima('--help')
  t.is(code, 0)
  for (const name of Object.keys(commandMakers)) t.regex(out, new RegExp(`^  ${name}\\b`, 'm'))
  const own = await proxima('push', 'why', '--help')
  t.is(own.code, 0)
  t.regex(own.out, /^Usage: proxima push why [\s\S]*\$ proxima push why bob/)
})

test('--version tells its own and that of Node', async (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }
  for (const option of ['--version', '-V'])
    t.is((await proxima(option)).out, `proxima ${version} (Node ${process.versions.node})\n`)
})

test('`npm start -- <dialplan>` starts that one, and no other', async (t) => {
  const refused = await run('npm', ['start', '--silent', '--', 'none.yaml'], { cwd: root })
  t.is(refused.code, 1)
  t.regex(refused.err, /^none\.yaml: there is no such file/m)
})

/** Has a process take itself for that version of Node. */
function asNode(version: string): readonly string[] {
  const change = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  return ['--import', `data:text/javascript,${encodeURIComponent(change)}`]
}

const launcher = join(root, 'dialplans/launch.js')

test('an older Node starts the pinned one, with its arguments and its exit code', async (t) => {
  const version = await run(process.execPath, [...asNode('20.20.2'), launcher, '--version'])
  t.regex(version.out, new RegExp(`\\(Node ${process.versions.node}\\)`))
  const refused = await run(process.execPath, [...asNode('20.20.2'), launcher, 'check', 'none.yaml'])
  t.is(refused.code, 1)
  t.regex(refused.err, /^none\.yaml: there is no such file/)
})

test('an older Node alone says in one line what is missing', async (t) => {
  const alone = mkdtempSync(join(tmpdir(), 'proxima-launch-'))
  t.teardown(() => rmSync(alone, { recursive: true, force: true }))
  mkdirSync(join(alone, 'dialplans'))
  writeFileSync(join(alone, 'package.json'), '{ "type": "module" }')
  cpSync(launcher, join(alone, 'dialplans/launch.js'))
  const { code, err } = await run(process.execPath, [...asNode('20.20.2'), join(alone, 'dialplans/launch.js'), 'start'])
  t.is(code, 1)
  t.regex(err, /^proxima: needs Node 22\.20 or later, this is 20\.20\.2: .*install.*\n$/)
})

test('the first line of a start is for people, and so is each until it is ready', async (t) => {
  const ports = ['--port-udp', '0', '--port-tcp', '0', '--port-ws', '0', '--http', '127.0.0.1:0', '--data', 'memory']
  const node = new Running(process.execPath, [program, 'start', shipped('default'), ...ports], { cwd: folder })
  await node.said(/^ready/m)
  const lines = node.output.split('\n')
  t.regex(lines[0]!, /^Proxima, network 'default'/)
  t.deepEqual(
    lines.filter((line) => line.startsWith('{')),
    [],
  )
  t.is((await node.stop()).code, 0)
})

test('without a command it shows its help and fails', async (t) => {
  const { code, err } = await proxima()
  t.not(code, 0)
  t.regex(err, /Usage: proxima/)
})

const refused: readonly (readonly [title: string, args: readonly string[], line: RegExp])[] = [
  ['an unknown command', ['stat'], /^proxima: unknown command 'stat'.*see proxima --help$/],
  [
    'an unknown option',
    ['start', shipped('default'), '--prot-udp', '1'],
    /^proxima: unknown option '--prot-udp'.*see proxima start --help$/,
  ],
  ['a missing argument', ['check'], /^proxima: missing required argument 'file'; see proxima check --help$/],
  [
    'a port that is none',
    ['start', shipped('default'), '--port-udp', '70000'],
    /^proxima: option '--port-udp <port>' .*'70000' is invalid.*65535/,
  ],
  [
    'an address that is none',
    ['start', shipped('default'), '--listen', 'sctp:1'],
    /^proxima: option '--listen <url>' .*udp:\/\//,
  ],
  [
    'a level that is none',
    ['start', shipped('default'), '--log-level', 'loud'],
    /^proxima: option '--log-level <level>' .*Allowed choices are/,
  ],
  [
    'a file that is not there',
    ['start', 'none.yaml'],
    /^none\.yaml: there is no such file; expected a dialplan that can be read, or one that comes along: .*\bdefault, direct\b/,
  ],
  [
    'a request that is none',
    ['explain', shipped('default'), 'MESSAGE'],
    /^proxima: the request is 'MESSAGE'; expected "<method> <uri> \[event\]"/,
  ],
  [
    'an unknown sender',
    ['explain', shipped('default'), 'MESSAGE sip:a@b', '--from', 'me'],
    /^proxima: --from is 'me'; expected one of outside, trusted, proxy/,
  ],
  ['a capture that is not there', ['trace', 'none.pcapng'], /^proxima: none\.pcapng: there is no such file; give/],
  [
    'a folder that cannot be made',
    ['cert', '--out', '/proc/x'],
    /^proxima: \/proc\/x: the folder cannot be made \(ENOENT\); choose another --out$/,
  ],
  ['a capture that is none', ['trace', shipped('default')], /^proxima: .*default\.yaml/],
  [
    'demo passwords beyond loopback',
    ['start', shipped('default'), '--listen', 'udp://0.0.0.0:0'],
    /will not listen on udp:\/\/0\.0\.0\.0:0.*demo password/,
  ],
]

for (const [title, args, line] of refused) {
  test(`refused in one line: ${title}`, async (t) => {
    const { code, out, err } = await proxima(...args)
    t.not(code, 0)
    t.is(out, '')
    t.regex(err.trimEnd(), line)
    t.is(err.trimEnd().split('\n').length, 1, err)
  })
}

test('check tells every fault of every file with its line', async (t) => {
  writeFileSync(
    join(folder, 'a.yaml'),
    'name: a\ndomains: [a.example]\nlisten: [udp://127.0.0.1:0]\nelements:\n  hss: { role: hsss }\n',
  )
  writeFileSync(join(folder, 'b.yaml'), 'name: 1\ndomains: []\nlisten: [udp://127.0.0.1:0]\nelements: { hss: { role: hss } }\n')
  const { code, out, err } = await proxima('check', 'a.yaml', 'b.yaml', shipped('default'))
  t.not(code, 0)
  t.deepEqual(
    err
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]),
    ['a.yaml:5:', 'b.yaml:1:', 'b.yaml:2:'],
  )
  t.regex(out, /default\.yaml: ok; elements proxy, hss, prose, pcrf, presence, push, friends, registration\b.*; \d+ rules/)
})

test('explain says which rule wins and why, and where the proxy passes it on', async (t) => {
  const { code, out } = await proxima('explain', shipped('default'), 'subscribe sip:alice@localhost proximity')
  t.is(code, 0)
  t.regex(out, /^=> outside -> proxy: from matches$/m)
  t.regex(out, /^=> prose claims .* -> prose: .*match$/m)
  const inside = await proxima('explain', shipped('default'), 'MESSAGE sip:alice@localhost', '--from', 'prose')
  t.regex(inside.out, /^=> inside -> proxy/m)
})

test('start listens, tells so, serves health and metrics, and stops on SIGTERM with 0', async (t) => {
  const data = join(folder, 'data')
  const args = ['--port-udp', '0', '--port-tcp', '0', '--port-ws', '0', '--http', '127.0.0.1:0', '--data', data]
  const child = spawn(process.execPath, [program, 'start', shipped('default'), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (line.includes('ready')) break
  }
  const text = lines.join('\n')
  t.regex(text, /ready/, err)
  for (const transport of ['udp', 'tcp', 'ws']) t.regex(text, new RegExp(`listening on ${transport}://127\\.0\\.0\\.1:[1-9]\\d*`))
  t.regex(text, /user alice, password alice-proxima/)
  const http = /http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0]
  const health = (await (await fetch(`${http}/health`)).json()) as {
    readonly status: string
    readonly listening: readonly unknown[]
  }
  t.is(health.status, 'ok')
  t.is(health.listening.length, 3)
  const metrics = await (await fetch(`${http}/metrics`)).text()
  t.regex(metrics, /^proxima_received_total 0$/m)
  t.regex(metrics, /^nodejs_eventloop_lag_seconds /m)
  t.is((await fetch(`${http}/other`)).status, 404)
  t.is((await fetch(`${http}/health`, { method: 'POST' })).status, 405)

  const second = await proxima('start', shipped('default'), ...args)
  t.not(second.code, 0)
  t.regex(second.err, /^proxima: store .* is in use by process \d+/)
  t.is(second.err.trimEnd().split('\n').length, 1, second.err)

  child.kill('SIGTERM')
  t.deepEqual(await ended, [0, null], err)
})

test('health follows the dialplan, and a node from ready to its end', async (t) => {
  const file = join(folder, 'health.yaml')
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  const http = `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  await new Promise((resolve) => probe.close(resolve))
  writeFileSync(
    file,
    `name: healthy\ndomains: [sip.test]\nlisten: [udp://127.0.0.1:0]\nhttp: ${http}\ndata: memory\nelements: { proxy: { role: proxy } }\n`,
  )
  const before = await proxima('health', file)
  t.is(before.code, 1)
  t.is(before.out, '')
  t.is(before.err, `proxima: no node answers at http://${http}/health (ECONNREFUSED); start it, or say where it is with --http\n`)
  const node = new Running(process.execPath, [program, 'start', file], { cwd: folder })
  await node.said(/^ready/m)
  const now = await proxima('health', file)
  t.deepEqual([now.code, now.err], [0, ''])
  t.regex(now.out, new RegExp(`^ok: healthy at http://${http}/health, up \\d+ s\n$`))
  const asJson = await proxima('health', '--http', http, '--json')
  t.is(asJson.code, 0)
  t.like(JSON.parse(asJson.out), { healthy: true, status: 'ok', elements: [{ name: 'proxy', role: 'proxy' }] })
  await node.stop()
  const after = await proxima('health', file, '--json')
  t.is(after.code, 1)
  t.like(JSON.parse(after.out), { healthy: false, url: `http://${http}/health` })
  const usual = new Running('env', [`PROXIMA_DIALPLAN=${file}`, process.execPath, program, 'health'], { cwd: folder })
  t.like(await usual.ended, { code: 1, err: before.err })
})

test('a port in use is one line', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const address = other.address()
  const port = String(typeof address === 'object' ? address?.port : 0)
  const common = ['start', shipped('default'), '--data', 'memory', '--port-udp', '0', '--port-ws', '0']
  for (const [named, ...args] of [
    ['--port-tcp', '--port-tcp', port, '--no-http'],
    ['--http', '--port-tcp', '0', '--http', `127.0.0.1:${port}`],
  ]) {
    const { code, out, err } = await proxima(...common, ...args)
    t.not(code, 0)
    t.is(out, '')
    t.is(err.trimEnd().split('\n').length, 1, err)
    t.regex(err, new RegExp(`127\\.0\\.0\\.1:${port}\\b.*choose another port.*${named}`))
  }
})

test('a data folder that cannot be opened is one line', async (t) => {
  const file = join(folder, 'a-file')
  writeFileSync(file, 'not a store')
  const { code, err } = await proxima(
    'start',
    shipped('default'),
    '--data',
    join(file, 'data'),
    '--listen',
    'udp://127.0.0.1:0',
    '--no-http',
  )
  t.not(code, 0)
  t.is(err.trimEnd().split('\n').length, 1, err)
  t.regex(err, /^proxima: data folder .*a-file\/data cannot be made/)
})

test('a store that cannot be opened is one line', async (t) => {
  const data = join(folder, 'no-store')
  mkdirSync(join(data, 'data.mdb'), { recursive: true })
  const { code, err } = await proxima('start', shipped('default'), '--data', data, '--listen', 'udp://127.0.0.1:0', '--no-http')
  t.is(code, 1)
  t.regex(err, /^proxima: store .*no-store cannot be opened: Is a directory.*; see to that, or give another folder\n$/)
})

test('a trace that cannot be written is one line', async (t) => {
  const trace = join(folder, 'no', 'such', 'folder.pcapng')
  const { code, err } = await proxima(
    'start',
    shipped('default'),
    '--data',
    'memory',
    '--listen',
    'udp://127.0.0.1:0',
    '--no-http',
    '--trace',
    trace,
  )
  t.not(code, 0)
  t.is(err.trimEnd().split('\n').length, 1, err)
  t.regex(err, /folder\.pcapng/)
})
