/** The lab of `docker/lab.yaml` as its users meet it: one password for all, which no log and no trace ever has. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { program, proxima, Running } from '../support/process.ts'

const lab = join(import.meta.dirname, '../../docker/lab.yaml')
const folder = mkdtempSync(join(tmpdir(), 'proxima-lab-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
const data = join(folder, 'data')
const trace = join(folder, 'lab.pcapng')

async function startLab(...more: readonly string[]): Promise<{ readonly node: Running; readonly server: string }> {
  const here = ['--listen', 'udp://127.0.0.1:0', '--http', '127.0.0.1:0', '--data', data]
  const node = new Running(process.execPath, [program, 'start', lab, ...here, ...more], { cwd: folder })
  const [, server] = await node.said(/listening on udp:\/\/(127\.0\.0\.1:\d+)[\s\S]*^ready/m)
  return { node, server: server! }
}

test('the lab is sound', async (t) => {
  const { code, out, err } = await proxima('check', lab)
  t.is(code, 0, err)
  t.regex(out, /lab\.yaml: ok; elements proxy, hss/)
})

test.serial('the first start makes a password that lets UEs in and stays; nobody else hears of it', async (t) => {
  const first = await startLab('--trace', trace, '--log-level', 'trace')
  t.teardown(() => first.node.stop())
  const file = join(data, 'lab-password')
  const password = readFileSync(file, 'utf8').trim()
  t.is(statSync(file).mode & 0o777, 0o600)
  t.true(first.node.out.includes(`user alice, password ${password} (told once; it stays in ${file})`))
  const ue = (...more: readonly string[]) =>
    proxima('ue', 'bob', '--server', first.server, '--air', 'none', '--for', '0.1', ...more)
  const inside = await ue('--data', data)
  t.is(inside.code, 0, inside.err)
  const stranger = await ue()
  t.is(stranger.code, 1)
  t.regex(stranger.err, /does not let sip:bob@localhost in \(401 .*see --password and --data/)
  const nowhere = await ue('--data', join(folder, 'none'))
  t.regex(nowhere.err, /none\/lab-password: there is no such file; a start with labPassword makes it/)
  const { code, err } = await first.node.stop()
  t.is(code, 0)
  t.false(err.includes(password), 'the log has it')
  t.regex(readFileSync(trace, 'latin1'), /Authorization: Digest/)
  t.false(readFileSync(trace, 'latin1').includes(password), 'the trace has it')

  const second = await startLab()
  t.teardown(() => second.node.stop())
  t.false(second.node.output.includes(password))
  t.true(second.node.out.includes(`user alice, password as ${file} has it`))
  t.is((await proxima('ue', 'carol', '--server', second.server, '--data', data, '--air', 'none', '--for', '0.1')).code, 0)
})

test.serial('SIGHUP takes the password that the file has then', async (t) => {
  const { node, server } = await startLab('--log-level', 'info')
  t.teardown(() => node.stop())
  writeFileSync(join(data, 'lab-password'), 'another-word-for-all\n')
  node.signal('SIGHUP')
  await node.said(/dialplan read again/)
  t.is((await proxima('ue', 'dave', '--server', server, '--data', data, '--air', 'none', '--for', '0.1')).code, 0)
})
