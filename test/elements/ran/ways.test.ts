/** Ways to UEs behind a base station: by the newest registration, over restarts, and not where their connection is gone. */
import test from 'ava'
import { H, SipRequest } from '../../../signalling/index.ts'
import { scan } from '../../../signalling/tools.ts'
import type { Phone } from '../proxy/phones-scene.ts'
import { atProxy, bobsId, CellScene, inCell, places } from './scene.ts'

const bobs = 'sip:bob@localhost'
const texts = (phone: Phone): number => phone.requests.filter(({ method }) => method === 'MESSAGE').length
const instance = '+sip.instance="<urn:uuid:00000001-0000-4000-8000-000000000000>"'

for (const place of places) {
  test(`${place}: by UDP it is reached after a restart; by a connection that is gone it is away`, async (t) => {
    const scene = await CellScene.open(t, place)
    const [alice, bob] = [await atProxy(t, scene, 'alice'), await inCell(t, scene, 'bob')]
    const send = async (): Promise<number> => (await alice.phone.as('alice', 'MESSAGE', bobs)).status
    t.is(await send(), 200)
    await scene.restart()
    t.is(await send(), 200)
    t.is(texts(bob.phone), 2)
    const other = await inCell(t, scene, 'bob', 'TCP')
    t.is((await bob.phone.register('bob', `<${bob.contact}>;expires=0`, [bob.route])).status, 200)
    t.is(await send(), 200)
    t.is(texts(other.phone), 1)
    other.phone.close()
    await scene.until(() => other.phone.ended)
    t.is(await send(), 480)
    const again = await inCell(t, scene, 'bob', 'TCP')
    t.is(await send(), 200)
    t.is(texts(again.phone), 1)
    t.is(texts(bob.phone), 2)
  })

  test(`${place}: a device goes to the proxy itself and back: its newest way counts`, async (t) => {
    const scene = await CellScene.open(t, place)
    const alice = await atProxy(t, scene, 'alice')
    const { phone, route } = await scene.phone('UDP')
    const direct = await scene.direct()
    const register = async (by: Phone, lines: readonly string[]): Promise<void> => {
      const contact = `<sip:bob@192.168.7.7:5060>;${instance}`
      t.is((await by.register('bob', contact, [...lines, 'Supported: path, gruu'])).status, 200)
    }
    const send = async (to: string): Promise<number> => (await alice.phone.as('alice', 'MESSAGE', to)).status
    const gruu = `${bobs};gr=urn:uuid:00000001-0000-4000-8000-000000000000`
    for (const [by, lines] of [
      [phone, [route]],
      [direct, []],
      [phone, [route]],
    ] as const) {
      await register(by, lines)
      for (const each of [phone, direct]) each.clear()
      t.is(await send(bobs), 200)
      t.is(await send(gruu), 200)
      t.deepEqual([texts(by), texts(by === phone ? direct : phone)], [2, 0])
    }
  })

  test(`${place}: a Push goes by the proxy to the base station, whoever has registered how`, async (t) => {
    const scene = await CellScene.open(t, place)
    const [alice, bob] = [await atProxy(t, scene, 'alice'), await inCell(t, scene, 'bob')]
    const identifier = `sip:${bobsId}@push.localhost;user=push`
    const send = async (): Promise<number> =>
      (await alice.phone.as('alice', 'MESSAGE', identifier, { body: 'hi', lines: ['Content-Type: text/plain'] })).status
    t.is(await send(), 200)
    const { route, phone } = await scene.phone('UDP')
    const contact = `Contact: <sip:bob@${phone.at}>;expires=600`
    const named = { to: identifier, from: identifier, lines: [contact, route] }
    t.is((await phone.as('bob', 'REGISTER', 'sip:push.localhost', named)).status, 200)
    t.is(await send(), 200)
    t.is(texts(phone), 1, 'as a Push client')
    t.is(texts(bob.phone), 2)
    const hops = scene.tap.messages.flatMap(({ bytes, from, to }) => {
      const sip = scan(Buffer.from(bytes))
      if (!(sip instanceof SipRequest) || sip.method !== 'MESSAGE' || from.name !== 'push') return []
      return [`${to.name} ${sip.uri.host} ${sip.list(H.Route).map((value) => /sip:(\w+)/.exec(value)?.[1])}`]
    })
    t.deepEqual([...new Set(hops)], ['proxy 127.0.0.1 proxy,ran'])
  })

  test(`${place}: a UE by UDP is told to keep its flow as a NAT does, one by TCP as the registrar says`, async (t) => {
    const scene = await CellScene.open(t, place)
    for (const [transport, seconds] of [
      ['UDP', '29'],
      ['TCP', '120'],
    ] as const) {
      const { phone, route } = await scene.phone(transport)
      const contact = `<sip:alice@${phone.at}>;reg-id=1;${instance}`
      const answer = await phone.register('alice', contact, [route, 'Supported: path, outbound'])
      t.is(answer.status, 200)
      t.is(answer.text('Flow-Timer'), seconds)
    }
  })
}
