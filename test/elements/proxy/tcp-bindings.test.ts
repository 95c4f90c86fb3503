/** Bindings over TCP without outbound last as long as granted (RFC 3261 §10.3): their Contact can be called. */
import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { memoryStore, SipRequest } from '../../../signalling/index.ts'
import { buildResponse, Framer, ManualClock } from '../../../signalling/testing.ts'
import { scan } from '../../../signalling/tools.ts'
import { metric, requestText } from '../../support/wire.ts'
import { PhonesScene } from './phones-scene.ts'

/** Where a phone takes calls by TCP: 200 to all that comes. */
async function listening(t: ExecutionContext): Promise<{ port: number; got: SipRequest[] }> {
  const got: SipRequest[] = []
  const server = createServer((socket) => {
    const framer = new Framer(
      {
        message: (bytes) => {
          const request = scan(Buffer.from(bytes))
          if (!(request instanceof SipRequest)) return
          got.push(request)
          socket.write(buildResponse(request, 200, { toTag: 'phone' }))
        },
        ping: () => undefined,
        broken: (why) => t.fail(why),
      },
      65_535,
    )
    socket.on('data', (bytes) => framer.push(bytes))
    socket.on('error', () => undefined)
    t.teardown(() => void socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, got }
}

/** A connection to the server, from that port; undefined where somebody has the port. */
async function connected(scene: PhonesScene, localPort = 0): Promise<Socket | undefined> {
  const socket = createConnection({ host: '127.0.0.1', port: scene.port('TCP'), localPort })
  try {
    await once(socket, 'connect')
    return socket
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw fault
    return undefined
  }
}

test('its connection gone, the client is called at its Contact; after a restart too', async (t) => {
  const clock = new ManualClock()
  const store = memoryStore(clock)
  const scene = await PhonesScene.open(t, { store, clock })
  const { port, got } = await listening(t)
  const [phone, bob] = [await scene.phone('TCP'), await scene.phone('UDP')]
  t.is((await bob.register('bob', `<sip:bob@${bob.at}>`)).status, 200)
  t.is((await phone.register('alice', `<sip:alice@127.0.0.1:${port};transport=tcp>`)).status, 200)
  t.is((await bob.as('bob', 'MESSAGE', 'sip:alice@localhost')).status, 200)
  t.deepEqual([phone.requests.length, got.length], [1, 0], 'by its connection while that stands')
  phone.close()
  await scene.until(() => metric(scene.node, 'connections') === 0)
  t.is(metric(scene.node, 'proxy_users_registered'), 2)
  t.is((await bob.as('bob', 'MESSAGE', 'sip:alice@localhost')).status, 200)
  t.is(got.length, 1)
  t.is(got[0]!.uriText, `sip:alice@127.0.0.1:${port};transport=tcp`)
  await scene.node.stop(0)
  const again = await PhonesScene.open(t, { store, clock, like: scene })
  t.is((await bob.as('bob', 'MESSAGE', 'sip:alice@localhost')).status, 200)
  t.is(got.length, 2)
  await clock.advance(601_000)
  t.is((await bob.register('bob', `<sip:bob@${bob.at}>`)).status, 200)
  t.is((await bob.as('bob', 'MESSAGE', 'sip:alice@localhost')).status, 480, 'no longer than granted')
  t.is(metric(again.node, 'faults_total'), 0)
})

test('a Contact elsewhere is kept as long as granted too, and nobody has us call another host', async (t) => {
  const scene = await PhonesScene.open(t)
  const [phone, bob] = [await scene.phone('TCP'), await scene.phone('UDP')]
  t.is((await bob.register('bob', `<sip:bob@${bob.at}>`)).status, 200)
  t.is((await phone.register('alice', '<sip:alice@127.0.0.2:5999;transport=tcp>')).status, 200)
  phone.close()
  await scene.until(() => metric(scene.node, 'connections') === 0)
  const again = await scene.phone('TCP')
  const query = await again.as('alice', 'REGISTER', 'sip:localhost')
  t.regex(query.text('Contact')!, /^<sip:alice@127\.0\.0\.2:5999;transport=tcp>;expires=\d+$/)
  t.is((await bob.as('bob', 'MESSAGE', 'sip:alice@localhost')).status, 480, 'there is no way to it now')
  t.is((await again.register('alice', '<sip:alice@127.0.0.2:5999;transport=tcp>')).status, 200)
  t.is((await bob.as('bob', 'MESSAGE', 'sip:alice@localhost')).status, 200)
  t.is(again.requests.length, 1)
})

test('who calls us from the port of another one’s Contact does not get what is for that one', async (t) => {
  const scene = await PhonesScene.open(t)
  const [phone, bob] = [await scene.phone('TCP'), await scene.phone('UDP')]
  const eve = (await connected(scene))! // her port is held from here on, so that nobody else takes it
  const port = eve.localPort
  t.is((await bob.register('bob', `<sip:bob@${bob.at}>`)).status, 200)
  t.is((await phone.register('alice', `<sip:alice@127.0.0.1:${port};transport=tcp>`)).status, 200)
  phone.close()
  await scene.until(() => metric(scene.node, 'connections') === 1)
  let heard = ''
  eve.on('data', (data) => {
    heard += data.toString()
  })
  t.teardown(() => void eve.destroy())
  eve.write(requestText('OPTIONS', 'sip:localhost', { from: 'sip:eve@localhost' }).replace('/UDP', '/TCP'))
  await scene.until(() => heard.includes('SIP/2.0 200'))
  t.is((await bob.as('bob', 'MESSAGE', 'sip:alice@localhost')).status, 480)
  t.false(heard.includes('MESSAGE sip:alice'))
})

test('nor what is too long for the datagram of a phone at that port', async (t) => {
  const scene = await PhonesScene.open(t)
  const bob = await scene.phone('UDP')
  let alice = await scene.phone('UDP')
  const sameAsHers = (): Promise<Socket | undefined> => connected(scene, Number(alice.at.split(':')[1]))
  let eve = await sameAsHers()
  for (; eve === undefined; eve = await sameAsHers()) alice = await scene.phone('UDP') // somebody has that port of TCP
  t.is((await bob.register('bob', `<sip:bob@${bob.at}>`)).status, 200)
  t.is((await alice.register('alice', `<sip:alice@${alice.at}>`)).status, 200)
  let heard = ''
  eve.on('data', (data) => {
    heard += data.toString()
  })
  t.teardown(() => void eve.destroy())
  eve.write(requestText('OPTIONS', 'sip:localhost', { from: 'sip:eve@localhost' }).replace('/UDP', '/TCP'))
  await scene.until(() => heard.includes('SIP/2.0 200'))
  void bob.as('bob', 'MESSAGE', 'sip:alice@localhost', { body: 'x'.repeat(2000) })
  await scene.until(() => heard.includes('MESSAGE sip:alice') || alice.requests.length > 0)
  t.false(heard.includes('MESSAGE sip:alice'))
})

test('a binding of a flow of its own ends with its connection (RFC 5626 §7)', async (t) => {
  const scene = await PhonesScene.open(t)
  const phone = await scene.phone('TCP')
  const contact = '<sip:alice@127.0.0.1:9;transport=tcp>;+sip.instance="<urn:uuid:1>";reg-id=1'
  t.is((await phone.register('alice', contact, ['Supported: outbound'])).status, 200)
  phone.close()
  await scene.until(() => metric(scene.node, 'proxy_users_registered') === 0)
  t.pass()
})

test('where there are too many contacts, those whose connections are gone give way', async (t) => {
  const scene = await PhonesScene.open(t, { proxy: { contacts: 2 } })
  for (let start = 0; start < 4; start++) {
    const phone = await scene.phone('TCP')
    t.is((await phone.register('alice', `<sip:alice@${phone.at};transport=tcp>`)).status, 200, `start ${start}`)
    phone.close()
    await scene.until(() => metric(scene.node, 'connections') === 0)
  }
})
