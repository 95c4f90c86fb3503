/** Many HTTP requests on few connections: each connection has one answered at a time, and a scrape is no work for each of them. */
import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'ava'
import { openHttp } from '../../../dialplans/http/server.ts'
import { Metrics } from '../../../dialplans/running/metrics.ts'
import { silent } from '../../../signalling/index.ts'

async function scene() {
  let now = 0
  let reads = 0
  const read = () => {
    reads++
    return []
  }
  const metrics = new Metrics(read, () => now)
  const http = await openHttp({
    listen: { host: '127.0.0.1', port: 0 },
    health: () => ({ status: 'ok' }),
    metrics,
    log: silent,
  })
  return {
    http,
    metrics,
    reads: () => reads,
    pass: (ms: number) => {
      now += ms
    },
  }
}

test('scrapes at once are one, and ten a second are fresh', async (t) => {
  const { http, metrics, reads, pass } = await scene()
  t.teardown(() => http.close())
  await Promise.all(Array.from({ length: 50 }, () => metrics.scrape()))
  t.is(reads(), 1)
  for (let n = 0; n < 50; n++) t.true((await metrics.scrape()).text.length > 0)
  t.is(reads(), 10)
  pass(1000)
  await metrics.scrape()
  t.is(reads(), 11)
})

/** What comes on a connection that asks so, until it ends. */
async function answers(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let got = ''
  socket.on('data', (bytes) => {
    got += bytes.toString()
  })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(text)
  await once(socket, 'close')
  return got
}
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`

test('pipelined requests are answered in their order', async (t) => {
  const { http } = await scene()
  t.teardown(() => http.close())
  const got = await answers(
    http.listening.port,
    get('/metrics') + get('/health') + get('/nothing') + get('/health', 'Connection: close\r\n'),
  )
  t.deepEqual(
    [...got.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['200', '200', '404', '200'],
  )
})

test('a connection on which more than 32 wait ends; others are served', async (t) => {
  const { http, reads } = await scene()
  t.teardown(() => http.close())
  const { port } = http.listening
  const got = await Promise.all(Array.from({ length: 40 }, () => answers(port, get('/metrics').repeat(100))))
  for (const each of got) t.true([...each.matchAll(/HTTP\/1\.1 200/g)].length <= 33)
  t.true(reads() <= 10)
  t.is((await fetch(`http://127.0.0.1:${port}/health`)).status, 200)
})
