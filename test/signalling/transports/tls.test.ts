/** TLS and WSS: a certificate of our own making, OPTIONS through it, and another certificate while running. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import test from 'ava'
import WebSocket from 'ws'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createNode, RealClock, randomIds, silent } from '../../../signalling/index.ts'
import { compilePlan } from '../../../signalling/routing/compile.ts'
import { memoryStore } from '../../../signalling/storage/memory.ts'
import type { TlsMaterial } from '../../../signalling/transports/transport.ts'

const command = new URL('../../../dialplans/launch.js', import.meta.url).pathname
const options = (transport: string): string =>
  `OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/${transport} x.invalid;branch=z9hG4bK1\r\nFrom: <sip:a@x.invalid>;tag=1\r\nTo: <sip:localhost>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n`

function makeCertificate(folder: string): TlsMaterial {
  execFileSync(process.execPath, [command, 'cert', '--out', folder, '--force'])
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return { certificate: read('certificate.pem'), key: read('key.pem') }
}

/** The first answer, and the fingerprint of the certificate that came with it. */
function ask(port: number, { certificate }: TlsMaterial): Promise<{ answer: string; fingerprint: string }> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca: certificate, servername: 'localhost' }, () => {
      socket.write(options('TLS'))
    })
    socket.once('error', reject)
    socket.once('data', (data: Buffer) => {
      const { fingerprint256: fingerprint } = socket.getPeerCertificate()
      socket.end()
      resolve({ answer: data.toString(), fingerprint })
    })
  })
}

function askOverWss(port: number, { certificate }: TlsMaterial): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`wss://127.0.0.1:${port}`, 'sip', { ca: certificate })
    socket.once('error', reject)
    socket.once('open', () => socket.send(options('WSS')))
    socket.once('message', (data: Buffer) => {
      socket.close()
      resolve(data.toString())
    })
  })
}

test('TLS and WSS answer by the certificate they have, and by a new one without a restart', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proxima-tls-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const first = makeCertificate(folder)
  const clock = new RealClock((fault) => t.fail(String(fault)))
  const proxy = createProxy('proxy', { authenticate: 'none' })
  const { plan } = compilePlan({
    domains: ['localhost'],
    elements: new Map([['proxy', proxy.claims]]),
    proxy: 'proxy',
    ownAddresses: [],
  })
  const node = createNode({
    name: 'tls',
    plan: plan!,
    elements: [proxy],
    domains: ['localhost'],
    trusted: [],
    store: memoryStore(clock),
    clock,
    ids: randomIds(),
    log: silent,
    tls: first,
    listen: [
      { transport: 'TLS', host: '127.0.0.1', port: 0 },
      { transport: 'WSS', host: '127.0.0.1', port: 0 },
    ],
  })
  await node.start()
  t.teardown(() => node.stop(0))
  const [tls, wss] = node.listening.map(({ port }) => port)
  const before = await ask(tls!, first)
  t.regex(before.answer, /^SIP\/2\.0 200 OK\r\nVia: SIP\/2\.0\/TLS x\.invalid;/)
  t.regex(await askOverWss(wss!, first), /^SIP\/2\.0 200 OK/)

  const second = makeCertificate(folder)
  node.renewTls(second)
  t.not((await ask(tls!, second)).fingerprint, before.fingerprint)
  t.throws(() => node.renewTls({ certificate: 'no certificate', key: 'no key' }))
  t.regex((await ask(tls!, second)).answer, /^SIP\/2\.0 200 OK/, 'the last good one stays')
})
