/** Requests between operators: each is believed for identities of its own domains, and a stranger for all others (SPEC §2.2, §2.5). */
import test, { type ExecutionContext } from 'ava'
import { createProxy } from '../../../elements/proxy/index.ts'
import { createResourceLists } from '../../../elements/resource-lists/index.ts'
import { H } from '../../../signalling/index.ts'
import { Agent } from '../../support/lab.ts'
import { requestText } from '../../support/wire.ts'
import { asPeer, domainOf, OperatorsScene } from './operators-scene.ts'

const text = { type: 'text/plain', content: 'hello' }

async function peered(t: ExecutionContext): Promise<OperatorsScene> {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  await scene.operator('north', [asPeer('south')])
  await scene.operator('south', [asPeer('north')])
  return scene
}

test('a MESSAGE crosses with the sender whom his operator vouches for, and is answered the other way', async (t) => {
  const scene = await peered(t)
  const alice = await scene.ue('alice', 'north')
  const bob = await scene.ue('bob', 'south')
  const got: string[] = []
  for (const agent of [alice, bob]) agent.onMessage(({ from }) => got.push(from))
  t.is((await scene.during(alice.message(bob.identity, text))).status, 200)
  t.is((await scene.during(bob.message(alice.identity, text))).status, 200)
  t.deepEqual(got, ['sip:alice@north.example', 'sip:bob@south.example'])
  const [there] = scene.crossed('south', 'MESSAGE')
  t.deepEqual(there!.list(H['P-Asserted-Identity']), ['<sip:alice@north.example>'])
  t.deepEqual(scene.crossed('north', 'MESSAGE')[0]!.list(H['P-Asserted-Identity']), ['<sip:bob@south.example>'])
})

test('a proxy that asks for no proof vouches for nobody: its users are strangers to the other operator', async (t) => {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  await scene.operator('north', [asPeer('south')], [], {}, createProxy('proxy', { authenticate: 'none' }))
  await scene.operator('south', [asPeer('north')])
  await scene.ue('bob', 'south')
  const alice = await scene.ue('alice', 'north')
  t.is((await scene.during(alice.message(`sip:bob@${domainOf('south')}`, text))).status, 407)
  for (const request of scene.crossed('south', 'MESSAGE')) t.deepEqual(request.list(H['P-Asserted-Identity']), [])
  t.is(scene.crossed('south', 'MESSAGE').length, 2, 'once with her own password, which is none there')
})

test('presence is watched across operators: NOTIFYs, refresh and end in the dialog', async (t) => {
  const scene = await peered(t)
  const alice = await scene.ue('alice', 'north')
  await scene.ue('bob', 'south')
  const states: string[] = []
  let ended: number | undefined
  const watching = alice.subscribe(
    { to: `sip:bob@${domainOf('south')}`, event: 'presence', accept: ['application/pidf+xml'], expires: 600 },
    { notified: ({ state }) => states.push(state), ended: (status) => void (ended = status) },
  )
  await scene.clock.advance(2000)
  t.deepEqual(states, ['active'])
  watching.refresh()
  await scene.clock.advance(2000)
  t.deepEqual([states, ended], [['active', 'active'], undefined])
  watching.unsubscribe()
  await scene.clock.advance(2000)
  t.is(ended, 200)
  t.deepEqual(
    scene.crossed('south', 'SUBSCRIBE').map((each) => each.list(H['P-Asserted-Identity'])),
    Array.from({ length: 3 }, () => ['<sip:alice@north.example>']),
  )
  for (const notify of scene.crossed('north', 'NOTIFY'))
    t.deepEqual(notify.list(H['P-Asserted-Identity']), ['<sip:bob@south.example>'])
  t.is(scene.crossed('north', 'NOTIFY').length, 3)
})

/** South with north as its peer, in whose place is somebody who sends whatever he likes. */
async function besideLiar(
  t: ExecutionContext,
): Promise<{ ask: (asserted: readonly string[], from?: string) => Promise<number> }> {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  await scene.operator('south', [asPeer('north')])
  await scene.ue('bob', 'south')
  const liar = await scene.stranger('10.0.0.1')
  const ask = async (asserted: readonly string[], from = 'sip:alice@north.example'): Promise<number> => {
    const sent = liar.host.send({
      method: 'MESSAGE',
      to: 'sip:bob@south.example',
      from,
      route: ['<sip:10.0.0.2:5060;lr>'],
      body: text,
      headers: asserted.map((value) => ['P-Asserted-Identity', value] as const),
    })
    return (await scene.during(sent)).status
  }
  return { ask }
}

test('an identity of a domain that is not the peer’s makes it a stranger', async (t) => {
  const { ask } = await besideLiar(t)
  t.is(await ask(['<sip:alice@north.example>']), 200)
  t.is(await ask(['<sip:alice@north.example>, <tel:+4930123>']), 200)
  for (const forged of [
    ['<sip:carol@south.example>'],
    ['<sip:alice@west.example>'],
    ['<sip:alice@north.example>, <sip:carol@south.example>'],
    ['<sip:carol@south.example>', '<sip:alice@north.example>'],
    ['<tel:+4930123>'],
    ['<sip:alice@north.example>, nonsense'],
    ['<https://north.example>'],
    [],
  ])
    t.is(await ask(forged), 407, String(forged))
})

test('a peer’s user is nobody of ours by From either', async (t) => {
  const { ask } = await besideLiar(t)
  t.is(await ask(['<sip:alice@north.example>'], 'sip:carol@south.example'), 403)
  t.is(await ask(['<sip:alice@north.example>'], 'sip:bob@10.0.0.2'), 403)
  t.is(await ask(['<sip:alice@north.example>'], 'tel:+4930123'), 200)
})

test('without an agreement of both nothing passes', async (t) => {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  await scene.operator('north', [asPeer('south')])
  await scene.operator('south', [])
  await scene.operator('west', [])
  const alice = await scene.ue('alice', 'north')
  const bob = await scene.ue('bob', 'south')
  const got: string[] = []
  bob.onMessage(({ from }) => got.push(from))
  t.is((await scene.during(alice.message(bob.identity, text))).status, 407, 'south does not know north')
  t.is((await scene.during(bob.message(alice.identity, text))).status, 403, 'south sends nothing to north')
  t.is((await scene.during(alice.message('sip:bob@west.example', text))).status, 403, 'north has no agreement with west')
  t.deepEqual(got, [])
})

test('no operator relays from one peer to another', async (t) => {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  await scene.operator('south', [asPeer('north'), asPeer('west')])
  await scene.operator('west', [asPeer('south'), asPeer('north')])
  await scene.ue('bob', 'west')
  const north = await scene.stranger('10.0.0.1')
  const sent = north.host.send({
    method: 'MESSAGE',
    to: 'sip:bob@west.example',
    from: 'sip:alice@north.example',
    route: ['<sip:10.0.0.2:5060;lr>'],
    body: text,
    headers: [['P-Asserted-Identity', '<sip:alice@north.example>']],
  })
  t.is((await scene.during(sent)).status, 403)
  t.deepEqual(scene.crossed('west', 'MESSAGE'), [])
})

test('header fields by which elements know a sender do not cross, and count for nothing where they come', async (t) => {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  const element = new Agent('service')
  await scene.operator('north', [asPeer('south')], [element])
  await scene.operator('south', [asPeer('north')])
  const bob = await scene.ue('bob', 'south')
  let seen: readonly (string | undefined)[] = []
  bob.onMessage(({ text: header }) => {
    seen = inside.map((name) => header(name))
  })
  const send = (asserted: string): Promise<{ readonly status: number }> =>
    element.host.send({
      method: 'MESSAGE',
      to: 'sip:bob@south.example',
      asserted,
      body: text,
      headers: inside.map((name) => [name, '<sip:alice@north.example>'] as const),
    })
  t.is((await scene.during(send('sip:alice@north.example'))).status, 200)
  const [crossed] = scene.crossed('south', 'MESSAGE')
  for (const name of inside) t.false(crossed!.toString().includes(name), name)
  t.deepEqual(
    seen,
    inside.map(() => undefined),
  )
  t.is((await scene.during(send('sip:carol@south.example'))).status, 407, 'nobody of another domain is vouched for')
  t.deepEqual(scene.crossed('south', 'MESSAGE')[1]!.list(H['P-Asserted-Identity']), [])
})

const inside = ['P-Credentials-Id', 'P-Prose-Checked', 'P-Served-User', 'P-Asserted-Service', 'Remote-Party-ID']

test('elements of two operators do not believe each other', async (t) => {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  const element = new Agent('presence2')
  await scene.operator('north', [asPeer('south')], [element])
  await scene.operator('south', [asPeer('north')])
  const ask = async (to: string, asserted: string): Promise<number | undefined> => {
    let refused: number | undefined
    element.host.subscribe(
      { to, event: 'subscription-data', expires: 0, asserted },
      { notified: () => undefined, ended: ({ status }) => void (refused = status) },
    )
    await scene.clock.advance(3000)
    return refused
  }
  t.is(await ask('sip:hss@south.example', 'sip:presence2@north.example'), 403, 'the HSS has elements of its own')
  t.is(await ask('sip:hss@south.example', 'sip:presence@south.example'), 407, 'a name of south is not for north to assert')
  t.is(await ask('sip:hss@10.0.0.2', 'sip:presence@south.example'), 407, 'nor by the address of its node')
})

test('a list of friends watches those of another operator for its user', async (t) => {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  await scene.operator('north', [asPeer('south')], [createResourceLists('friends', {})])
  await scene.operator('south', [asPeer('north')])
  const alice = await scene.phone('alice', 'north')
  alice.onRequest = (request) => alice.answer(request, 200)
  const lines = [
    'Event: presence',
    'Expires: 600',
    'Supported: eventlist',
    'Accept: application/pidf+xml, application/rlmi+xml, multipart/related',
    `Contact: <sip:alice@${alice.here.host}:5060>`,
  ]
  alice.send(
    requestText('SUBSCRIBE', 'sip:friends@north.example', { from: 'sip:alice@north.example', via: alice.here.host, lines }),
  )
  await scene.clock.advance(10_000)
  t.is(alice.statuses.at(-1), 200)
  const documents = alice.requests.map((request) => request.body.toString()).join('')
  t.regex(documents, /uri="sip:bob@south\.example"[\s\S]*?state="active"/)
  t.regex(documents, /uri="sip:bob@west\.example"\/>/, 'who is no peer is out of reach')
  t.deepEqual(
    scene.crossed('south', 'SUBSCRIBE').map((each) => each.list(H['P-Asserted-Identity'])),
    [['<sip:alice@north.example>'], ['<sip:alice@north.example>']],
  )
})

test('a peer’s address stands for all its users: it is bound by no rate of one source', async (t) => {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  await scene.operator('north', [asPeer('south')])
  await scene.operator('south', [asPeer('north')], [], { sourceRate: { rate: 1, burst: 3 } })
  const bob = await scene.ue('bob', 'south')
  const alice = await scene.ue('alice', 'north')
  const stranger = await scene.stranger()
  const statuses: number[] = []
  const strangers: number[] = []
  for (let i = 0; i < 8; i++) {
    const sent = alice.message(bob.identity, text)
    const options = { method: 'OPTIONS', to: 'sip:south.example', route: ['<sip:10.0.0.2:5060;lr>'] }
    strangers.push((await scene.during(stranger.host.send(options), 100)).status)
    statuses.push((await scene.during(sent, 300)).status)
  }
  t.deepEqual([...new Set(statuses)], [200])
  t.true(strangers.includes(503), String(strangers))
})
