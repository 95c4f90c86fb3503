/** Whom a certificate makes trusted (SPEC §2.5, RFC 5922), on real sockets and with certificates of `proxima cert`. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import {
  compilePlan,
  createNode,
  memoryStore,
  type Node,
  type NodeOptions,
  silent,
  type TlsMaterial,
} from '../../signalling/index.ts'
import { domainsIn, ManualClock, seededIds } from '../../signalling/testing.ts'
import { Agent } from '../support/lab.ts'
import { Names } from '../support/names.ts'
import { until } from '../support/patience.ts'
import { metric, requestText } from '../support/wire.ts'

const command = new URL('../../dialplans/launch.js', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'proxima-mutual-'))

/** Who takes part, and what their certificates name. All but the last are signed by the one authority. */
const people: { readonly [who: string]: readonly string[] } = {
  server: ['localhost', '127.0.0.1', 'node.test'],
  trusted: ['AS.test', '127.0.0.1'],
  domain: ['sip:as.test'],
  stranger: ['other.test'],
  wild: ['*.test', 'sip:user@as.test'],
  forged: ['as.test'],
}

const cert = (...args: readonly string[]) => promisify(execFile)(process.execPath, [command, 'cert', ...args])
const read = (...path: readonly string[]): string => readFileSync(join(folder, ...path), 'utf8')

function materialOf(who: string): TlsMaterial {
  const authorities = read('authority.pem')
  return { certificate: read(who, 'certificate.pem'), key: read(who, 'key.pem'), authorities }
}

test.before(async () => {
  await cert('--authority', '--out', folder)
  await Promise.all(
    Object.entries(people).map(([who, hosts]) =>
      cert(...hosts, '--out', join(folder, who), ...(who === 'forged' ? [] : ['--signed-by', folder])),
    ),
  )
})
test.after.always(() => rmSync(folder, { recursive: true }))

interface Scene {
  readonly node: Node
  readonly agent: Agent
  readonly port: number
  /** `info` lines. */
  readonly said: object[]
}

async function scene(t: ExecutionContext, tls: Partial<TlsMaterial> = {}, more: Partial<NodeOptions> = {}): Promise<Scene> {
  const clock = new ManualClock()
  const agent = new Agent('agent')
  const { plan } = compilePlan({ domains: ['localhost'], elements: new Map([['agent', agent.claims]]), ownAddresses: [] })
  const said: object[] = []
  const node = createNode({
    name: 'mutual',
    plan: plan!,
    elements: [agent],
    domains: ['localhost'],
    trusted: ['as.test'],
    store: memoryStore(clock),
    clock,
    ids: seededIds(1),
    log: { ...silent, info: (fields) => void said.push(fields) },
    tls: { ...materialOf('server'), ...tls },
    listen: [{ transport: 'TLS', host: '127.0.0.1', port: 0 }],
    ...more,
  })
  await node.start()
  t.teardown(() => node.stop(0))
  return { node, agent, port: node.listening[0]!.port, said }
}

/** A connection of somebody with that certificate, or none, and what came by it. */
class Caller {
  readonly socket: TLSSocket
  text = ''
  ended = false
  constructor(t: ExecutionContext, port: number, who: string | undefined, first: string) {
    const own = who === undefined ? {} : { cert: materialOf(who).certificate, key: materialOf(who).key }
    this.socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: read('authority.pem'), ...own })
    t.teardown(() => void this.socket.destroy())
    this.socket.write(first)
    this.socket.on('data', (data: Buffer) => {
      this.text += data.toString()
    })
    this.socket.on('error', () => {
      this.ended = true
    })
    this.socket.on('close', () => {
      this.ended = true
    })
  }
}

let requests = 0
/** Another one each time, for one that comes twice is merged (RFC 3261 §8.2.2.2). */
const request = (via = 'as.test'): string =>
  requestText('MESSAGE', 'sip:agent@localhost', {
    via,
    callId: `call-${++requests}`,
    lines: ['P-Asserted-Identity: <sip:alice@localhost>'],
  }).replace('/UDP', '/TLS')

for (const [what, who, trusted, tls] of [
  ['whose certificate names a trusted domain is trusted', 'trusted', true, {}],
  ['whose certificate names it as a SIP domain is trusted', 'domain', true, {}],
  ['is trusted where everybody needs a certificate', 'trusted', true, { requireClient: true }],
  ['of another domain is not trusted', 'stranger', false, {}],
  [
    'of another domain is let in where everybody needs a certificate, and is not trusted',
    'stranger',
    false,
    { requireClient: true },
  ],
  ['with a wildcard, or the name of a user, is not trusted', 'wild', false, {}],
  ['whose certificate nobody stands for is not trusted', 'forged', false, {}],
  ['without a certificate is not trusted', undefined, false, {}],
  ['is asked for nothing where there are no authorities', 'trusted', false, { authorities: undefined }],
] as const) {
  test(`a peer ${what}`, async (t) => {
    const { authorities, ...rest } = materialOf('server')
    const { agent, port, said } = await scene(
      t,
      {},
      { tls: { ...rest, ...('authorities' in tls ? {} : { authorities }), ...tls } as TlsMaterial },
    )
    const caller = new Caller(t, port, who, request())
    await until('it has come', () => caller.text !== '' || caller.ended)
    t.regex(caller.text, /^SIP\/2\.0 200 /)
    const { flow, asserted } = agent.got[0]!
    t.is(flow.trusted, trusted)
    t.is(asserted?.uri.user, trusted ? 'alice' : undefined, 'its P-Asserted-Identity counts only then')
    t.deepEqual(said, [])
  })
}

for (const [what, who, why] of [
  ['without a certificate', undefined, /^it shows no certificate$/],
  ['whose certificate nobody stands for', 'forged', /^its certificate: [A-Z_]+$/],
] as const) {
  test(`where everybody needs one, a peer ${what} is refused, and the log has one line`, async (t) => {
    const { node, agent, port, said } = await scene(t, { requireClient: true })
    const caller = new Caller(t, port, who, request())
    await until('it has come', () => caller.ended && metric(node, 'certificates_refused_total') === 1)
    t.is(caller.text, '')
    t.is(agent.got.length, 0)
    t.is(said.length, 1)
    const [{ transport, remote, why: cause }] = said as [{ transport: string; remote: { host: string }; why: string }]
    t.deepEqual([transport, remote.host], ['TLS', '127.0.0.1'])
    t.regex(cause, why)
    const honest = new Caller(t, port, 'trusted', request())
    await until('it has come', () => honest.text.startsWith('SIP/2.0 200'))
  })
}

test('new authorities count without a restart, and what is none changes nothing', async (t) => {
  const { node, agent, port } = await scene(t)
  const renewed = { ...materialOf('server'), authorities: read('forged', 'certificate.pem') }
  t.throws(() => node.renewTls({ ...renewed, authorities: 'no certificate' }))
  const ask = async (who: string): Promise<boolean> => {
    const before = agent.got.length
    new Caller(t, port, who, request())
    await until('it has come', () => agent.got.length > before)
    return agent.got.at(-1)!.flow.trusted
  }
  t.deepEqual([await ask('trusted'), await ask('forged')], [true, false])
  node.renewTls(renewed)
  t.deepEqual([await ask('trusted'), await ask('forged')], [false, true])
})

/** A peer that is called: who called it, by certificate. */
async function called(t: ExecutionContext, who: string, more: TlsOptions = {}) {
  const { certificate, key, authorities } = materialOf(who)
  const names: (string | undefined)[] = []
  const got: string[] = []
  const server = createServer({ cert: certificate, key, ca: authorities, requestCert: true, ...more }, (socket) => {
    names.push(socket.getPeerCertificate().subjectaltname)
    socket.on('data', (data: Buffer) => {
      got.push(data.toString())
      if (got.length === 1) socket.write(request())
    })
    socket.on('error', () => undefined)
    t.teardown(() => void socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  const address = server.address()
  return { names, got, port: typeof address === 'object' && address !== null ? address.port : 0 }
}

for (const [who, trusted] of [
  ['trusted', true],
  ['domain', true],
] as const) {
  test(`whom we call gets our certificate, and is trusted by its own: ${people[who]!.join()}`, async (t) => {
    const { agent } = await scene(t, {}, { resolver: new Names(['as.test A 127.0.0.1']) })
    const peer = await called(t, who, { rejectUnauthorized: true })
    void agent.host.send({ method: 'MESSAGE', to: `sip:bob@as.test:${peer.port};transport=tls` })
    await until('it has come', () => agent.got.length === 1)
    t.deepEqual(peer.names, ['DNS:localhost, IP Address:127.0.0.1, DNS:node.test'])
    t.is(agent.got[0]!.flow.trusted, trusted)
  })
}

test('whom we call has to be who we call', async (t) => {
  const { agent } = await scene(t, {}, { resolver: new Names(['as.test A 127.0.0.1']) })
  const peer = await called(t, 'stranger')
  const { status } = await agent.host.send({ method: 'MESSAGE', to: `sip:bob@as.test:${peer.port};transport=tls` })
  t.is(status, 503)
  t.deepEqual(peer.got, [])
})

for (const [what, who, via, shared] of [
  ['whose certificate names it', 'trusted', 'as.test', true],
  ['whose certificate names another', 'stranger', 'as.test', false],
  ['without one', undefined, 'as.test', false],
  ['that offers another name', 'trusted', 'other.test', false],
] as const) {
  test(`a connection of a peer ${what} is ${shared ? '' : 'not '}used for requests to that domain (RFC 5923)`, async (t) => {
    const { agent, port } = await scene(t, {}, { resolver: new Names(['as.test A 127.0.0.1', 'other.test A 127.0.0.1']) })
    const far = await called(t, 'trusted')
    const caller = new Caller(t, port, who, request(`${via}:${far.port};alias`))
    await until('it has come', () => caller.text.startsWith('SIP/2.0 200'))
    const line = `MESSAGE sip:bob@as.test:${far.port};transport=tls SIP/2.0`
    void agent.host.send({ method: 'MESSAGE', to: `sip:bob@as.test:${far.port};transport=tls` })
    await until('it has come', () => (shared ? caller.text : (far.got[0] ?? '')).includes(line))
    t.is(far.names.length, shared ? 0 : 1)
  })
}

for (const [text, expected] of [
  ['DNS:As.Test, IP Address:10.0.0.1, URI:sip:b.test', ['as.test', 'b.test']],
  ['URI:sips:a.test, URI:sip:user@a.test, URI:sip:a.test:5060, URI:http://a.test', []],
  ['DNS:*.a.test, DNS:10.0.0.1, DNS:..', []],
  ['DNS:"x\\u0000, DNS:as.test", DNS:b.test', ['b.test']],
  ['DirName:"CN=x, DNS:as.test", othername:<unsupported>', []],
  ['email:"a, DNS:as.test"@x, DNS:b.test', ['b.test']],
  ['DNS:"unfinished, DNS:as.test', []],
  ['', []],
] as const) {
  test(`a subjectAltName ${JSON.stringify(text)} proves ${expected.join() || 'nothing'}`, (t) => {
    t.deepEqual(domainsIn(text), expected)
  })
}
