/** Many who begin HTTP requests and do not go on: /health and /metrics are there for others all the same. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import { openHttp } from '../../../dialplans/http/server.ts'
import { Metrics } from '../../../dialplans/running/metrics.ts'
import { silent } from '../../../signalling/index.ts'
import { until } from '../../support/patience.ts'

for (const [what, text] of [
  ['nothing', ''],
  ['half a header', 'GET /health HTTP/1.1\r\nHost: x\r\n'],
  ['a header, and half of its body', 'POST /v1/subscribers HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx'],
  ['a whole request, and stay', 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n'],
])
  test(`600 who send ${what}`, async (t) => {
    const http = await openHttp({
      listen: { host: '127.0.0.1', port: 0 },
      health: () => ({ status: 'ok' }),
      metrics: new Metrics(() => []),
      log: silent,
    })
    t.teardown(() => http.close())
    const { port } = http.listening
    const sockets: Socket[] = []
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
    })
    let closed = 0
    for (let i = 0; i < 600; i++) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.on('close', () => closed++)
      socket.resume()
      sockets.push(socket)
      await once(socket, 'connect')
      socket.write(text!)
    }
    for (const path of ['/health', '/metrics']) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })
      t.is(response.status, 200)
      t.true((await response.text()).length > 0)
    }
    await until('those that came first have given way', () => closed >= 100)
  })
