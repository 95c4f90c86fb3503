/** Transports that close while peers do not (real sockets): it takes no longer than it takes. */
import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import test from 'ava'
import { generate } from 'selfsigned'
import { tcpTransport } from '../../../signalling/transports/tcp.ts'
import type { Flow, Transport, TransportSink } from '../../../signalling/transports/transport.ts'
import { wsTransport } from '../../../signalling/transports/ws.ts'

const here = { host: '127.0.0.1', port: 0 }
const common = { listen: here, isTrusted: () => false, newId: () => 'id' }

/** The flow by which something comes first. */
function firstOf(open: (sink: TransportSink) => Transport): { transport: Transport; first: Promise<Flow> } {
  let came: (flow: Flow) => void = () => undefined
  const first = new Promise<Flow>((resolve) => {
    came = resolve
  })
  const sink = { received: (_bytes: Buffer, flow: Flow) => came(flow), closed: () => undefined, failed: () => undefined }
  return { transport: open(sink), first }
}

function peerOf({ local }: Transport): Socket {
  return createConnection({ host: here.host, port: local.port })
}

test('a TCP peer that reads nothing of what waits for it', async (t) => {
  const { transport, first } = firstOf((sink) => tcpTransport({ ...common, sink }))
  await transport.listen()
  const peer = peerOf(transport)
  peer.pause()
  peer.write('OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n')
  t.true((await first).send(Buffer.alloc(32 * 1024 * 1024)))
  await transport.close()
  peer.destroy()
})

test('a WebSocket peer that answers no Close', async (t) => {
  const { transport, first } = firstOf((sink) => wsTransport({ ...common, sink }))
  await transport.listen()
  const peer = peerOf(transport)
  const lines = ['GET / HTTP/1.1', 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  peer.write(`${lines.join('\r\n')}\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`)
  await once(peer, 'data')
  peer.write(Buffer.from([0x82, 0x85, 0, 0, 0, 0, 65, 65, 65, 65, 65])) // one frame of five bytes
  t.true((await first).open)
  await transport.close()
  peer.destroy()
})

test('a TLS peer that never ends its handshake', async (t) => {
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 })
  const tls = { certificate: pems.cert, key: pems.private }
  const { transport } = firstOf((sink) => tcpTransport({ ...common, sink, tls }))
  await transport.listen()
  const peer = peerOf(transport)
  await once(peer, 'connect')
  const later = peerOf(transport) // once this one is accepted, so is the first
  await once(later, 'connect')
  later.destroy()
  await transport.close()
  t.pass()
  peer.destroy()
})

test('a peer that takes a call by TLS and says nothing is given up', async (t) => {
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 })
  const mute = createServer().listen(0, here.host)
  await once(mute, 'listening')
  const why = await new Promise<string>((resolve) => {
    const sink = { received: () => undefined, closed: () => undefined, failed: (_flow: Flow, fault: string) => resolve(fault) }
    const tls = { certificate: pems.cert, key: pems.private }
    const transport = tcpTransport({ ...common, sink, tls, connectWithin: 200 })
    transport.connect({ host: here.host, port: (mute.address() as AddressInfo).port })
  })
  t.is(why, 'no connection within 200 ms')
  mute.close()
})
