/** Subscribers of a real server: by HTTP, from the command line, by the thousand, and over `kill -9`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { SubscriberClient, type SubscriberPage, UnreachableNode } from '../../dialplans/commands/hss/client.ts'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { mediaType, type ProseState, readBody } from '../../elements/schemas/index.ts'
import { type Ended, program, run, startDefaultServer } from '../support/process.ts'
import { type ServerProcess, scratch, startServer, writeDialplan } from '../support/server-process.ts'
import { ProcessStage } from './peers/stage.ts'

const patch = 'application/merge-patch+json'
const lines = 'application/x-ndjson'
const elements = '  hss: { role: hss }\n  prose: { role: prose }\n'

/** A server that keeps its data in a folder of its own, and can be started again there. */
async function keeping(t: ExecutionContext) {
  const folder = scratch()
  const port = await lastingPort()
  const plan = writeDialplan(folder, port, elements)
  let server: ServerProcess | undefined
  t.teardown(() => server?.end('SIGKILL'))
  const tokenFile = join(folder, 'data', 'token')
  let url = ''
  const start = async (): Promise<SubscriberClient> => {
    server = await startServer(plan, port, ['--http', '127.0.0.1:0'])
    url = /http:\/\/127\.0\.0\.1:\d+/.exec(server.output())![0]
    return new SubscriberClient(url, readFileSync(tokenFile, 'utf8').trim(), tokenFile)
  }
  const hss = (command: string, ...args: readonly string[]): Promise<Ended> =>
    run(process.execPath, [program, 'hss', command, '--url', url, '--token-file', tokenFile, ...args], { cwd: folder })
  return { folder, start, hss, end: (signal: NodeJS.Signals) => server!.end(signal) }
}

test('a permission withdrawn over HTTP ends what rests on it', async (t) => {
  const server = await startDefaultServer({ args: ['--data', 'kept'] })
  const stage = new ProcessStage(server, 'WS')
  t.teardown(async () => {
    await stage.leave()
    await server.remove()
  })
  const client = new SubscriberClient(server.http, readFileSync(join(server.folder, 'kept/token'), 'utf8').trim(), 'token')
  const alice = await stage.ue('alice')
  const bob = await stage.ue('bob')
  await alice.requestProximity(['discoverer'])
  let state: ProseState | undefined
  let ended: string | undefined
  bob.agent.subscribe(
    { to: 'sip:prose@localhost', event: 'prose', accept: [mediaType('prose-state')], expires: 600 },
    {
      notified: (notified) => {
        if (notified.body.length > 0) state = readBody(notified, 'prose-state').value ?? state
        if (notified.state === 'terminated') ended = notified.reason
      },
      ended: (_status, why) => {
        ended ??= why
      },
    },
  )
  const code = await stage.until('bob has a code', () => state?.announce?.code)
  const report = async (): Promise<number> => (await alice.report([{ code, at: Date.now() }])).status
  t.is(await report(), 200)

  await client.ask('PATCH', '/v1/subscribers/bob', { body: { permissions: { discoverable: false } }, type: patch })
  await stage.until('the subscription has ended', () => ended !== undefined)
  t.regex(ended ?? '', /rejected/)
  t.is(await report(), 404, 'the code is withdrawn')
  await stage.leave()
  t.is((await server.stop()).code, 0)
})

test('every failure of the command is one line', async (t) => {
  const { start, hss, folder } = await keeping(t)
  await start()
  const outcome = async (...[command, ...args]: readonly [string, ...string[]]): Promise<string> => {
    const { code, out, err } = await hss(command, ...args)
    return `${code} ${out}${err}`
  }
  t.regex(
    await outcome('add', 'zoe', '--alias', 'tel:+49-1', '--friend', 'yan'),
    /^0 added sip:zoe@sip\.test; it has no password/,
  )
  t.regex(await outcome('add', 'zoe'), /^1 proxima: there is one already[^\n]*\n$/)
  t.regex(await outcome('add', 'yan', '--alias', 'tel:+491'), /^1 proxima: alias tel:\+491 .*belongs to sip:zoe@sip\.test\n$/)
  t.regex(await outcome('show', 'nobody'), /^1 proxima: there is no subscriber nobody\n$/)
  t.regex(await outcome('permit', 'tel:+491', 'discoverable=no'), /^0 sip:zoe@sip\.test +discoverer +tel:\+491\n$/)
  t.regex(
    await outcome('set', 'zoe', '--remove-alias', 'tel:+49-1', '--alias', 'tel:+2'),
    /^0 changed sip:zoe@sip\.test: aliases\n$/,
  )
  t.regex(await outcome('show', 'tel:+2', '--json'), /"friends":\["sip:yan@sip\.test"\]/)
  t.regex(await outcome('set', 'zoe', '--remove-friend', 'bob'), /^1 proxima: bob is no friend of sip:zoe@sip\.test\n$/)
  t.regex(await outcome('list', 'zo'), /^0 sip:zoe@sip\.test [^\n]*\n$/)
  t.regex(await outcome('remove', 'zoe'), /^0 removed zoe\n$/)
  t.regex(await outcome('remove', 'zoe'), /^1 proxima: there is no subscriber zoe\n$/)
  const elsewhere = ['--url', `http://127.0.0.1:${await lastingPort()}`]
  t.regex(await outcome('list', ...elsewhere), /^1 proxima: no node answers at http[^\n]*\n$/)
  writeFileSync(join(folder, 'other'), 'another-token-that-is-wrong\n')
  t.regex(
    await outcome('list', '--token-file', 'other'),
    /^1 proxima: the node at [^\n]* takes another token than other[^\n]*\n$/,
  )
  t.regex(await outcome('list', '--token-file', 'gone'), /^1 proxima: gone: there is no such file[^\n]*\n$/)
  t.regex(await outcome('import', 'gone.csv'), /^1 proxima: gone\.csv: there is no such file[^\n]*\n$/)
  const added = await run(process.execPath, [program, 'hss', 'add', '--help'])
  t.notRegex(added.out, /--password <|--password=/, 'no password in an argument')
})

test('20,000 subscribers from a file, its faults by line; all are there after the next start', async (t) => {
  const { start, hss, folder, end } = await keeping(t)
  await start()
  const rows = Array.from({ length: 20_000 }, (_, i) => `u${i},yes,no,tel:+49${100_000 + i},"pass, ""${i}"""`)
  rows[16] = 'u16,yes,perhaps,,'
  rows[9000] = 'u9000,yes,no,tel:+49100000,'
  rows[19_999] = 'u19999,yes'
  const file = join(folder, 'people.csv')
  writeFileSync(file, ['id,discoverable,discoverer,aliases,password', ...rows].join('\n'))
  const first = await hss('import', 'people.csv')
  t.is(first.code, 1)
  t.regex(first.out, /^people\.csv: 19997 added, 0 changed, 0 as they were, 3 with faults; /)
  t.regex(first.err, /^people\.csv:18: permissions\.discoverer is 'perhaps'; expected true or false$/m)
  t.regex(first.err, /^people\.csv:9002: aliases\.0 alias tel:\+49100000 .* belongs to sip:u0@sip\.test$/m)
  t.regex(first.err, /^people\.csv:20001: has 2 cells; expected 5, one a column$/m)
  t.true([...first.err.matchAll(/^\d+ %, \d+ subscribers, \d+\/s$/gm)].length >= 2)
  t.regex(first.err, /^100 %, /m)
  t.is(await end('SIGTERM'), 0)
  const client = await start()
  const { value } = await client.ask<SubscriberPage>('GET', '/v1/subscribers?limit=1')
  t.is(value.total, 19_997)
  t.regex((await hss('show', 'tel:+49119998')).out, /id: sip:u19998@sip\.test/)
  const again = await hss('import', 'people.csv')
  t.regex(again.out, /: 0 added, 0 changed, 19997 as they were, 3 with faults; /)
})

test('kill -9 in the middle of an import leaves every batch that was acknowledged', async (t) => {
  const { start, end } = await keeping(t)
  let client = await start()
  const acknowledged: string[] = []
  const size = 500
  const batch = (from: number): string =>
    Array.from({ length: size }, (_, i) =>
      JSON.stringify({
        id: `u${from + i}`,
        aliases: [`tel:+${from + i}`],
        permissions: { discoverable: true, discoverer: true },
      }),
    ).join('\n')
  let killed: Promise<unknown> | undefined
  await t.throwsAsync(
    async () => {
      for (let from = 0; ; from += size) {
        const asking = client.ask('POST', '/v1/subscribers', { body: batch(from), type: lines })
        if (from === 8 * size) killed = end('SIGKILL')
        await asking
        for (let i = 0; i < size; i++) acknowledged.push(`sip:u${from + i}@sip.test`)
      }
    },
    { instanceOf: UnreachableNode },
  )
  await killed
  t.true(acknowledged.length >= 8 * size)
  client = await start()
  const there = new Set<string>()
  let total = 0
  for (let path: string | undefined = '/v1/subscribers?limit=1000'; path !== undefined; ) {
    const { value }: { value: SubscriberPage } = await client.ask<SubscriberPage>('GET', path)
    for (const { id } of value.subscribers) there.add(id)
    total = value.total
    path = value.next
  }
  t.deepEqual(
    acknowledged.filter((id) => !there.has(id)),
    [],
  )
  t.is(total, there.size, 'the count is that of whole batches')
  await client.ask('GET', `/v1/subscribers/tel:+${acknowledged.length - 1}`)
})
