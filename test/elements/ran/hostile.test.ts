/** Routes and Record-Routes that UEs and outsiders write: by a base station they lead nowhere but to its UEs. */
import test from 'ava'
import { H, SipRequest } from '../../../signalling/index.ts'
import { scan } from '../../../signalling/tools.ts'
import { atProxy, CellScene, inCell, places } from './scene.ts'

const [alices, bobs] = ['sip:alice@localhost', 'sip:bob@localhost']

/** Requests of that method as they went between elements and nodes. */
function requestsTo({ tap }: CellScene, method: string): readonly SipRequest[] {
  return tap.messages.flatMap(({ bytes }) => {
    const sip = scan(Buffer.from(bytes))
    return sip instanceof SipRequest && sip.method === method ? [sip] : []
  })
}

for (const place of places) {
  test(`${place}: a Record-Route that a subscriber makes up leads no NOTIFY elsewhere`, async (t) => {
    const scene = await CellScene.open(t, place)
    const [eve, bob, victim] = [await atProxy(t, scene, 'eve'), await inCell(t, scene, 'bob'), await scene.direct()]
    const senders = [
      { ...eve, name: 'eve', own: [] },
      { ...bob, name: 'bob', own: [bob.route] },
    ]
    const madeUp = ['ran.made.up', 'any'].flatMap((user) => {
      const beyond = `<sip:${user}@${victim.at};lr>`
      const ours = ['proxy', 'any', 'ran', 'proxy.made.up', 'ran.made.up'].map((name) => `<sip:${name}@localhost;lr>, ${beyond}`)
      return [beyond, ...ours]
    })
    for (const { phone, contact, name, own } of senders)
      for (const routes of madeUp) {
        phone.clear()
        const lines = [...own, `Record-Route: ${routes}`, 'Event: presence', 'Expires: 600', `Contact: <${contact}>`]
        t.is((await phone.as(name, 'SUBSCRIBE', `sip:${name}@localhost`, { lines })).status, 200)
        await scene.until(() => phone.requests.length + victim.requests.length > 0)
        t.deepEqual([phone.requests.map(({ method }) => method), victim.requests.length], [['NOTIFY'], 0], `${name}: ${routes}`)
      }
  })

  test(`${place}: behind the Routes of a dialog no other is followed, by a GRUU neither`, async (t) => {
    const scene = await CellScene.open(t, place)
    const [eve, bob] = [await atProxy(t, scene, 'eve'), await inCell(t, scene, 'bob')]
    const victim = await scene.direct()
    await inCell(t, scene, 'alice')
    const named = { from: bobs, fromTag: 'b', callId: 'routes', lines: [bob.route, `Contact: <${bob.contact}>`] }
    const answer = await bob.phone.as('bob', 'INVITE', alices, named)
    const routes = answer.list(H['Record-Route'])
    const proxies = routes.filter((value) => value.includes('sip:proxy.'))
    const stations = routes.filter((value) => value.includes('sip:ran.'))
    t.is(stations.length, 2)
    const foreign = `sip:victim@${victim.at}`
    const nobodys = ['sip:nobody@localhost;gr=urn:uuid:00000001-0000-4000-8000-000000000000', 'sip:nobody@localhost;gr']
    for (const station of stations)
      for (const proxy of [...proxies, '<sip:proxy@localhost;lr>'])
        for (const uri of [...nobodys, foreign]) {
          const lines = [`Route: ${proxy}`, `Route: ${station}`, `Route: <${foreign};lr>`]
          t.not((await eve.phone.as('eve', 'MESSAGE', uri, { lines })).status, 500)
          t.not((await bob.phone.as('bob', 'MESSAGE', uri, { lines: [bob.route, ...lines] })).status, 500)
          eve.phone.send('ACK', uri, { toTag: 'x', lines })
          bob.phone.send('ACK', uri, { toTag: 'x', lines: [bob.route, ...lines] })
        }
    await eve.phone.ask('OPTIONS', 'sip:localhost') // ACKs that came before have gone on by now
    await scene.clock.advance(1000)
    t.is((await eve.phone.as('eve', 'MESSAGE', alices)).status, 200)
    t.deepEqual(
      victim.requests.map(({ method, uriText }) => `${method} ${uriText}`),
      [],
    )
  })

  test(`${place}: the way to its node hides nobody from elements there`, async (t) => {
    const scene = await CellScene.open(t, place)
    const [eve, bob] = [await atProxy(t, scene, 'eve'), await inCell(t, scene, 'bob')]
    await inCell(t, scene, 'alice')
    const named = { from: bobs, fromTag: 'b', callId: 'hides', lines: [bob.route, `Contact: <${bob.contact}>`] }
    const answer = await bob.phone.as('bob', 'INVITE', alices, named)
    const way = answer.list(H['Record-Route']).find((value) => value.includes('sip:proxy.')) ?? '<sip:proxy@localhost;lr>'
    const lines = [`Route: ${way}`, 'Privacy: id', 'Event: presence', `Contact: <${eve.contact}>`]
    const uri = place === places[1] ? 'sip:alice@localhost:9' : alices
    await eve.phone.as('eve', 'SUBSCRIBE', uri, { from: 'sip:boss@elsewhere.example', lines })
    const asked = requestsTo(scene, 'SUBSCRIBE').filter((request) => request.uriText === uri && request.asserted.length > 0)
    t.true(asked.length > 0)
    for (const { asserted } of asked) t.is(asserted[0]?.uri.text, 'sip:eve@localhost')
    const unsaid = requestsTo(scene, 'SUBSCRIBE').filter((request) => request.vias.length > 1 && request.asserted.length === 0)
    t.is(unsaid.length, 0, 'nobody who sends')
  })

  test(`${place}: a connection is kept for as long as its UE has registered without outbound`, async (t) => {
    const scene = await CellScene.open(t, place)
    const { phone, route } = await scene.phone('TCP')
    const other = await scene.phone('TCP')
    t.is((await phone.register('alice', `<sip:alice@${phone.at};transport=tcp>;expires=2000`, [route])).status, 200)
    for (let seconds = 0; seconds < 1500; seconds += 100) {
      await scene.clock.advance(100_000)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    await scene.until(() => other.phone.ended)
    const eve = await atProxy(t, scene, 'eve')
    t.is((await eve.phone.as('eve', 'MESSAGE', alices)).status, 200)
  })
}
