/** Identities behind a base station: nobody passes for one but who proves it at the proxy, each time. */
import test from 'ava'
import { H, SipRequest } from '../../../signalling/index.ts'
import { scan } from '../../../signalling/tools.ts'
import { atProxy, CellScene, cell, inCell, places } from './scene.ts'

const [alices, bobs] = ['sip:alice@localhost', 'sip:bob@localhost']
const networks = `3GPP-E-UTRAN;utran-cell-id-3gpp=${cell};network-provided`

/** Requests of that method as they went to an element, or from node to node, with a Path or a cell. */
function passedOn({ tap }: CellScene, method: string): readonly SipRequest[] {
  return tap.messages.flatMap(({ bytes }) => {
    const sip = scan(Buffer.from(bytes))
    return sip instanceof SipRequest && sip.method === method && sip.text('Route')?.includes(';station>') === true ? [sip] : []
  })
}

for (const place of places) {
  test(`${place}: what a UE says of itself is taken away, and its cell and Path are the network’s`, async (t) => {
    const scene = await CellScene.open(t, place)
    const { phone, route } = await scene.phone('UDP')
    const forged = [
      `P-Asserted-Identity: <${bobs}>`,
      `Remote-Party-ID: <${bobs}>`,
      'P-Credentials-Id: any',
      'P-Visited-Network-ID: "x"',
      'P-Access-Network-Info: 3GPP-E-UTRAN;utran-cell-id-3gpp=1;network-provided',
      `Path: <sip:${phone.at};lr>`,
    ]
    const contact = `<sip:alice@${phone.at}>`
    t.is((await phone.register('alice', contact, [route, 'Require: outbound', 'Supported: path', ...forged])).status, 200)
    t.is((await phone.as('alice', 'MESSAGE', bobs, { lines: [route, ...forged] })).status, 480)
    for (const method of ['REGISTER', 'MESSAGE']) {
      const [first] = passedOn(scene, method) as [SipRequest]
      t.deepEqual(first.list('P-Access-Network-Info'), [networks])
      for (const name of ['P-Asserted-Identity', 'Remote-Party-ID', 'P-Credentials-Id', 'P-Visited-Network-ID'])
        t.is(first.text(name), undefined, name)
      t.is(first.list(H.Path).length, method === 'REGISTER' ? 1 : 0)
    }
    const [register] = passedOn(scene, 'REGISTER') as [SipRequest]
    t.regex(register.text('Path')!, /^<sip:ran\.[^@]*@127\.0\.0\.1:\d+;lr;ob>$/)
    t.is(register.text('Require'), 'outbound, path')
  })

  test(`${place}: nobody of a cell passes for another, and nothing is remembered of who has proved`, async (t) => {
    for (const transport of ['UDP', 'TCP'] as const) {
      const scene = await CellScene.open(t, place)
      const [alice, bob] = [await inCell(t, scene, 'alice', transport), await inCell(t, scene, 'bob', transport)]
      const eve = await atProxy(t, scene, 'eve')
      const send = (name: string, lines: readonly string[] = []): Parameters<typeof bob.phone.as> => [
        name,
        'MESSAGE',
        'sip:eve@localhost',
        { lines: [bob.route, ...lines], from: alices },
      ]
      const [, method, uri, parts] = send('bob')
      t.is((await bob.phone.ask(method, uri, parts)).status, 407, 'he calls himself alice')
      t.is((await bob.phone.as(...send('bob'))).status, 403, 'with his own password')
      t.is((await bob.phone.as(...send('bob', [`P-Asserted-Identity: <${alices}>`]))).status, 403)
      t.is((await bob.phone.ask(method, uri, { ...parts, from: bobs })).status, 407, 'himself, without a password')
      t.is((await bob.phone.as('bob', method, uri, { ...parts, from: bobs })).status, 200)
      t.is((await bob.phone.ask(method, uri, { ...parts, from: bobs })).status, 407, 'and again')
      t.is((await bob.phone.register('alice', `<sip:bob@${bob.phone.at}>`, [bob.route], 'bob-proxima')).status, 401)
      t.is(alice.phone.requests.length, 0)
      t.deepEqual(
        eve.phone.requests.map(({ asserted }) => asserted[0]?.uri.text),
        [bobs],
      )
    }
  })

  test(`${place}: a base station relays to nobody, nor does its node`, async (t) => {
    const scene = await CellScene.open(t, place)
    const [alice, bob] = [await inCell(t, scene, 'alice'), await inCell(t, scene, 'bob')]
    const victim = await scene.direct()
    const foreign = `sip:victim@${victim.at}`
    const lines = [bob.route]
    t.is((await bob.phone.ask('MESSAGE', foreign, { from: bobs, lines })).status, 407)
    t.is((await bob.phone.as('bob', 'MESSAGE', foreign, { lines })).status, 403)
    t.is((await bob.phone.as('bob', 'MESSAGE', alices, { lines: [...lines, `Route: <${foreign};lr>`] })).status, 403)
    const eve = await atProxy(t, scene, 'eve')
    for (const by of [
      { phone: eve.phone, name: 'eve', lines: [] },
      { phone: bob.phone, name: 'bob', lines },
    ]) {
      const madeUp = (at: string): readonly string[] => [...by.lines, `Route: <sip:ran.made.up@${at};lr>`]
      t.is((await by.phone.as(by.name, 'MESSAGE', foreign, { lines: madeUp(victim.at) })).status, 403)
      const unsealed = { lines: [...by.lines, 'Route: <sip:proxy@localhost;lr>, <sip:ran.made.up@localhost;lr>'] }
      t.is((await by.phone.as(by.name, 'MESSAGE', foreign, unsealed)).status, 430)
    }
    // the way to alice's flow, which her registration tells
    const path = passedOn(scene, 'REGISTER').map((request) => request.text('Path')!)[0]!
    t.is((await bob.phone.ask('MESSAGE', alice.contact, { from: bobs, lines: [`Route: ${path}`] })).status, 407)
    const behind = [...lines, `Route: ${path}`, `Route: <${foreign};lr>`]
    t.is((await bob.phone.ask('BYE', foreign, { from: bobs, toTag: 'x', lines: behind })).status, 407)
    bob.phone.send('ACK', foreign, { from: bobs, toTag: 'x', lines: [...lines, `Route: <${foreign};lr>`] })
    await scene.clock.advance(1000)
    t.is((await bob.phone.ask('OPTIONS', 'sip:ran@localhost', { from: bobs, lines })).status, 407)
    t.is((await bob.phone.as('bob', 'OPTIONS', 'sip:ran@localhost', { lines })).status, 200)
    t.is((await bob.phone.as('bob', 'MESSAGE', 'sip:ran@localhost', { lines })).status, 405)
    if (place === places[1]) {
      t.is((await bob.phone.ask('MESSAGE', alices, { from: bobs })).status, 404, 'without a Route')
      t.is((await bob.phone.ask('MESSAGE', alices, { from: bobs, lines: ['Route: <sip:proxy@localhost;lr>'] })).status, 404)
      t.is((await bob.phone.ask('MESSAGE', alices, { from: bobs, lines: ['Route: <sip:presence@localhost;lr>'] })).status, 404)
    }
    t.deepEqual([...victim.requests, ...alice.phone.requests], [])
  })

  test(`${place}: sips: does not go by it`, async (t) => {
    const scene = await CellScene.open(t, place)
    const { phone, route } = await inCell(t, scene, 'alice')
    t.is((await phone.ask('MESSAGE', 'sips:bob@localhost', { from: alices, lines: [route] })).status, 480)
    t.is((await phone.register('alice', '<sips:alice@localhost>', [route])).status, 403)
  })
}

test('nobody who roams registers by a base station: its UEs share one flow', async (t) => {
  const peers = [{ name: 'north', domains: ['north.example'], hosts: ['push.north.example'], addresses: [] }]
  const scene = await CellScene.open(t, places[0], { peers })
  const { phone, route } = await scene.phone('UDP')
  const roamer = 'sip:4f3a9c0b12d47e58@push.north.example'
  const lines = [route, `Contact: <sip:roamer@${phone.at}>`]
  const answer = await phone.ask('REGISTER', 'sip:push.north.example', { to: roamer, from: roamer, lines })
  t.is(answer.status, 403)
  t.regex(answer.text('Warning')!, /roaming: not by a base station/)
})
