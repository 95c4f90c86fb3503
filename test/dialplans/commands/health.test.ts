/** `proxima health`: each answer of a node, and what is no node at all, as its user reads it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { examine as examineWithin } from '../../../dialplans/commands/health.ts'
import { assembleDialplan, readDialplan } from '../../../dialplans/commands/support/network.ts'
import { type Health, NodeHealth } from '../../../dialplans/running/health.ts'
import type { Element, Node } from '../../../signalling/index.ts'

/** A busy machine may take its time. */
const examine = (file: string, options: Parameters<typeof examineWithin>[1]) => examineWithin(file, options, 120_000)

const folder = mkdtempSync(join(tmpdir(), 'proxima-health-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
function planAt(http: string | undefined, more = ''): string {
  const file = join(folder, `${++files}.yaml`)
  const serving = http === undefined ? '' : `http: ${http}\n`
  writeFileSync(
    file,
    `name: lab\ndomains: [lab.test]\nlisten: [udp://127.0.0.1:5070]\n${serving}data: memory\n${more}elements:\n  proxy: { role: proxy, authenticate: none }\n  presence: { role: presence }\n`,
  )
  return file
}

/** Serves those answers one after the other, the last one for good; returns the address. */
async function answering(t: ExecutionContext, ...answers: readonly (readonly [status: number, body: string])[]): Promise<string> {
  let asked = 0
  const server = createServer((request, response) => {
    t.is(request.url, '/health')
    const [status, body] = answers[Math.min(asked++, answers.length - 1)]!
    response.writeHead(status, { Connection: 'close' }).end(body)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

/** A node of which those elements serve. */
function nodeOf(serving: readonly Element[]): Node {
  return { elements: serving, listening: [] } as unknown as Node
}

/** Health of a node through its life: starting, running, with a full disk, stopping. */
function life(file: string): readonly Health[] {
  const dialplan = readDialplan(file)
  const { elements } = assembleDialplan(dialplan)
  const health = new NodeHealth(dialplan, elements)
  const before = health.now
  health.starting(nodeOf(elements.slice(0, 1)))
  const starting = health.now
  let fault: string | undefined
  health.starting(nodeOf(elements))
  health.running(() => fault)
  const running = health.now
  fault = 'store data could not write: its disk is full'
  const failing = health.now
  health.stopping()
  return [before, starting, running, failing, health.now]
}

test('health of a node from its start to its end', (t) => {
  const [before, starting, running, failing, stopping] = life(planAt('127.0.0.1:1'))
  t.like(before, { status: 'starting', awaited: ['proxy', 'presence'], elements: [], network: 'lab' })
  t.like(starting, { status: 'starting', awaited: ['presence'], elements: [{ name: 'proxy', role: 'proxy' }] })
  t.is(running!.status, 'ok')
  t.false('awaited' in running! || 'store' in running!)
  t.like(failing, { status: 'failing', store: 'store data could not write: its disk is full' })
  t.is(stopping!.status, 'stopping')
})

test('the dialplan says where to ask, and the reason is told', async (t) => {
  const file = planAt('127.0.0.1:1')
  const [, starting, running, failing, stopping] = life(file).map((each) => JSON.stringify(each))
  const at = await answering(t, [200, running!], [503, starting!], [503, failing!], [503, stopping!])
  const changed = planAt(at)
  const fault = async (): Promise<string | undefined> => (await examine(changed, {}))[0]!.fault
  t.is(await fault(), undefined)
  const place = `lab at http://${at}/health`
  t.is(await fault(), `${place} is starting, and waits for presence`)
  t.is(await fault(), `${place} cannot store: store data could not write: its disk is full`)
  t.is(await fault(), `${place} is stopping`)
})

test('whoever is no node, or not there, is told apart', async (t) => {
  const at = await answering(t, [200, '{"status":"ok"}'], [404, 'not here'], [200, 'null'])
  const [host, port] = at.split(':') as [string, string]
  const http = { host, port: Number(port) }
  for (const status of [200, 404, 200]) {
    const [{ fault } = {}] = await examine(planAt(undefined), { http })
    t.is(fault, `what answers at http://${at}/health with ${status} is no Proxima node; say where one is with --http`)
  }
  const [nobody] = await examine(planAt('127.0.0.1:1'), {})
  t.regex(nobody!.fault!, /^no node answers at http:\/\/127\.0\.0\.1:1\/health \(.+\); start it, or say where it is with --http$/)
})

test('a dialplan that serves no HTTP, or has no such node, says so', (t) => {
  const file = planAt(undefined)
  t.throws(() => examine(file, {}), {
    message: `${file} has no \`http:\`, so its node tells no health; add that, or say where it is with --http`,
  })
  t.throws(() => examine(file, { node: 'edge' }), { message: /there is no node edge; expected a dialplan with nodes$/ })
})

test('each operator of a dialplan is asked, or the one that is named', async (t) => {
  const body = (network: string): string => JSON.stringify({ status: 'ok', network, upSeconds: 1 })
  const [north, south] = [await answering(t, [200, body('two/north')]), await answering(t, [503, 'gone'])]
  const file = join(folder, 'two.yaml')
  const operator = (name: string, http: string, port: number): string =>
    `  ${name}: { domains: [${name}.test], listen: [udp://127.0.0.1:${port}], http: "${http}", elements: { proxy: { role: proxy, authenticate: none } } }\n`
  writeFileSync(file, `name: two\ndata: memory\noperators:\n${operator('north', north, 5071)}${operator('south', south, 5072)}`)
  t.deepEqual(
    (await examine(file, {})).map(({ fault }) => fault === undefined),
    [true, false],
  )
  t.deepEqual(
    (await examine(file, { operator: 'north' })).map(({ url }) => url),
    [`http://${north}/health`],
  )
})
