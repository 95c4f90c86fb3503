/** Connections that came (real sockets): whether they are taken for a peer that is to be reached at their port. */
import { once } from 'node:events'
import { createConnection } from 'node:net'
import test from 'ava'
import WebSocket from 'ws'
import { tcpTransport } from '../../../signalling/transports/tcp.ts'
import type { Flow, TransportSink } from '../../../signalling/transports/transport.ts'
import { wsTransport } from '../../../signalling/transports/ws.ts'

const here = { host: '127.0.0.1', port: 0 }
const request = 'OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n'

for (const name of ['TCP', 'WS'] as const)
  for (const trusted of [true, false])
    test(`${name}: one that came is${trusted ? '' : ' not'} taken where its peer is ${trusted ? 'trusted' : 'anybody'}`, async (t) => {
      let came: (flow: Flow) => void = () => undefined
      const first = new Promise<Flow>((resolve) => {
        came = resolve
      })
      const sink: TransportSink = { received: (_bytes, flow) => came(flow), closed: () => undefined, failed: () => undefined }
      const options = { listen: here, sink, isTrusted: () => trusted, newId: () => 'id' }
      const transport = name === 'TCP' ? tcpTransport(options) : wsTransport(options)
      await transport.listen()
      const { port } = transport.local
      if (name === 'TCP') {
        const peer = createConnection({ host: here.host, port })
        t.teardown(() => void peer.destroy())
        peer.write(request)
      } else {
        const peer = new WebSocket(`ws://${here.host}:${port}`, 'sip')
        t.teardown(() => peer.terminate())
        await once(peer, 'open')
        peer.send(request)
      }
      const flow = await first
      t.is(transport.connect(flow.remote) === flow, trusted)
      await transport.close()
    })
