/** `proxima ue` and `proxima demo` as a user meets them: real processes against a real server. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { networkOf } from '../../dialplans/flows/index.ts'
import { lastingPort } from '../../dialplans/flows/stage/lasting-port.ts'
import { bodyOf } from '../../elements/ue/agents/agent.ts'
import { ladder, readPcapng } from '../../signalling/tools.ts'
import { type DefaultServer, program, proxima, Running, run, startDefaultServer } from '../support/process.ts'
import { ProcessNetwork } from './peers/network.ts'
import { ProcessStage } from './peers/stage.ts'

const folder = mkdtempSync(join(tmpdir(), 'proxima-ue-'))
let server: DefaultServer
test.before(async () => {
  server = await startDefaultServer()
})
test.after.always(async () => {
  await server.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** A multicast group of this run and test alone, as far as ports tell. */
const airOf = (test: number): string => `239.255.77.${test}:${20_000 + (process.pid % 40_000)}`

function ue(air: string, ...args: readonly string[]): Running {
  return new Running(process.execPath, [program, 'ue', ...args, '--air', air])
}

test('two of them in two processes discover each other', async (t) => {
  const common = ['--discoverable', '--discover', '--at', '52.5200,13.4050']
  const alice = ue(airOf(11), 'alice', ...common, '--server', `127.0.0.1:${server.udp}`)
  t.teardown(() => alice.stop())
  await alice.said(/nobody is near/)
  const bob = ue(airOf(11), 'bob', ...common, '--server', `127.0.0.1:${server.ws}`, '--transport', 'ws', '--json')
  t.teardown(() => bob.stop())
  await alice.said(/heard [0-9a-f]{8}… at -50 dBm/)
  await alice.said(/sip:bob@localhost is near$/m)
  await bob.said(/"kind":"near".*"came":\["sip:alice@localhost"\]/)
  bob.signal('SIGINT')
  const { code, out, err } = await bob.ended
  t.is(code, 0, err)
  const happened = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; at: string })
  t.is(happened[0]?.kind, 'registered')
  t.is(happened.at(-1)?.kind, 'stopped')
  for (const { at } of happened) t.regex(at, /^\d{4}-\d\d-\d\dT.*Z$/)
  await alice.said(/sip:bob@localhost is not near any more/)
  alice.signal('SIGTERM')
  const ended = await alice.ended
  t.is(ended.code, 0)
  t.regex(ended.out, /unregistered\n$/)
})

test('who is far away is not heard', async (t) => {
  const address = `127.0.0.1:${server.tcp}`
  const carol = ue(airOf(12), 'carol', '--discoverable', '--at', '48.1,11.6', '--server', address, '--transport', 'tcp')
  const dave = ue(
    airOf(12),
    'dave',
    '--discoverable',
    '--discover',
    '--at',
    '52.52,13.4',
    '--server',
    address,
    '--transport',
    'tcp',
    '--for',
    '3',
  )
  t.teardown(() => carol.stop())
  await carol.said(/announcing/)
  const { code, out, err } = await dave.ended
  t.is(code, 0, out + err)
  t.notRegex(out, /heard/)
})

test('through an MME it is known by a temporary identifier', async (t) => {
  const at = ['--server', `127.0.0.1:${server.ws}`, '--transport', 'ws']
  const dave = ue('none', 'dave', '--discoverable', '--mme', 'sip:mme@localhost', ...at, '--json')
  await dave.said(/"kind":"attached"[\s\S]*"kind":"state".*"device":/)
  dave.signal('SIGTERM')
  const { code, out, err } = await dave.ended
  t.is(code, 0, err)
  const temporary = /"kind":"attached".*"temporary":"(sip:s-tmsi-[0-9a-f]{10}@localhost)"/.exec(out)?.[1]
  t.regex(out, new RegExp(`"kind":"state".*"device":"${temporary}"`))
})

test('through a base station it sends, and is reached', async (t) => {
  const network = await ProcessNetwork.start(networkOf({ network: 'push-base-station.yaml' }))
  t.teardown(() => network.remove())
  const at = (station: string, transport: 'udp' | 'tcp'): string[] => {
    const place = ['--server', `127.0.0.1:${network.portsOf(station)[transport]}`, '--transport', transport]
    return ['--station', station, '--domain', 'op-e.example', ...place]
  }
  for (const push of [[], ['--push']]) {
    const alice = ue('none', 'alice', ...at('ran1', 'tcp'), ...push)
    t.teardown(() => alice.stop())
    await alice.said(/registered/)
    const { code, out, err } = await ue('none', 'bob', '--message', 'alice', 'hi', ...at('ran2', 'udp')).ended
    t.is(code, 0, out + err)
    await alice.said(/hi/)
    await alice.stop()
  }
  const direct = ue('none', 'bob', '--server', `127.0.0.1:${network.portsOf('ran2').udp}`, '--domain', 'op-e.example')
  t.regex((await direct.ended).err, /404/, 'it is no proxy for who does not name it')
})

test('it asks where it is, for itself and for a service', async (t) => {
  const network = await ProcessNetwork.start(networkOf({ network: 'location.yaml' }))
  t.teardown(() => network.remove())
  const at = ['--domain', 'home.example', '--server', `127.0.0.1:${network.portsOf('proxy').udp}`]
  const place = /at Berlin, Germany\. 52\.5\d+ N 13\.4\d+ E, ±100 m\. geo:52\.5/
  const alone = await ue('none', 'alice', ...at, '--locate').ended
  t.regex(alone.out, place)
  const both = await ue('none', 'alice', ...at, '--locate', 'maps/map', '--circuit-switched').ended
  t.regex(both.out, place)
  t.regex(both.out, /maps\/map: Berlin, Germany\. 52\.5/)
  t.is(both.code, 0, both.err)
  const refused = await ue('none', 'carol', ...at, '--locate').ended
  t.regex(refused.out, /no place: 403 not-subscribed/)
  t.is(refused.code, 1)
  const wrong = await ue('none', 'carol', ...at, '--locate', 'a b').ended
  t.regex(wrong.err, /--locate is a b; expected nothing, or client\/service such as maps\/map/)
})

test('it asks where somebody is: once, and each time; who may not know is told so', async (t) => {
  const network = await ProcessNetwork.start(networkOf({ network: 'location.yaml' }))
  t.teardown(() => network.remove())
  const at = ['--domain', 'home.example', '--server', `127.0.0.1:${network.portsOf('proxy').udp}`]
  const place = 'alice@home\\.example: Berlin, Germany\\. 52\\.\\d+ N 13\\.\\d+ E, ±1\\.3 km'
  const once = await ue('none', 'bob', ...at, '--where', 'alice').ended
  t.regex(once.out, new RegExp(place))
  t.is(once.code, 0, once.err)
  const each = ue('none', 'bob', ...at, '--where', 'alice', '--each', '1')
  t.teardown(() => each.stop())
  await each.said(new RegExp(`${place}[\\s\\S]*${place}`))
  await each.stop()
  const crossing = ue('none', 'bob', ...at, '--where', 'alice', '--in', '52.52,13.405,20000')
  t.teardown(() => crossing.stop())
  await crossing.said(/alice@home\.example is inside the area: Berlin/)
  await crossing.stop()
  const refused = await ue('none', 'carol', ...at, '--where', 'alice').ended
  t.regex(refused.out, /alice@home\.example does not tell you, or there is nobody of that name/)
  t.is(refused.code, 1)
  t.regex((await ue('none', 'bob', ...at, '--moved', '5').ended).err, /--each, --moved and --in go with --where <user>/)
})

test('feedback comes by its period', async (t) => {
  const carol = ue('none', 'carol', '--near', '--peers', 'dave', '--period', '1', '--server', `127.0.0.1:${server.udp}`)
  t.teardown(() => carol.stop())
  await carol.said(/nobody is near[\s\S]*still nobody is near[\s\S]*still nobody is near/)
  t.pass()
})

test('a pair is asked, and peers are woken', async (t) => {
  const at = ['--server', `127.0.0.1:${server.udp}`]
  const dave = ue(airOf(16), 'dave', '--discoverable', '--at', '52.5200,13.4050', ...at)
  t.teardown(() => dave.stop())
  await dave.said(/announcing/)
  const carol = ue(
    airOf(16),
    'carol',
    '--discover',
    '--at',
    '52.5200,13.4050',
    '--peers',
    'dave',
    '--wake',
    '--pair',
    'bob',
    ...at,
  )
  t.teardown(() => carol.stop())
  await carol.said(/sip:bob@localhost is not near$/m)
  await carol.said(/sip:dave@localhost is near$/m)
  const again = ue(airOf(17), 'carol', '--pair', 'dave', '--json', ...at)
  t.teardown(() => again.stop())
  await again.said(/"kind":"pair","peer":"sip:dave@localhost","near":true/)
  t.pass()
})

test('only text is printed of messages for people, all of them for scripts', async (t) => {
  const at = ['--server', `127.0.0.1:${server.udp}`, '--air', 'none']
  const [people, scripts] = [[], ['--json']].map((more) => new Running(process.execPath, [program, 'ue', 'bob', ...more, ...at]))
  t.teardown(() => Promise.all([people!.stop(), scripts!.stop()]))
  await people!.said(/is registered/)
  await scripts!.said(/registered/)
  const sender = new ProcessStage(server, 'UDP')
  t.teardown(() => sender.leave())
  const { agent } = await sender.ue('alice')
  await agent.message('sip:bob@localhost', { type: 'application/json', content: '{"a":[1]}' })
  await people!.said(/message from \S+: 9 characters of application\/json$/m)
  await scripts!.said(/"kind":"message".*\{\\"a\\":\[1\]\}/)
  await agent.message('sip:bob@localhost', { type: 'text/plain', content: 'hello \u001b[2J there' })
  await people!.said(/message from \S+: hello \\u001b\[2J there$/m)
  t.pass()
})

test('a text is sent, its outcome is told, and is that of the command', async (t) => {
  const at = ['--server', `127.0.0.1:${server.udp}`]
  const bob = ue('none', 'bob', ...at)
  t.teardown(() => bob.stop())
  await bob.said(/is registered/)
  const send = (...args: readonly string[]) => proxima('ue', 'carol', ...at, '--air', 'none', '--message', ...args)
  const taken = await send('bob', 'hello there')
  t.is(taken.code, 0, taken.err)
  t.regex(taken.out, /message to sip:bob@localhost taken \(200 OK\)\n.* unregistered\n$/)
  await bob.said(/message from sip:carol@localhost: hello there$/m)
  const away = await send('sip:dave@localhost', 'hello', '--json')
  t.is(away.code, 0, 'it is kept for him')
  t.regex(away.out, /"kind":"sent","to":"sip:dave@localhost","status":202,/)
  const nobody = await send('sip:nobody@localhost', 'hello')
  t.is(nobody.code, 1)
  t.regex(nobody.out, /message to sip:nobody@localhost not taken, nobody has that address \(404 /)
  const noText = await send('sip:prose@localhost', 'hello', '--for', '0.1')
  t.is(noText.code, 1)
  t.regex(noText.out, /not taken, texts are not taken there \(415 /)
  const besides = await send('nobody', 'hello', '--near', '--for', '1')
  t.is(besides.code, 0, 'it was not all that there was to do')
  t.regex(besides.out, /not taken, nobody has that address \(404 /)
  const kept = await send('dave', 'hello again')
  t.is(kept.code, 0)
  t.regex(kept.out, /message to sip:dave@localhost kept until somebody is there \(202 /)
})

test('an answer to a question that it has not asked is shown', async (t) => {
  const at = ['--server', `127.0.0.1:${server.udp}`]
  const alice = ue('none', 'alice', '--json', ...at)
  t.teardown(() => alice.stop())
  await alice.said(/registered/)
  const other = new ProcessStage(server, 'UDP')
  t.teardown(() => other.leave())
  const { agent } = await other.ue('alice')
  const body = bodyOf('registration-code-request', { device: 'sip:alice@localhost', capabilities: { prose: true } })
  const callId = agent.newCallId()
  t.is((await agent.message('sip:prose@localhost', body, callId)).status, 202)
  const [line] = await alice.said(/^.*"kind":"message".*$/m)
  const { type, inReplyTo } = JSON.parse(line) as { readonly type: string; readonly inReplyTo: string }
  t.deepEqual([type, inReplyTo], ['application/vnd.proxima.registration-code+json', callId])
})

test('answers to its own questions are told by their outcome alone', async (t) => {
  const at = ['--server', `127.0.0.1:${server.udp}`]
  const application = ['--discoverable', '--application', 'org.example.nearby']
  const bob = ue('none', 'bob', ...application, ...at, '--json')
  await bob.said(/"kind":"user"/)
  const { code, out, err } = await bob.stop()
  t.is(code, 0, err)
  t.notRegex(out, /"kind":"message","from":"sip:(?!alice|carol)/) // they write to bob meanwhile
})

const refused: readonly (readonly [title: string, args: (free: number) => readonly string[], line: RegExp])[] = [
  [
    'a wrong password',
    () => ['alice', '--password', 'guess', '--server', `127.0.0.1:${server.udp}`],
    /^proxima: 127.* does not let sip:alice@localhost in \(401 .*password/,
  ],
  ['an unknown user', () => ['zoe', '--server', `127.0.0.1:${server.udp}`], /^proxima: .*sip:zoe@localhost.*no such subscriber/],
  [
    'no permission',
    () => ['eve', '--discover', '--server', `127.0.0.1:${server.udp}`],
    /sip:eve@localhost has no permission for --discover \(403\)/,
  ],
  [
    'a domain that is not served',
    () => ['alice', '--domain', 'x.example', '--server', `127.0.0.1:${server.udp}`],
    /^proxima: .*404 x\.example is not ours/,
  ],
  ['no server over UDP', (free) => ['alice', '--server', `127.0.0.1:${free}`], /^proxima: nobody answers at .* over udp/],
  [
    'no server over TCP',
    (free) => ['alice', '--server', `127.0.0.1:${free}`, '--transport', 'tcp'],
    /^proxima: nobody answers at .* over tcp/,
  ],
  [
    'no server over WebSocket',
    (free) => ['alice', '--server', `127.0.0.1:${free}`, '--transport', 'ws'],
    /^proxima: nobody answers at .* over ws/,
  ],
  [
    'an MME that is none',
    () => ['alice', '--mme', 'sip:nobody@localhost', '--server', `127.0.0.1:${server.udp}`],
    /^proxima: sip:alice@localhost cannot attach to sip:nobody@localhost \(404\); .*--mme/,
  ],
  [
    'a proximity server that is none',
    () => ['alice', '--discover', '--prose', 'sip:nobody@localhost', '--server', `127.0.0.1:${server.udp}`],
    /^proxima: sip:nobody@localhost is no proximity server \(\d+\); expected .*--prose$/,
  ],
  ['a user of no application', () => ['alice', '--user', 'zoe'], /^proxima: --user and --secret go with --application/],
  ['a text without its receiver', () => ['alice', '--message', 'hello'], /^proxima: --message has 1 values; expected a user and/],
  ['nobody to wake', () => ['alice', '--wake'], /^proxima: --wake goes with --peers/],
  ['an MME that is no URI', () => ['alice', '--mme', 'mme'], /Expected a URI such as sip:mme@localhost/],
  ['a place that is none', () => ['alice', '--at', '99,0'], /latitude,longitude/],
  ['a user that is none', () => ['a b'], /'a b' is no user/],
]

for (const [title, args, line] of refused) {
  test(`refused in one line: ${title}`, async (t) => {
    const { code, err } = await proxima('ue', ...args(await lastingPort()), '--air', 'none')
    t.is(code, 1)
    t.regex(err.trimEnd(), line)
    t.is(err.trimEnd().split('\n').length, 1, err)
  })
}

/** A server whose HSS hangs, say; and one that never says anything. */
const troubled: readonly (readonly [title: string, response: string | undefined, line: RegExp])[] = [
  [
    '503',
    '503 Service Unavailable',
    /^proxima: 127\.\S+ answers, but cannot register sip:alice@localhost now \(503 the HSS is away\); try/,
  ],
  ['silence', undefined, /^proxima: no answer came from 127\.\S+ over udp within 10 s; .*--server$/],
]
for (const [title, response, line] of troubled) {
  test(`what is known of a server that cannot register anybody is told: ${title}`, async (t) => {
    const socket = createSocket('udp4')
    t.teardown(() => new Promise<void>((done) => void socket.close(done)))
    socket.on('message', (bytes, { address, port }) => {
      const kept = bytes.toString().match(/^(?:Via|From|To|Call-ID|CSeq):.*\r\n/gim) ?? []
      const text = `SIP/2.0 ${response}\r\n${kept.join('')}Warning: 399 x "the HSS is away"\r\nContent-Length: 0\r\n\r\n`
      if (response !== undefined) socket.send(text, port, address)
    })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const { code, err } = await proxima('ue', 'alice', '--server', `127.0.0.1:${socket.address().port}`, '--air', 'none')
    t.is(code, 1)
    t.regex(err.trimEnd(), line)
  })
}

test('a demo of its own shows who is near whom and leaves a capture', async (t) => {
  const { code, out, err } = await run(process.execPath, [program, 'demo', '--seconds', '3', '--ues', '12'], { cwd: folder })
  t.is(code, 0, err)
  t.regex(out, /^ +\d+ s {2}\w+: (?:[+-]\w+ ?)+$/m)
  t.regex(out, /12 UEs, 3 s: [1-9]\d* codes reported, [1-9]\d* notifications/)
  t.regex(out, /capture: demo\.pcapng/)
  const messages = readPcapng(readFileSync(join(folder, 'demo.pcapng')), (text) => t.fail(text))
  t.true(messages.length > 200)
  t.true(ladder(messages.slice(0, 40)).includes('REGISTER'))
})

test('a demo against a running node', async (t) => {
  const server = await startDefaultServer() // of its own: the same subscribers walk there
  t.teardown(() => server.remove())
  const demo = ['demo', '--seconds', '2', '--server', `127.0.0.1:${server.udp}`, '--trace', join(folder, 'other.pcapng')]
  const { code, out, err } = await proxima(...demo)
  t.is(code, 0, err)
  t.regex(out, /4 UEs, 2 s: /)
})
