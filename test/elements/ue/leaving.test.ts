/** An agent on sip.js over a connection that breaks, or to a server that cannot answer yet: who leaves is gone, who stays comes again. */
import test from 'ava'
import { type PortListener, SipJsAgent } from '../../../elements/ue/index.ts'
import type { Flow } from '../../../signalling/index.ts'
import { silent } from '../../../signalling/index.ts'
import { scan } from '../../../signalling/tools.ts'
import { Ground } from '../../contracts/agent-ground.ts'

/** Connections to the server over memory, which a test breaks. */
class Line {
  /** Nobody takes a call while true. */
  down = false
  /** Sees what the agent sends; what it returns is answered in the server's place, 0: kept from it. */
  fate: (method: string, expires: number | undefined) => number | undefined = () => undefined
  private listener: PortListener | undefined

  async open(ground: Ground, server: { host: string; port: number }, listener: PortListener): Promise<Flow> {
    if (this.down) throw new Error('refused')
    const transport = ground.network!.transport({
      listen: { host: '10.0.1.1', port: 5060 },
      isTrusted: () => false,
      sink: {
        received: (bytes) => {
          if (this.listener === listener) listener.received(bytes)
        },
        closed: () => undefined,
        failed: () => undefined,
      },
    })
    await transport.close()
    await transport.listen()
    const there = transport.connect(server)
    const flow: Flow = Object.assign(Object.create(there) as Flow, {
      close: () => undefined,
      send: (bytes: Uint8Array) => this.send(there, bytes),
    })
    this.listener = listener
    return flow
  }
  private send(there: Flow, bytes: Uint8Array): boolean {
    const message = scan(Buffer.from(bytes))
    if (message?.kind !== 'request') return there.send(bytes)
    const status = this.fate(message.method, message.expires)
    if (status === undefined) return there.send(bytes)
    if (status === 0) return true
    const text = Buffer.from(bytes).toString()
    const kept = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) => new RegExp(`^${name}:.*$`, 'm').exec(text)![0].trim())
    const to = `${/^To:.*$/m.exec(text)![0].trim()}${/^To:.*;tag=/m.test(text) ? '' : ';tag=line'}`
    const answer = [`SIP/2.0 ${status} No`, ...kept, to, 'Content-Length: 0', '', ''].join('\r\n')
    const { listener } = this
    queueMicrotask(() => listener?.received(Buffer.from(answer)))
    return true
  }
  /** Closed by the other side. */
  break(): void {
    const { listener } = this
    this.listener = undefined
    listener?.closed('reset')
  }
}

async function open(): Promise<{ ground: Ground; line: Line; alice: SipJsAgent; ends: number[] }> {
  const line = new Line()
  const ground = new Ground('MEM', async ({ clock, ids }, name, password, server) => {
    const carrier = {
      protocol: 'TCP' as const,
      server,
      open: (to: typeof server, listener: PortListener) => line.open(ground, to, listener),
    }
    return new SipJsAgent({ identity: `sip:${name}@localhost`, password, carrier, clock, ids, log: silent })
  })
  await ground.open()
  const alice = (await ground.registered('alice')) as SipJsAgent
  const ends: number[] = []
  let heard = 0
  alice.subscribe(
    { to: 'sip:bell@localhost', event: 'bell', accept: ['text/plain'], expires: 600 },
    { notified: () => heard++, ended: (status) => ends.push(status) },
  )
  await ground.until('the first NOTIFY', () => heard > 0)
  return { ground, line, alice, ends }
}
const standing = ({ bell }: Ground): number => bell.notifiers.filter(({ live }) => live).length

test('the connection breaks between the last SUBSCRIBE and its answer', async (t) => {
  const { ground, line, alice } = await open()
  let broken = 0
  line.fate = (method, expires) => {
    if (method !== 'SUBSCRIBE' || expires !== 0 || broken++ > 0) return undefined
    queueMicrotask(() => line.break())
    return 0
  }
  await ground.during(alice.stop())
  await ground.pass(50)
  t.is(broken, 2, 'said again')
  t.is(standing(ground), 0)
  await ground.close()
})

test('the connection is gone when it leaves, and the first call is not taken', async (t) => {
  const { ground, line, alice } = await open()
  line.down = true
  line.break()
  const left = alice.stop()
  await ground.pass(700)
  line.down = false
  await ground.during(left)
  await ground.pass(50)
  t.is(standing(ground), 0)
  await ground.close()
})

test('the registrar cannot answer yet when it leaves', async (t) => {
  const { ground, line, alice } = await open()
  let refused = 0
  line.fate = (method, expires) => (method === 'REGISTER' && expires !== 0 && refused++ < 2 ? 503 : undefined)
  line.break()
  await ground.during(alice.stop())
  await ground.pass(50)
  t.true(refused > 2, 'asked again')
  t.is(standing(ground), 0)
  await ground.close()
})

for (const status of [408, 480, 503])
  test(`the last SUBSCRIBE is answered ${status} once`, async (t) => {
    const { ground, line, alice } = await open()
    let refused = 0
    line.fate = (method, expires) => (method === 'SUBSCRIBE' && expires === 0 && refused++ < 1 ? status : undefined)
    await ground.during(alice.stop())
    await ground.pass(50)
    t.is(standing(ground), 0)
    await ground.close()
  })

test('a refresh under way fails as it leaves', async (t) => {
  const { ground, line, alice } = await open()
  line.fate = (method, expires) => (method === 'SUBSCRIBE' && expires !== 0 ? 0 : undefined)
  line.break()
  await ground.pass(400) // connected and registered again; the refresh hangs
  const left = alice.stop()
  await ground.pass(50)
  line.fate = () => undefined
  line.break()
  await ground.during(left)
  await ground.pass(50)
  t.is(standing(ground), 0)
  await ground.close()
})

test('a server that is gone keeps nobody from leaving', async (t) => {
  const { ground, line, alice } = await open()
  line.down = true
  line.break()
  const since = ground.clock.now()
  await ground.during(alice.stop())
  t.true(ground.clock.now() - since < 3000)
  await ground.close()
  t.pass()
})

test('a first SUBSCRIBE that is answered 482 comes again', async (t) => {
  const { ground, line, alice } = await open()
  let merged = 0
  line.fate = (method, expires) => (method === 'SUBSCRIBE' && expires !== 0 && merged++ < 1 ? 482 : undefined)
  let heard = 0
  const ends: number[] = []
  alice.subscribe(
    { to: 'sip:bell@localhost', event: 'bell', accept: ['text/plain'], expires: 600 },
    { notified: () => heard++, ended: (status) => ends.push(status) },
  )
  await ground.until('its NOTIFY', () => heard > 0)
  t.is(merged, 2)
  t.deepEqual(ends, [])
  await ground.during(alice.stop())
  await ground.close()
})
