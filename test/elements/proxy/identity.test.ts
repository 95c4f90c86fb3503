/** Who a UE is: neither From nor any other header makes it look like somebody else (SPEC §2.5, RFC 3325). */
import test from 'ava'
import { H } from '../../../signalling/index.ts'
import { answerChallenge } from '../../../signalling/testing.ts'
import { type Phone, PhonesScene, subscriber } from './phones-scene.ts'

const alices = 'sip:alice@localhost'
const bobs = 'sip:bob@localhost'

async function two(t: Parameters<typeof PhonesScene.open>[0], transport: 'UDP' | 'TCP') {
  const scene = await PhonesScene.open(t)
  const [alice, bob] = [await scene.phone(transport), await scene.phone('UDP')]
  t.is((await alice.register('alice', `<sip:alice@${alice.at};transport=${transport}>`)).status, 200)
  t.is((await bob.register('bob', `<sip:bob@${bob.at}>`)).status, 200)
  return { scene, alice, bob }
}

/** A MESSAGE of alice with that From, answered to its challenge with her own password. */
async function from(alice: Phone, uri: string): Promise<number> {
  return (await alice.as('alice', 'MESSAGE', bobs, { from: uri })).status
}

for (const transport of ['TCP', 'UDP'] as const) {
  test(`by ${transport}, From names nobody else of ours, however it is spelled`, async (t) => {
    const { scene, alice, bob } = await two(t, transport)
    const port = scene.port('UDP')
    for (const spelled of [
      bobs,
      'sip:bob@localhost.',
      'sip:bob@LOCALHOST.:5060',
      'sips:bob@localhost',
      'sip:%62ob@localhost',
      'pres:bob@localhost',
      'im:bob@localhost.',
      'xmpp:bob@localhost;x=1',
      `sip:bob@127.0.0.1:${port}`,
      'tel:+4930222',
    ])
      t.is(await from(alice, spelled), 403, spelled)
    t.is(bob.requests.filter(({ method }) => method === 'MESSAGE').length, 0)
    const guests = ['sip:bob@elsewhere.example', 'sip:bob@127.0.0.1:5099']
    for (const spelled of [alices, 'sip:alice@localhost.', 'pres:alice@localhost', `sip:alice@127.0.0.1:${port}`, ...guests]) {
      t.is(await from(alice, spelled), 200, spelled)
      t.is(bob.requests.at(-1)!.asserted[0]?.uri.text, alices)
    }
    const refused = await alice.as('alice', 'MESSAGE', bobs, { from: bobs })
    t.regex(refused.text('Warning')!, /From names another user .*; expected your own address/)
  })
}

for (const transport of ['TCP', 'UDP'] as const) {
  test(`by ${transport}, From names no alias of another, wherever it seems to be; and one's own, or nobody's`, async (t) => {
    const { scene, alice, bob } = await two(t, transport)
    const names = (name: string, number: string, address: string) => [number, `sip:${name}@example.org`, address]
    await scene.hss.set({ ...subscriber('bob'), aliases: names('bob', 'tel:+4930222', '192.0.2.77') })
    await scene.hss.set({ ...subscriber('alice'), aliases: names('alice', 'tel:+4930111', '192.0.2.66') })
    const spellings = (name: string, number: string, address: string): readonly string[] => [
      `sip:${name}@example.org`,
      `sips:${name}@EXAMPLE.org.:5070`,
      `im:${name}@example.org`,
      `sip:${address}`,
      `sip:[::ffff:${address}]`,
      `sip:${number}@elsewhere.example;user=phone`,
      `sip:${name}@127.0.0.1`,
      `sip:${name}@127.1`,
    ]
    for (const spelled of spellings('bob', '+49-30-222', '192.0.2.77')) t.is(await from(alice, spelled), 403, spelled)
    t.is(bob.requests.filter(({ method }) => method === 'MESSAGE').length, 0)
    const nobodys = ['sip:carol@example.org', 'sip:192.0.2.88', 'sip:+4930333@elsewhere.example;user=phone']
    for (const spelled of [...spellings('alice', '+49-30-111', '192.0.2.66'), ...nobodys]) {
      t.is(await from(alice, spelled), 200, spelled)
      t.is(bob.requests.at(-1)!.asserted[0]?.uri.text, alices)
    }
  })
}

test('what a UE says of its identity does not pass, in requests, ACK and answers; what a peer of ours says does', async (t) => {
  const { alice, bob } = await two(t, 'TCP')
  const claims = ['Remote-Party-ID', 'P-Asserted-Identity', 'P-Preferred-Identity', 'P-Asserted-Service', 'P-Credentials-Id']
  const lines = claims.map((name) => `${name}: <sip:king@localhost>;party=calling`)
  for (const more of [[], ['Privacy: id']]) {
    t.is((await alice.as('alice', 'MESSAGE', bobs, { lines: [...lines, ...more] })).status, 200)
    const passed = bob.requests.at(-1)!.bytes.toString()
    t.false(passed.includes('king'), passed)
    t.is(passed.includes('P-Asserted-Identity: <sip:alice@localhost>'), more.length === 0)
  }
  bob.onRequest = (request) => {
    if (request.method === 'ACK') return
    const headers = claims.slice(0, 2).map((name) => [name, '<sip:king@localhost>'] as const)
    bob.answer(request, 200, { headers: [...headers, ['Contact', `<sip:bob@${bob.at}>`], ['Server', 'any']] })
  }
  const answer = await alice.as('alice', 'INVITE', bobs, { lines: [`Contact: <sip:alice@${alice.at};transport=tcp>`] })
  t.is(answer.status, 200)
  t.is(answer.text(H.Via) === undefined, false)
  t.false(answer.bytes.toString().includes('king'))
  t.is(answer.text('Server'), 'any')
})

test('a digest is for its request: uri means the Request-URI, as clients spell it', async (t) => {
  const { scene, alice } = await two(t, 'UDP')
  const stranger = await scene.phone('UDP')
  /** A request of alice from elsewhere, whose digest says that uri. */
  const ask = async (method: string, target: string, uri: string) => {
    const named = {
      from: alices,
      callId: `digest-${uri}`.replaceAll(/\W/g, '-'),
      ...(method === 'REGISTER' ? { to: alices } : {}),
    }
    const challenged = await stranger.ask(method, target, named)
    const header = challenged.status === 401 ? 'Authorization' : 'Proxy-Authorization'
    const challenges = challenged.texts(challenged.status === 401 ? H['WWW-Authenticate'] : H['Proxy-Authenticate'])
    const value = answerChallenge(challenges, { user: 'alice', password: 'alice-proxima' }, method, uri, 'c')!
    return stranger.ask(method, target, { ...named, lines: [`${header}: ${value}`] })
  }
  const port = scene.port('UDP')
  for (const uri of [
    bobs,
    'sip:bob@localhost:5060',
    'sip:bob@127.0.0.1',
    'sip:%62ob@localhost;transport=udp',
    'SIP:bob@LOCALHOST',
    'sip:localhost',
    'sip:127.0.0.1',
    `sip:127.0.0.1:${port}`,
  ])
    t.is((await ask('MESSAGE', bobs, uri)).status, 200, uri)
  for (const uri of ['sip:eve@localhost', alices, 'sip:bob@elsewhere.example', 'sip:elsewhere.example', 'tel:+49', '', 'bob']) {
    const refused = await ask('MESSAGE', bobs, uri)
    t.is(refused.status, 400, uri)
    t.regex(refused.text('Warning')!, /expected uri=..sip:bob@localhost../)
  }
  t.is((await ask('REGISTER', 'sip:localhost', 'sip:elsewhere.example')).status, 400)
  t.is((await ask('REGISTER', 'sip:localhost', bobs)).status, 400)
  for (const uri of ['sip:127.0.0.1', alices]) t.is((await ask('REGISTER', 'sip:localhost', uri)).status, 200, uri)
  alice.clear()
})
