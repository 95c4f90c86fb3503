/** Two operators in one process on real sockets: announcement, HTTP, subscribers, traces, reload, and each by itself. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { parse, stringify } from 'yaml'
import { networkOf } from '../../dialplans/flows/index.ts'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { readPcapng } from '../../signalling/tools.ts'
import { program, Running, run } from '../support/process.ts'
import { judge } from '../support/tshark.ts'
import { type Edge, ProcessStage } from './peers/stage.ts'

interface RawNetwork {
  readonly nodes: { readonly [name: string]: { readonly listen: readonly string[] } }
  readonly operators: { readonly [name: string]: object }
}

interface Ports {
  readonly udp: number
  readonly tcp: number
  readonly ws: number
}

/** `two-operators.yaml` on free ports, in a folder of its own. */
async function network(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-operators-'))
  const file = join(folder, 'plan.yaml')
  let text = readFileSync(networkOf({ network: 'two-operators.yaml' }), 'utf8')
  const ports = new Map<string, number>()
  for (const port of new Set(text.match(/(?<=127\.0\.0\.1:)\d+/g))) ports.set(port, await lastingPort())
  text = text.replaceAll(/(?<=127\.0\.0\.1:)\d+/g, (port) => String(ports.get(port)))
  writeFileSync(file, text)
  const port = (usual: number): number => ports.get(String(usual))!
  const running: Running[] = []
  t.teardown(async () => {
    for (const each of running) await each.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const command = (...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> =>
    run(process.execPath, [program, ...args], { cwd: folder })
  return {
    folder,
    running,
    file,
    text,
    port,
    command,
    async start(...args: readonly string[]): Promise<Running> {
      const node = new Running(process.execPath, [program, 'start', file, '--log-level', 'info', ...args], { cwd: folder })
      running.push(node)
      await node.said(args.includes('--operator') ? /^ready/m : /^ready[^\n]*\n(?:[^\n]*\n)*ready/m)
      return node
    },
  }
}

const edgeOf = (port: (usual: number) => number, domain?: string): Ports =>
  domain === 'south.example'
    ? { udp: port(5070), tcp: port(5070), ws: port(8070) }
    : { udp: port(5060), tcp: port(5060), ws: port(8060) }

/** Whether alice of north reaches bob of south. */
async function talks(t: ExecutionContext, port: (usual: number) => number): Promise<number> {
  const edge: Edge = { edgeOf: (domain) => edgeOf(port, domain) }
  const stage = new ProcessStage(edge, 'UDP')
  try {
    const [alice, bob] = [await stage.ue('alice@north.example'), await stage.ue('bob@south.example')]
    const got: string[] = []
    bob.agent.onMessage(({ from }) => got.push(from))
    const { status } = await alice.agent.message('sip:bob@south.example', { type: 'text/plain', content: 'hello' })
    t.deepEqual(got, status === 200 ? ['sip:alice@north.example'] : [])
    return status
  } finally {
    await stage.leave()
  }
}

/** Status of a MESSAGE of alice of north to bob of south. */
async function asks(port: (usual: number) => number): Promise<number> {
  const stage = new ProcessStage({ edgeOf: (domain) => edgeOf(port, domain) }, 'UDP')
  const alice = await stage.ue('alice@north.example')
  const { status } = await alice.agent.message('sip:bob@south.example', { type: 'text/plain', content: 'hello' })
  await stage.leave()
  return status
}

test('one process runs both: each with addresses, HTTP, subscribers and data of its own; traces name them', async (t) => {
  const { folder, file, port, start, command } = await network(t)
  const trace = join(folder, 'all.pcapng')
  const node = await start('--trace', trace)
  for (const [operator, udp, http] of [
    ['north', 5060, 8080],
    ['south', 5070, 8081],
  ] as const) {
    t.true(node.out.includes(`network 'two-operators/${operator}'`))
    t.true(node.out.includes(`listening on udp://127.0.0.1:${port(udp)}`))
    t.true(node.out.includes(`ready: proxy, hss, pcrf, presence of ${operator}.example`))
    const health = (await (await fetch(`http://127.0.0.1:${port(http)}/health`)).json()) as { status: string; network: string }
    t.like(health, { status: 'ok', network: `two-operators/${operator}` })
  }
  t.is(await talks(t, port), 200)

  const unnamed = await command('hss', 'list', '--dialplan', file)
  t.is(unnamed.code, 1)
  t.is(unnamed.err, `proxima: ${file} has several operators; say which by --operator, one of north, south\n`)
  const listed = await command('hss', 'list', '--dialplan', file, '--operator', 'south')
  t.regex(listed.out, /sip:bob@south\.example/)
  t.notRegex(listed.out, /alice/)
  t.is((await command('hss', 'add', 'zoe', '--no-password', '--dialplan', file, '--operator', 'north')).code, 0)
  t.regex((await command('hss', 'list', '--dialplan', file, '--operator', 'north')).out, /sip:zoe@north\.example/)
  t.notRegex((await command('hss', 'list', '--dialplan', file, '--operator', 'south')).out, /zoe/)

  t.is((await node.stop()).code, 0)
  const captured = readPcapng(readFileSync(trace), (fault) => t.fail(fault))
  const crossing = captured.filter(({ from, to }) => from.port === port(5060) && to.port === port(5070))
  const messages = crossing.filter(({ bytes }) => Buffer.from(bytes).toString().startsWith('MESSAGE '))
  t.is(messages.length, 1, 'a message between operators is captured once')
  t.like(messages[0], { from: { name: 'north/proxy' }, to: { name: 'south/proxy' }, transport: 'UDP' })
  const { sip, complaints } = await judge(trace)
  t.deepEqual([sip, complaints], [captured.length, []])
})

test('SIGHUP: each operator takes its changes; a fault of one is told with its line; peers wait for a start', async (t) => {
  const { file, text, port, start, command } = await network(t)
  const node = await start()
  const hangUp = async (changed: string, said: RegExp): Promise<string> => {
    writeFileSync(file, changed)
    const since = node.output.length
    node.signal('SIGHUP')
    return (await node.said(said, since))[0]
  }
  t.is(await talks(t, port), 200)
  const gone = text.replace(/ {10}- id: bob\n(?: {12}.*\n)+/, '')
  t.not(gone, text)
  await hangUp(gone, /dialplan read again/)
  t.is(await asks(port), 404, 'bob is nobody now')
  const zoe = ['add', 'zoe', '--no-password', '--alias', 'tel:+4930123', '--dialplan', file, '--operator', 'north'] as const
  t.is((await command('hss', ...zoe)).code, 0)
  const unfit = text.replace('- { id: carol,', '- { id: carol, aliases: ["tel:+4930123"],')
  t.not(unfit, text)
  await hangUp(unfit, /dialplan of operator north not taken[^\n]*4930123[^\n]*\n[^\n]*dialplan read again/)
  t.is(await talks(t, port), 200, 'the other operator has taken its part: bob is back')
  t.regex(
    await hangUp(text.replace('role: presence', 'role: presents'), /dialplan not taken[^\n]*/),
    /plan\.yaml:\d+: operators\.north\.elements\.presence has the role 'presents'/,
  )
  t.regex(await hangUp(text.replace('peers: { north: {} }', ''), /next start[^\n]*/), /operators\.south\.peers/)
  t.is(await talks(t, port), 200, 'until then the agreement stands')
})

test('each operator in a process of its own, and one without the other', async (t) => {
  const { port, start } = await network(t)
  const [north, south] = [await start('--operator', 'north'), await start('--operator', 'south')]
  t.notRegex(north.out, /south/)
  t.is(await talks(t, port), 200)
  t.is((await south.stop()).code, 0)
  const status = await asks(port)
  t.true([408, 480, 500, 503].includes(status), String(status))
})

test('operators of two dialplans are peers by domain and address', async (t) => {
  const { folder, text, port, running } = await network(t)
  const { operators, nodes } = parse(text) as RawNetwork
  for (const [name, other, usual] of [
    ['north', 'south', 5070],
    ['south', 'north', 5060],
  ] as const) {
    const { listen } = nodes[name]!
    const peers = { [`${other}.example`]: { at: `127.0.0.1:${port(usual)}` } }
    const file = join(folder, `${name}.yaml`)
    writeFileSync(file, stringify({ ...operators[name], name, listen, peers, data: 'memory' }))
    const node = new Running(process.execPath, [program, 'start', file, '--log-level', 'info'], { cwd: folder })
    running.push(node)
    await node.said(/^ready/m)
  }
  t.is(await talks(t, port), 200)
})
