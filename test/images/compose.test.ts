/** The lab of compose.yaml, brought up as the file says: two users in containers meet, and the dashboard shows it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { parse } from 'yaml'
import { openEngine } from '../support/containers/engine.ts'
import { Lab } from '../support/containers/lab.ts'
import { Prometheus } from '../support/containers/prometheus.ts'
import { until } from '../support/patience.ts'

const root = join(import.meta.dirname, '../..')
const file = join(root, 'docker/compose.yaml')
const engine = openEngine()

interface ComposeFile {
  readonly services: { readonly [name: string]: { readonly ports?: readonly string[] } }
}

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[]
}

test.before(() => engine.image())

test('ports are published on this machine alone', (t) => {
  const { services } = parse(readFileSync(file, 'utf8'), { merge: true }) as ComposeFile
  const ports = Object.values(services).flatMap(({ ports = [] }) => ports)
  t.true(ports.length > 5)
  t.deepEqual(
    ports.filter((each) => !each.startsWith('127.0.0.1:')),
    [],
  )
})

test.serial('alice and bob come near each other, bob goes and comes again, and every panel has its figures', async (t) => {
  t.teardown(() => engine.compose(file, 'down', '--volumes', '--timeout', '5'))
  await engine.compose(file, 'up', '--detach', '--no-build', 'proxima', 'alice', 'bob')
  const [lab, alice] = [Lab.at(engine, 'docker_proxima_1'), Lab.at(engine, 'docker_alice_1')]
  await lab.healthy()
  const said = (pattern: RegExp): Promise<void> => until(`alice says ${pattern}`, async () => pattern.test(await alice.logs()))
  await said(/bob@localhost is near/)
  t.is((await lab.metrics()).get('proxima_prose_relations'), 2)

  const carol = await (await lab.ue('carol', '--message', 'alice', 'from outside')).ended
  t.is(carol.code, 0, carol.out + carol.err)
  await said(/from outside/)
  t.regex(await lab.logs(), new RegExp(`softphone: user alice, password ${await lab.password()} `))

  const prometheus = await Prometheus.start(engine, join(root, 'docker/metrics/prometheus.yaml'))
  t.teardown(() => prometheus.stop())
  const { panels } = JSON.parse(readFileSync(join(root, 'docker/metrics/grafana/proxima.json'), 'utf8')) as Dashboard
  t.true(panels.length > 10)
  for (const { title, targets } of panels)
    for (const { expr } of targets)
      await until(`${title} shows ${expr}`, async () => (await prometheus.query(expr)).some((value) => Number.isFinite(value)))
  await said(/bob@localhost is near[\s\S]*bob@localhost is not near any more[\s\S]*bob@localhost is near/)
  for (const name of ['docker_proxima_1', 'docker_alice_1']) t.deepEqual(await Lab.at(engine, name).written(), [])
})
