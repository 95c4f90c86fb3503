/** Bindings of connections (RFC 5626 §7): they die with the connection, in the store too, and with the process. */
import { createConnection, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import WebSocket from 'ws'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createRegistration } from '../../../elements/reg-event/index.ts'
import {
  compilePlan,
  createNode,
  type Json,
  memoryStore,
  type Node,
  RealClock,
  randomIds,
  type Store,
  silent,
} from '../../../signalling/index.ts'
import { holdWrites } from '../../support/held-writes.ts'
import { metric, requestText } from '../../support/wire.ts'

const patience = 10_000 // milliseconds

interface Ground {
  readonly clock: RealClock
  readonly store: Store
  readonly node: Node
  port(transport: 'TCP' | 'WS'): number
  /** Waits until that is so. */
  until(what: string, happened: () => boolean | Promise<boolean>): Promise<void>
}

async function ground(t: ExecutionContext, given?: Store): Promise<Ground> {
  const clock = new RealClock((fault) => t.fail(String(fault)))
  const store = given ?? memoryStore(clock)
  const elements = [
    createProxy('proxy', { authenticate: 'none', registration: 'optional' }),
    createRegistration('registration', {}),
  ]
  const { plan } = compilePlan({
    domains: ['localhost'],
    elements: new Map(elements.map(({ name, claims }) => [name, claims])),
    proxy: 'proxy',
    ownAddresses: [],
  })
  const host = '127.0.0.1'
  const node = createNode({
    name: 'n',
    plan: plan!,
    elements,
    domains: ['localhost'],
    trusted: [],
    store,
    clock,
    ids: randomIds(),
    log: silent,
    listen: [
      { transport: 'UDP', host, port: 0 },
      { transport: 'TCP', host, port: 0 },
      { transport: 'WS', host, port: 0 },
    ],
  })
  await node.start()
  t.teardown(() => node.stop(0))
  return {
    clock,
    store,
    node,
    port: (wanted) => node.listening.find(({ transport }) => transport === wanted)!.port,
    until: async (what, happened) => {
      const end = clock.now() + patience
      while (!(await happened())) {
        if (clock.now() > end) throw new Error(`not so: ${what}`)
        await new Promise<void>((resolve) => clock.after(5, resolve))
      }
    },
  }
}

function register(user: string, cseq = 1): string {
  const aor = `sip:${user}@localhost`
  return requestText('REGISTER', 'sip:localhost', {
    from: aor,
    to: aor,
    cseq,
    branch: `z9hG4bK-${user}-${cseq}`,
    callId: user,
    lines: [`Contact: <sip:${user}@127.0.0.1:1>;+sip.instance="<urn:uuid:${user}>";reg-id=1`, 'Supported: outbound'],
  })
}
/** A connection whose words are gathered. */
async function connected(t: ExecutionContext, port: number): Promise<{ socket: Socket; heard: () => string }> {
  const socket = createConnection({ port, host: '127.0.0.1' })
  let heard = ''
  socket.setEncoding('utf8').on('data', (text: string) => (heard += text))
  socket.on('error', (fault) => t.log(String(fault)))
  t.teardown(() => socket.destroy())
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  return { socket, heard: () => heard }
}
async function kept(store: Store): Promise<readonly (readonly [key: string, value: Json])[]> {
  const all: [string, Json][] = []
  for await (const [key, { value }] of store.scan('bindings/')) all.push([key, value])
  return all
}

test('a TCP connection that ends takes its binding with it, and who watches is told why', async (t) => {
  const { node, store, until, port } = await ground(t)
  const [phone, watcher] = [await connected(t, port('TCP')), await connected(t, port('TCP'))]
  phone.socket.write(register('bob'))
  await until('the 200', () => phone.heard().startsWith('SIP/2.0 200 OK'))
  t.regex(phone.heard(), /\r\nRequire: outbound\r\nFlow-Timer: 120\r\n/)
  const watch = requestText('SUBSCRIBE', 'sip:bob@localhost', {
    from: 'sip:bob@localhost',
    lines: ['Event: reg', 'Contact: <sip:bob@127.0.0.1:2;transport=tcp>'],
  })
  watcher.socket.write(watch)
  await until('the first NOTIFY', () => watcher.heard().includes('</reginfo>'))
  const [notify] = /NOTIFY [\s\S]*?\r\n\r\n/.exec(watcher.heard())!
  const echoed = notify.split('\r\n').filter((line) => /^(Via|From|To|Call-ID|CSeq):/.test(line))
  watcher.socket.write(['SIP/2.0 200 OK', ...echoed, 'Content-Length: 0', '', ''].join('\r\n'))
  t.is((await kept(store)).length, 1)

  phone.socket.destroy()
  await until('the binding is gone', () => metric(node, 'proxy_users_registered') === 0)
  await until('the store has none either', async () => (await kept(store)).length === 0)
  await until('the watcher is told', () => watcher.heard().includes('state="terminated" event="deactivated"'))
})

test('the same for a WebSocket, and only for the binding that came by it', async (t) => {
  const { node, until, port } = await ground(t)
  const phone = await connected(t, port('TCP'))
  const socket = new WebSocket(`ws://127.0.0.1:${port('WS')}`, 'sip')
  await new Promise((resolve) => socket.once('open', resolve))
  socket.send(register('eve'))
  phone.socket.write(register('bob'))
  await until('both', () => metric(node, 'proxy_users_registered') === 2)
  socket.terminate()
  await until('one', () => metric(node, 'proxy_users_registered') === 1)
  phone.socket.write(register('bob', 2))
  await until('the second 200', () => phone.heard().split('SIP/2.0 200 OK').length === 3)
  t.is(metric(node, 'proxy_users_registered'), 1)
})

test('on a flow that has been replaced by a newer one, the old connection takes nothing with it', async (t) => {
  const { node, until, port } = await ground(t)
  const [old, fresh] = [await connected(t, port('TCP')), await connected(t, port('TCP'))]
  old.socket.write(register('bob'))
  await until('the first', () => old.heard().startsWith('SIP/2.0 200'))
  fresh.socket.write(register('bob', 2))
  await until('the second', () => fresh.heard().startsWith('SIP/2.0 200'))
  t.is(fresh.heard().match(/\r\nContact:/g)?.length, 1)
  old.socket.destroy()
  await until('the connection is gone', () => metric(node, 'connections') === 1)
  t.is(metric(node, 'proxy_users_registered'), 1)
})

test('an old connection that ends while a newer one is written leaves the newer one in the store', async (t) => {
  const { node, store, until, port } = await ground(t)
  const [old, fresh] = [await connected(t, port('TCP')), await connected(t, port('TCP'))]
  old.socket.write(register('bob'))
  await until('the first', () => old.heard().startsWith('SIP/2.0 200'))
  const held = holdWrites(store)
  fresh.socket.write(register('bob', 2))
  await until('it is being written', () => held.waiting > 0)
  old.socket.destroy()
  await until('the connection is gone', () => metric(node, 'connections') === 1)
  held.release()
  await until('the second', () => fresh.heard().startsWith('SIP/2.0 200'))
  await new Promise<void>((resolve) => setImmediate(resolve))
  const found = (await kept(store)) as readonly (readonly [string, { readonly cseq: number; readonly ended?: string }])[]
  t.deepEqual(
    found.map(([, { cseq, ended }]) => [cseq, ended]),
    [[2, undefined]],
  )
  t.is(metric(node, 'proxy_users_registered'), 1)
})

test('a start finds no bindings of connections that an earlier process held; others stay', async (t) => {
  const first = await ground(t)
  const phone = await connected(t, first.port('TCP'))
  phone.socket.write(register('bob'))
  await first.until('the 200', () => phone.heard().startsWith('SIP/2.0 200'))
  const [[key, value]] = (await kept(first.store)) as [[string, { readonly [name: string]: Json }]]
  const store = memoryStore(first.clock) // as a process finds it that was killed
  const expires = first.clock.date() + 60_000
  await store.write([
    { key, value, expires },
    { key: key.replace('bob', 'udp'), value: { ...value, flow: 'UDP|127.0.0.1|9|9' }, expires },
    { key: key.replace('bob', 'far'), value: { ...value, path: ['<sip:10.0.0.1;lr>'] }, expires },
  ])
  const second = await ground(t, store)
  t.is(metric(second.node, 'proxy_users_registered'), 2)
  t.deepEqual(
    (await kept(store)).map(([each]) => /sip%3A(\w+)%40/.exec(each)?.[1]),
    ['far', 'udp'],
  )
})

test('CRLF keep-alives on a connection are answered', async (t) => {
  const { until, port } = await ground(t)
  const { socket, heard } = await connected(t, port('TCP'))
  socket.write('\r\n\r\n')
  await until('a pong', () => heard().length > 0)
  t.is(heard(), '\r\n')
})
