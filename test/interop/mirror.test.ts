/** The HEP mirror as a setting of the dialplan: begun, moved and ended by SIGHUP; the option of the command line goes before. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { parse, stringify } from 'yaml'
import { type DefaultServer, startDefaultServer } from '../support/process.ts'
import { requestText } from '../support/wire.ts'

/** A socket on loopback, and how many datagrams it got. */
async function socketOf(t: ExecutionContext) {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  t.teardown(() => socket.close())
  await once(socket, 'listening')
  const got: Buffer[] = []
  socket.on('message', (bytes) => void got.push(bytes))
  return { socket, got, place: `127.0.0.1:${socket.address().port}` }
}

/** Asks the server for what it can do until `isSo`, by its answers. */
async function speakUntil(t: ExecutionContext, server: DefaultServer, isSo: () => boolean): Promise<void> {
  const peer = await socketOf(t)
  for (let i = 0; !isSo(); i++) {
    const { port } = peer.socket.address()
    const names = { via: `127.0.0.1:${port}`, branch: `z9hG4bK-${port}-${i}`, callId: `${port}-${i}` }
    peer.socket.send(requestText('OPTIONS', 'sip:localhost', names), server.udp, '127.0.0.1')
    await once(peer.socket, 'message')
  }
}

function hangUp(server: DefaultServer, capture: object | undefined, said: RegExp): Promise<RegExpExecArray> {
  const file = join(server.folder, 'plan.yaml')
  const { capture: _, ...plan } = parse(readFileSync(file, 'utf8')) as { readonly capture?: object }
  writeFileSync(file, stringify(capture === undefined ? plan : { ...plan, capture }))
  const since = server.process.output.length
  server.process.signal('SIGHUP')
  return server.process.said(said, since)
}

const isHep = (bytes: Buffer): boolean => bytes.toString('latin1', 0, 4) === 'HEP3'

test('a mirror is begun, moved and ended while the node runs', async (t) => {
  const server = await startDefaultServer({ args: ['--log-level', 'info'] })
  t.teardown(() => server.remove())
  const [first, second] = [await socketOf(t), await socketOf(t)]
  await hangUp(server, { hep: first.place }, /dialplan read again/)
  await speakUntil(t, server, () => first.got.length > 0)
  t.true(isHep(first.got[0]!))
  await hangUp(server, { hep: second.place }, /dialplan read again/)
  const before = first.got.length
  await speakUntil(t, server, () => second.got.length > 1)
  t.true(first.got.length <= before + 1, 'but for what was on its way')
  await hangUp(
    server,
    { hep: 'nobody.invalid:9060' },
    /dialplan not taken[^\n]*capture\.hep: the host nobody\.invalid cannot be found/,
  )
  const still = second.got.length
  await speakUntil(t, server, () => second.got.length > still)
  await hangUp(server, undefined, /dialplan read again/)
  const last = second.got.length
  let answers = 0
  await speakUntil(t, server, () => ++answers > 20)
  t.true(second.got.length <= last + 1)
})

test('the option of the command line goes before', async (t) => {
  const [named, planned] = [await socketOf(t), await socketOf(t)]
  const server = await startDefaultServer({ args: ['--log-level', 'info', '--hep', named.place] })
  t.teardown(() => server.remove())
  await hangUp(server, { hep: planned.place }, /dialplan read again/)
  await speakUntil(t, server, () => named.got.length > 5)
  t.is(planned.got.length, 0)
})
