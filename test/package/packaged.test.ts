/** The npm package as somebody meets it who never clones: installed into an empty folder, run, and imported. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { run } from '../support/process.ts'
import { Project, pack, RegistryUnreachable, root } from './project.ts'

const oldest = '22.20.0'
const readme = 'README.md'
const launcher = 'node_modules/proxima/dialplans/launch.js'
const project = new Project()

/** What is packed, and installed; the reason where no registry is within reach. */
async function prepare(): Promise<{ readonly tarball: string; readonly without?: string }> {
  const tarball = await pack(project.folder)
  try {
    await project.install(tarball, '@types/node@24')
    return { tarball }
  } catch (fault) {
    if (!(fault instanceof RegistryUnreachable)) throw fault
    return { tarball, without: fault.message }
  }
}

const { tarball, without } = await prepare()
test.after.always(() => project.remove())
if (without !== undefined) console.error(`npm registry out of reach, tests of the installed package are skipped: ${without}`)
/** A test for which packages come from a registry. */
const installed = without === undefined ? test.serial : test.serial.skip

test('it is small, and has neither tests nor what only a clone needs', async (t) => {
  t.true(statSync(tarball).size < 2e6)
  const files = (await run('tar', ['tzf', tarball])).out.trim().split('\n')
  t.true(files.length > 500)
  t.deepEqual(
    files.filter((file) =>
      /^package\/(?:test|docker(?!\/systemd)|node_modules|\.)|(?<!\.d)\.ts$|\.test\.|bench|generate|\.node$/.test(file),
    ),
    [],
  )
  for (const file of [
    'LICENSE',
    readme,
    'signalling/native/build.sh',
    'dialplans/default.yaml',
    'docker/systemd/proxima.service',
  ])
    t.true(files.includes(`package/${file}`), file)
})

test('the service worker for browsers is a script as it is in the clone, and no module', async (t) => {
  const worker = 'elements/ue/push/wake-worker.js'
  const packed = (await run('tar', ['xzOf', tarball, `package/${worker}`])).out
  t.is(packed, readFileSync(join(root, worker), 'utf8'))
  t.notRegex(packed, /^(?:im|ex)port\b/m)
})

test('its manifest has a name to fill in, and wants no Node of npm', async (t) => {
  const clone = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const manifest = JSON.parse((await run('tar', ['xzOf', tarball, 'package/package.json'])).out)
  const { node: _, ...dependencies } = clone.dependencies
  t.deepEqual(manifest.dependencies, dependencies)
  t.is(manifest.devDependencies, undefined)
  t.is(manifest.scripts, undefined)
  t.deepEqual([manifest.name, manifest.version, manifest.private], ['proxima', clone.version, true])
  t.deepEqual(Object.keys(manifest.exports), [...Object.keys(clone.exports), './package.json'])
  const named = new Project()
  t.teardown(() => named.remove())
  const other = await pack(named.folder, '--name', '@you/proxima')
  const renamed = JSON.parse((await run('tar', ['xzOf', other, 'package/package.json'])).out)
  t.deepEqual([renamed.name, renamed.private], ['@you/proxima', undefined])
  t.regex((await run('tar', ['xzOf', other, `package/${readme}`])).out, /from '@you\/proxima\/testing'/)
  const refused = await run(process.execPath, [join(root, 'docker/package/make.ts'), '--name', 'Not One'])
  t.is(refused.code, 1)
  t.regex(refused.err, /^package: --name is 'Not One'; expected one that npm takes, such as @you\/proxima\n$/)
})

/** A Node older than those supported: one of the path, else that of npm. */
async function olderNode(t: ExecutionContext): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const { out } = await run(join(folder, 'node'), ['-v'])
    if (/^v(?:1\d|20|21|22\.1?\d)\./.test(out)) return join(folder, 'node')
  }
  const older = new Project()
  t.teardown(() => older.remove())
  await older.install('node@20')
  return older.path('node_modules/node/bin/node')
}

installed('npx finds the command, its version and its dialplans', async (t) => {
  t.regex((await project.run('npx', 'proxima', '--version')).out, /^proxima \d\S+ \(Node \d\S+\)\n$/)
  const { code, out } = await project.run('npx', 'proxima', 'check', 'default', 'two-operators.yaml')
  t.is(code, 0)
  t.is(out.match(/node_modules\/proxima\/dialplans\/\S+\.yaml: ok; /g)?.length, 3)
})

installed('an older Node says in one line what to do, and what it says is enough', async (t) => {
  const older = await olderNode(t)
  const { code, out, err } = await project.run(older, launcher, 'start')
  t.is(code, 1)
  t.is(out, '')
  t.regex(err, /^proxima: needs Node 22\.20 or later, this is \d\S+: install that, or run npm install node@24 beside it.*\n$/)
  await project.install(`node@${oldest}`)
  t.regex((await project.run(older, launcher, '--version')).out, new RegExp(`\\(Node ${oldest}\\)`))
})

/** The status line by which a UDP port answers OPTIONS. */
async function answerOf(port: number): Promise<string> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const via = `Via: SIP/2.0/UDP 127.0.0.1:${socket.address().port};branch=z9hG4bK1`
  const fields = ['From: <sip:a@localhost>;tag=1', 'To: <sip:localhost>', 'Call-ID: 1', 'CSeq: 1 OPTIONS', 'Max-Forwards: 70']
  const answer = once(socket, 'message')
  socket.send(['OPTIONS sip:localhost SIP/2.0', via, ...fields, 'Content-Length: 0', '', ''].join('\r\n'), port, '127.0.0.1')
  const [bytes] = (await answer) as [Buffer]
  socket.close()
  return bytes.toString().split('\r\n', 1)[0]!
}

const nodes = { [`Node ${oldest}`]: () => project.path('node_modules/node/bin/node'), 'this Node': () => process.execPath }
for (const [name, node] of Object.entries(nodes)) {
  installed(`a flow is played and its capture read, by ${name}`, async (t) => {
    const played = await project.run(node(), launcher, 'play', 'proximity/fig-08', '--trace', 'fig-08.pcapng')
    t.is(played.code, 0, played.err)
    t.regex(played.out, /alice.*\n[\s\S]*SUBSCRIBE prose/)
    const traced = await project.run(node(), launcher, 'trace', 'fig-08.pcapng', '--user', 'alice')
    t.regex(traced.out, /MESSAGE prose-match/)
  })

  installed(`a network starts, says what carries datagrams, answers, and keeps its state, by ${name}`, async (t) => {
    const ports = ['--port-udp', '0', '--port-tcp', '0', '--port-ws', '0', '--http', '127.0.0.1:0']
    const server = project.begin(node(), launcher, 'start', ...ports)
    t.teardown(() => server.stop())
    await server.said(/^ready/m)
    const lines = server.out.split('\n')
    t.regex(lines[0]!, /^Proxima, network 'default' from \/.*node_modules\/proxima\/dialplans\/default\.yaml$/)
    t.regex(lines[4]!, /^ {2}datagrams by (?:the native module|dgram, and not the native module: \S.*)/)
    const port = Number(/udp:\/\/127\.0\.0\.1:(\d+)/.exec(server.out)?.[1])
    t.is(await answerOf(port), 'SIP/2.0 200 OK')

    const at = ['--server', `127.0.0.1:${port}`, '--air', 'none']
    const bob = project.begin(node(), launcher, 'ue', 'bob', ...at)
    t.teardown(() => bob.stop())
    await bob.said(/is registered/)
    const sent = await project.run(node(), launcher, 'ue', 'alice', ...at, '--message', 'bob', 'hello there')
    t.is(sent.code, 0, sent.out + sent.err)
    await bob.said(/hello there/)

    const [http] = /http:\/\/127\.0\.0\.1:\d+/.exec(server.out)!
    const listed = await project.run(node(), launcher, 'hss', 'list', 'al', '--url', http, '--token-file', 'data/token')
    t.regex(listed.out, /^sip:alice@localhost /)
    t.is((await server.stop()).code, 0)
    t.true(project.has('data/data.mdb'))
  })
}

/** The blocks of TypeScript in the package's README. */
function examples(): readonly string[] {
  const page = project.read(join('node_modules/proxima', readme))
  return [...page.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code!)
}

installed("what README shows type-checks strictly, with the libraries' own types", async (t) => {
  const [near, virtual] = examples()
  t.true(readFileSync(join(root, readme), 'utf8').includes(near!), 'README of the clone shows another script')
  project.write('near.ts', near!)
  project.write('virtual.test.ts', virtual!)
  project.write('wrong.ts', "import { createNode } from 'proxima'\nimport { Ue } from 'proxima/ue'\ncreateNode({})\nnew Ue(1)\n")
  const options = { module: 'nodenext', target: 'es2024', strict: true, noEmit: true, skipLibCheck: false, types: ['node'] }
  project.write('tsconfig.json', JSON.stringify({ compilerOptions: options, include: ['*.ts'] }))
  const { out } = await project.run(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), '-p', '.')
  t.deepEqual(out.match(/^\S+(?=: error)/gm), ['wrong.ts(3,12)', 'wrong.ts(4,8)'], out)
})

installed('what README shows runs: a test in virtual time, and UEs near each other', async (t) => {
  const tested = await project.run(process.execPath, '--test', 'virtual.test.ts')
  t.is(tested.code, 0, tested.out)
  t.regex(tested.out, /pass 1\b/)
  const server = project.begin(
    process.execPath,
    launcher,
    'start',
    '--listen',
    'udp://127.0.0.1:0',
    '--no-http',
    '--data',
    'memory',
  )
  t.teardown(() => server.stop())
  await server.said(/^ready/m)
  const port = /udp:\/\/127\.0\.0\.1:(\d+)/.exec(server.out)![1]!
  project.write('near.ts', examples()[0]!.replace('port: 5060', `port: ${port}`))
  const { code, out, err } = await project.run(process.execPath, 'near.ts')
  t.is(code, 0, err)
  t.regex(out, /^report: 200$/m)
  t.regex(out, /^near alice: .*sip:bob@localhost/ms)
})
