/** The guard of outbound HTTP (SPEC §5.8, A13, A14): whom it calls, what it reads, and for how long. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { addressLookup } from '../../../../elements/shared/http/addresses.ts'
import { outboundHttp } from '../../../../elements/shared/http/outbound.ts'
import { isPublicAddress } from '../../../../elements/shared/http/public-address.ts'
import { type OutboundHttpAnswer, systemResolver } from '../../../../signalling/index.ts'
import { ManualClock } from '../../../../signalling/testing.ts'
import { PushServiceOnLoopback } from '../../../support/push-service.ts'

const loopback = ['127.0.0.0/8']

async function open(t: ExecutionContext, name?: string) {
  const service = await PushServiceOnLoopback.open(name)
  t.teardown(() => service.close())
  const clock = new ManualClock()
  const names: string[] = []
  const addresses: { [name: string]: readonly string[] } = {}
  const http = outboundHttp({
    clock,
    resolve: (host) => {
      names.push(host)
      return Promise.resolve(addresses[host] ?? [])
    },
    ...(name === undefined ? {} : { authorities: service.certificate }),
  })
  const post = (url: string, allow: readonly string[] = []): Promise<OutboundHttpAnswer> =>
    http.send({ url, method: 'POST', headers: { TTL: '60' }, allow })
  return { addresses, clock, names, post, service }
}

/** The fault of an answer, or its status. */
async function outcome(answer: Promise<OutboundHttpAnswer>): Promise<string | number> {
  const { fault, ...rest } = await answer
  return fault ?? (rest as { status: number }).status
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

test('A13: no connection to a private or special address, in any spelling', async (t) => {
  const { post, service } = await open(t)
  const port = new URL(service.url).port
  const hosts = [
    ...['127.0.0.1', '169.254.169.254', '100.64.0.1', '[::1]', '[::ffff:127.0.0.1]', '10.0.0.1', '192.168.1.1', '0.0.0.0'],
    ...['2130706433', '0x7f.1', '0177.0.0.1', '127.1', '[::127.0.0.1]', '[64:ff9b::7f00:1]', '[fe80::1]', '[fd00::1]'],
    ...['[2002:7f00:1::]', '[2001:db8::1]', '[ff02::1]', '224.0.0.1', '255.255.255.255', '198.18.0.1', '172.31.0.1'],
  ]
  for (const host of hosts) t.is(await outcome(post(`https://${host}:${port}/w/x`)), 'address', host)
  for (const host of hosts.slice(0, 3)) t.is(await outcome(post(`http://${host}:${port}/w/x`)), 'address', host)
  t.is(service.connections, 0)
})

test('public addresses are public', (t) => {
  for (const address of ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1'])
    t.true(isPublicAddress(address), address)
  for (const address of ['', 'localhost', '127.0.0.1', '::ffff:8.8.8.8', '::', '2001::1'])
    t.false(isPublicAddress(address), address)
})

test('A13: a name is judged by all that it resolves to, once: what it says later leads nowhere', async (t) => {
  const { addresses, names, post, service } = await open(t, 'push.example')
  const { port } = new URL(service.url)
  addresses['push.example'] = ['127.0.0.1', '::1', '10.1.2.3']
  t.is(await outcome(post(`https://push.example:${port}/w/x`)), 'address')
  t.is(service.connections, 0)
  t.is(await outcome(post(`https://push.example:${port}/w/x`, loopback)), 201, 'a setting allows it')
  t.is(service.connections, 1)
  const before = names.length
  const changing = outboundHttp({
    clock: new ManualClock(),
    resolve: () => Promise.resolve(names.push('asked') === before + 1 ? ['192.0.2.55'] : ['127.0.0.1']),
    authorities: service.certificate,
  })
  const url = `https://push.example:${port}/w/x`
  t.is(await outcome(changing.send({ url, method: 'POST', headers: {}, allow: ['127.0.0.9'] })), 'address')
  t.is(names.length, before + 1, 'one question for one request')
  t.is(service.connections, 1)
})

test('A14: names whose name servers are silent hold up no other request', async (t) => {
  const { service } = await open(t)
  const silent = createSocket('udp4')
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const asked = new Set<string>()
  const names = Array.from({ length: 64 }, (_, index) => `silent-${index}.example`)
  silent.on('message', (question) => void asked.add(/silent-\d+/.exec(question.toString('latin1'))?.[0] ?? ''))
  const resolve = addressLookup(systemResolver([`127.0.0.1:${silent.address().port}`]))
  const http = outboundHttp({ clock: new ManualClock(), resolve })
  const request = { method: 'POST', headers: {}, allow: loopback } as const
  for (const name of names) void http.send({ ...request, url: `https://${name}/` })
  await until(() => asked.size === names.length)
  const url = service.url.replace('127.0.0.1', 'localhost')
  t.is(await outcome(http.send({ ...request, url, isOwn: true })), 201)
})

test('of the addresses of a name the first that takes a connection is called', async (t) => {
  const { addresses, post, service } = await open(t)
  addresses['push.example'] = ['127.0.0.9', '127.0.0.1']
  const url = service.url.replace('127.0.0.1', 'push.example')
  t.is(await outcome(post(url, loopback)), 201)
})

test('A13: of many addresses of a name four are called', async (t) => {
  const { addresses, post, service } = await open(t)
  const refusing = ['127.0.0.5', '127.0.0.6', '127.0.0.7', '127.0.0.8']
  const url = service.url.replace('127.0.0.1', 'push.example')
  addresses['push.example'] = [...refusing, '127.0.0.1']
  t.is(await outcome(post(url, loopback)), 'unreachable')
  t.is(service.connections, 0)
  addresses['push.example'] = [...refusing.slice(1), '127.0.0.1']
  t.is(await outcome(post(url, loopback)), 201)
})

/** Listens at an address and never takes a connection; its queue is full. */
async function silentListener(t: ExecutionContext, host: string, port: number): Promise<void> {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    require('node:net').createServer().listen({ ...workerData, backlog: 1 }, () => {
      parentPort.postMessage('listening')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const worker = new Worker(code, { eval: true, workerData: { host, port } })
  t.teardown(() => worker.terminate())
  await once(worker, 'message')
  for (let queued = 0; queued < 2; queued++) {
    const socket = connect({ host, port })
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    socket.on('error', () => undefined)
  }
}

test('A14: an address that says nothing has two seconds, and then the next one is called', async (t) => {
  t.timeout(60_000) // the system itself gives up after two minutes
  const { addresses, clock, names, post, service } = await open(t)
  const { port } = new URL(service.url)
  await silentListener(t, '127.0.0.9', Number(port))
  addresses['push.example'] = ['127.0.0.9', '127.0.0.1']
  const answer = outcome(post(`http://push.example:${port}/w/x`, loopback))
  await until(() => names.length === 1)
  await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(2000)
  t.is(await answer, 201)
})

test('only https: URLs without a password; http: where a setting allows the address', async (t) => {
  const { addresses, post, service } = await open(t)
  addresses['push.example'] = ['8.8.8.8']
  for (const url of [
    '',
    'push.example',
    'ftp://push.example/',
    'file:///etc/passwd',
    'https://a:b@push.example/',
    'http://push.example/',
  ])
    t.is(await outcome(post(url)), 'url', url)
  t.is(await outcome(post(`${service.url}/w/x`, loopback)), 201)
  t.is(service.asked[0]!.headers['ttl'], '60')
  t.is(service.asked[0]!.headers['content-length'], '0')
  t.is(await outcome(post('https://nobody.example/')), 'address')
})

test('A13: a redirect to the inside is an answer, and nobody goes there', async (t) => {
  const { post, service } = await open(t)
  const inside = await PushServiceOnLoopback.open()
  t.teardown(() => inside.close())
  service.answer = (response) => void response.writeHead(307, { Location: `${inside.url}/secret` }).end()
  t.is(await outcome(post(`${service.url}/w/x`, loopback)), 307)
  t.is(inside.connections, 0)
})

test('A13: of a body without end 64 kB are read', async (t) => {
  const { post, service } = await open(t)
  let written = 0
  let isClosed = false
  service.answer = (response) => {
    response.writeHead(201)
    response.on('close', () => {
      isClosed = true
    })
    const more = (): void => {
      while (!isClosed && response.write(Buffer.alloc(16_384))) written += 16_384
      if (!isClosed) response.once('drain', more)
    }
    more()
  }
  t.is(await outcome(post(`${service.url}/w/x`, loopback)), 'too-long')
  await until(() => isClosed)
  t.true(written < 50_000_000, 'the connection was closed while it was being written')
})

test('A13: ten seconds for all of it: silence, and a body that comes byte by byte', async (t) => {
  const { clock, post, service } = await open(t)
  service.answer = () => undefined
  const silent = outcome(post(`${service.url}/w/x`, loopback))
  await until(() => service.asked.length === 1)
  await clock.advance(9_999)
  await clock.advance(1)
  t.is(await silent, 'timeout')
  let isClosed = false
  service.answer = (response) => {
    response.writeHead(201)
    response.write('a')
    response.on('close', () => {
      isClosed = true
    })
  }
  const slow = outcome(post(`${service.url}/w/x`, loopback))
  await until(() => service.asked.length === 2)
  await clock.advance(10_000)
  t.is(await slow, 'timeout')
  await until(() => isClosed)
})

test('A14: nonsense, a head without end and a connection that breaks are faults, and end nothing', async (t) => {
  const { post, service } = await open(t)
  const raw = (text: string) => (response: Parameters<typeof service.answer>[0]) => {
    response.socket!.end(text)
  }
  const answers: readonly (readonly [text: string, fault: string])[] = [
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnonsense\r\n', 'malformed'],
    ['no HTTP at all\r\n\r\n', 'malformed'],
    [`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 'malformed'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', 'malformed'],
    ['', 'unreachable'],
  ]
  for (const [text, fault] of answers) {
    service.answer = raw(text)
    t.is(await outcome(post(`${service.url}/w/x`, loopback)), fault, text.slice(0, 40))
  }
  await service.close()
  t.is(await outcome(post(`${service.url}/w/x`, loopback)), 'unreachable')
})

test('A14: each status is told as it comes', async (t) => {
  const { post, service } = await open(t)
  for (const status of [201, 202, 400, 401, 404, 410, 413, 429, 500]) {
    service.answer = (response) => void response.writeHead(status, { 'Retry-After': '7' }).end('text')
    t.like(await post(`${service.url}/w/x`, loopback), { status, headers: { 'retry-after': '7' }, body: 'text' })
  }
})
