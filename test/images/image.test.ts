/** The image, built as it is: what runs in it, what it may, and what outlives it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { openEngine } from '../support/containers/engine.ts'
import { Lab } from '../support/containers/lab.ts'
import { until } from '../support/patience.ts'

const root = join(import.meta.dirname, '../..')
const engine = openEngine()
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }

test.before(() => engine.image())

interface Inspected {
  readonly Size: number
  readonly Labels: { readonly [name: string]: string }
  readonly Config: { readonly User: string }
}

test.serial('it says what it is, and lists what is in it', async (t) => {
  const [image] = JSON.parse(await engine.podman('inspect', 'proxima')) as readonly [Inspected]
  t.is(image.Labels['org.opencontainers.image.version'], version)
  t.is(image.Labels['org.opencontainers.image.licenses'], 'Apache-2.0')
  t.is(image.Config.User, '10001:10001')
  const base = await engine.podman('image', 'inspect', '--format', '{{.Size}}', 'debian:bookworm-slim')
  t.log(`${Math.round((image.Size - Number(base)) / 1e6)} MB on top of the base`)
  const read = ['run', '--rm', '--read-only', '--entrypoint', '/usr/local/bin/node', 'proxima', '-p']
  const listed = await engine.podman(...read, 'fs.readFileSync("/app/sbom.json", "utf8")')
  const { packages } = JSON.parse(listed) as { readonly packages: readonly { readonly name: string; versionInfo: string }[] }
  const node = packages.find(({ name }) => name === 'node')
  t.is(`v${node?.versionInfo}`, (await engine.podman(...read, 'process.version')).trim())
  for (const name of ['lmdb', 'ws', 'sip.js'])
    t.true(
      packages.some((each) => each.name === name),
      name,
    )
  t.false(packages.some(({ name }) => name === 'ava'))
  const cached = 'require("module").enableCompileCache("/app/node_modules/.cache/compile").status'
  t.is(
    (await engine.podman(...read, cached)).trim(),
    '1',
    'this user has what Node has compiled, on a root that cannot be written',
  )
})

/** What Linux says of the container's process. */
function statusOf(pid: number): ReadonlyMap<string, string> {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  return new Map([...text.matchAll(/^(\w+):\s*(.*)$/gm)].map(([, name, value]) => [name!, value!]))
}

test.serial('users reach it over the published ports; it writes to its volume alone, and needs no right', async (t) => {
  const lab = await Lab.start(engine, 'proxima', 'lab')
  t.teardown(() => lab.remove())
  const status = statusOf((await lab.state()).Pid)
  t.is(status.get('Uid')?.split('\t')[0], '10001')
  t.is(Number.parseInt(status.get('CapEff') ?? '', 16), 0)
  t.is(status.get('NoNewPrivs'), '1')

  t.is((await engine.run('sipsak', '-s', 'sip:127.0.0.1:5060')).code, 0, 'OPTIONS over UDP')
  t.is((await engine.run('sipsak', '-E', 'tcp', '-s', 'sip:127.0.0.1:5060')).code, 0, 'OPTIONS over TCP')
  for (const [transport, port] of [
    ['udp', 5060],
    ['tcp', 5060],
    ['ws', 8060],
  ] as const) {
    const ways = ['--transport', transport, '--server', `127.0.0.1:${port}`, '--air', 'none', '--for', '1']
    const ended = await (await lab.ue('carol', '--near', ...ways)).ended
    t.is(ended.code, 0, ended.err)
    t.regex(ended.out, /registered with 127\.0\.0\.1[\s\S]*nobody is near[\s\S]*unregistered/, transport)
  }
  t.deepEqual(await lab.written(), [])
})

test.serial('after kill -9 all is there: subscribers, registrations, and who is near whom', async (t) => {
  const lab = await Lab.start(engine, 'proxima', 'lab')
  t.teardown(() => lab.remove())
  await lab.type('correct horse battery', 'hss', 'add', 'zoe', '--password-stdin')
  const [alice, bob] = [
    await lab.ue('alice', '--discoverable', '--discover'),
    await lab.ue('bob', '--discoverable', '--discover'),
  ]
  t.teardown(() => Promise.all([alice.stop(), bob.stop()]))
  await Promise.all([alice.said(/bob@localhost is near/), bob.said(/alice@localhost is near/)])
  for (const ue of [alice, bob]) ue.signal('SIGKILL') // so that they leave nothing undone
  await engine.podman('kill', '--signal', 'KILL', 'lab')
  await until('it is dead', async () => !(await lab.state()).Running)
  await engine.podman('start', 'lab')
  await lab.healthy()
  const metrics = await lab.metrics()
  t.is(metrics.get('proxima_prose_relations'), 2)
  t.is(metrics.get('proxima_proxy_users_registered'), 2)
  t.regex(await lab.proxima('hss', 'list'), /sip:zoe@localhost/)
  // another port: the address of the container is another one now, and NAT remembers the former for a while
  const again = await lab.ue('alice', '--near', '--air', 'none')
  await again.said(/bob@localhost is near/)
  await again.stop()
})

test.serial('told to stop, it ends what is under way and exits with 0', async (t) => {
  const lab = await Lab.start(engine, 'proxima', 'lab')
  t.teardown(() => lab.remove())
  await engine.podman('stop', '--time', '30', 'lab')
  const { Running: isRunning, ExitCode: code } = await lab.state()
  t.false(isRunning)
  t.is(code, 0)
  t.regex(await lab.logs(), /stopping/)
})

test.serial('on a base without a shell it runs just so', async (t) => {
  await engine.distroless()
  const args = { BASE_IMAGE: 'gcr.io/distroless/cc-debian12:nonroot' }
  await engine.build({ file: join(root, 'docker/Dockerfile'), context: root, tag: 'proxima:distroless', args })
  const lab = await Lab.start(engine, 'proxima:distroless', 'distroless')
  t.teardown(() => lab.remove())
  t.is((await engine.run('sipsak', '-s', 'sip:127.0.0.1:5060')).code, 0)
  t.not((await engine.run('podman', 'exec', 'distroless', 'sh', '-c', 'true')).code, 0)
  t.deepEqual(await lab.written(), [])
})
