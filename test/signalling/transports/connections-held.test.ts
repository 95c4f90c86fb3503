/** Connections that are not read for a while, as overload control has it. */
import { createConnection, type Socket } from 'node:net'
import test from 'ava'
import WebSocket from 'ws'
import { scene } from '../../support/connected.ts'
import { requestText } from '../../support/wire.ts'

function call(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' }, () => resolve(socket.resume()))
  })
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise<void>((resolve) => setImmediate(resolve))
}

test('a connection that is held is not read until it is held no more, and can be ended', async (t) => {
  const { agent, port } = await scene(t)
  const ask = (n: number): string => requestText('OPTIONS', 'sip:agent@localhost', { branch: `z9hG4bK-${n}`, callId: `c${n}` })
  const asked = (): readonly string[] => agent.got.map(({ request }) => request.callId)
  const other = await call(port('TCP'))
  const stream = await call(port('TCP'))
  const socket = new WebSocket(`ws://127.0.0.1:${port('WS')}`, 'sip')
  await new Promise((resolve) => socket.once('open', resolve))
  let count = 0
  for (const send of [(text: string) => stream.write(text), (text: string) => socket.send(text)]) {
    const [first, second] = [++count, ++count]
    send(ask(first))
    await until(() => asked().includes(`c${first}`))
    const { flow } = agent.got.at(-1)!
    flow.hold!(true)
    send(ask(second))
    for (let i = 0; i < 5; i++) {
      const mark = 100 + ++count
      other.write(ask(mark))
      await until(() => asked().includes(`c${mark}`))
    }
    t.false(asked().includes(`c${second}`))
    flow.hold!(false)
    await until(() => asked().includes(`c${second}`))
    flow.hold!(true)
    flow.close()
  }
  await until(() => stream.closed && socket.readyState === WebSocket.CLOSED)
  t.pass()
})
