import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProxy, type ProxySettings } from '../../../elements/proxy/index.ts'
import type { Element, Host } from '../../../signalling/index.ts'
import { type Agent, Lab } from '../../support/lab.ts'

const alice = { user: 'alice', password: 'alice-proxima' }
const server = '<sip:10.0.0.1;lr>'

function elements(settings: ProxySettings = {}) {
  return [
    createProxy('proxy', settings),
    createHss('hss', {
      subscribers: ['alice', 'bob', 'eve'].map((name) => ({
        id: `sip:${name}@localhost`,
        password: `${name}-proxima`,
        permissions: { discoverable: name !== 'eve', discoverer: name !== 'eve' },
      })),
    }),
  ]
}

function register(agent: Agent, credentials = { user: agent.name, password: `${agent.name}-proxima` }, expires = '600') {
  return agent.host.send({
    method: 'REGISTER',
    to: `sip:${agent.name}@localhost`,
    from: `sip:${agent.name}@localhost`,
    route: [server],
    headers: [
      ['Contact', `<sip:${agent.name}@${agent.host.domains[0]}:5060>`],
      ['Expires', expires],
    ],
    credentials,
  })
}

function message(from: Agent, to: string, text: string) {
  return from.host.send({
    method: 'MESSAGE',
    to,
    from: `sip:${from.name}@localhost`,
    route: [server],
    body: { type: 'text/plain', content: text },
    credentials: { user: from.name, password: `${from.name}-proxima` },
  })
}

test('a user registers with digest and gets a MESSAGE', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], elements())
  const [a, b] = [await lab.agent('alice'), await lab.agent('bob')]
  t.is((await lab.during(register(a))).status, 200)
  const registered = await lab.during(register(b))
  t.is(registered.status, 200)
  t.regex(registered.text('Contact') ?? '', /^<sip:bob@10\.0\.1\.2:5060>;expires=600$/)
  const answer = await lab.during(message(a, 'sip:bob@localhost', 'grüß dich'))
  t.is(answer.status, 200)
  const got = b.got[0]!.request
  t.is(got.body.toString(), 'grüß dich')
  t.is(got.asserted[0]?.uri.text, 'sip:alice@localhost')
  t.is(got.uriText, 'sip:bob@10.0.1.2:5060')
})

test('a subscriber beyond the rate of one is told to wait, others are not', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], elements({ rate: { rate: 1, burst: 3 } }))
  const [a, b] = [await lab.agent('alice'), await lab.agent('bob')]
  for (const each of [a, b]) await lab.during(register(each))
  const answers = await lab.during(Promise.all([1, 2, 3, 4, 5].map((n) => message(a, 'sip:bob@localhost', `${n}`))), 100)
  t.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 503, 503])
  const refused = answers.find(({ status }) => status === 503)!
  t.is(refused.text('Retry-After'), '1')
  t.regex(refused.text('Warning')!, /too many requests from you/)
  t.is((await lab.during(message(b, 'sip:alice@localhost', 'and I?'), 100)).status, 200)
  await lab.clock.advance(4000)
  t.is((await lab.during(message(a, 'sip:bob@localhost', 'later'), 100)).status, 200)
})

test('a wrong password and an unknown user look alike', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], elements())
  const [a, nobody] = [await lab.agent('alice'), await lab.agent('nobody')]
  const wrong = await lab.during(register(a, { ...alice, password: 'guess' }))
  const unknown = await lab.during(register(nobody))
  t.is(wrong.status, 401)
  t.is(unknown.status, 401)
  const shape = (text: string): string => text.replace(/nonce="[^"]*"/, '').replace(/(tag|branch)=[^\r;]*/g, '')
  t.is(shape(wrong.text('WWW-Authenticate')!), shape(unknown.text('WWW-Authenticate')!))
})

test('a refusal comes when the clock strikes, however long the HSS had to look for the user', async (t) => {
  const lab = new Lab()
  const [proxy, hss] = elements() as [Element, Element]
  let host!: Host
  const late: Element = {
    name: hss.name,
    claims: hss.claims,
    packages: hss.packages ?? [],
    start: (given) => {
      host = given
      return hss.start?.(given)
    },
    handle: (exchange) =>
      new Promise((resolve) => {
        host.clock.after(7, () => resolve(hss.handle(exchange)))
      }),
  }
  await lab.serve(['localhost'], [proxy, late])
  const [a, nobody] = [await lab.agent('alice'), await lab.agent('nobody')]
  /** When the answer is there, from a moment between two strokes of the clock on. */
  const tried = async (agent: Agent, password: string): Promise<number> => {
    await lab.clock.advance(40 - (lab.clock.now() % 20))
    const since = lab.clock.now()
    const answered = register(agent, { user: agent.name, password }).then(() => lab.clock.now())
    return (await lab.during(answered)) - since
  }
  await lab.during(register(a)) // known, and looked up already
  const [wrong, unknown] = [await tried(a, 'guess'), await tried(nobody, 'guess')]
  t.is(wrong, unknown)
  t.true(wrong > 20)
  t.true((await tried(a, 'alice-proxima')) < 20, 'the right password need not wait')
})

test('who registered may not speak as somebody else, nor register somebody else', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], elements())
  const a = await lab.agent('alice')
  await lab.during(register(a))
  const forged = await lab.during(
    a.host.send({ method: 'MESSAGE', to: 'sip:alice@localhost', from: 'sip:bob@localhost', route: [server], credentials: alice }),
  )
  t.is(forged.status, 403)
  const other = await lab.during(
    a.host.send({
      method: 'REGISTER',
      to: 'sip:bob@localhost',
      from: 'sip:bob@localhost',
      route: [server],
      headers: [['Contact', '<sip:x@10.0.1.1>']],
      credentials: alice,
    }),
  )
  t.is(other.status, 403)
})

test('a P-Asserted-Identity from outside does not pass', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], elements())
  const [a, b] = [await lab.agent('alice'), await lab.agent('bob')]
  await lab.during(register(a))
  await lab.during(register(b))
  await lab.during(
    a.host.send({
      method: 'MESSAGE',
      to: 'sip:bob@localhost',
      from: 'sip:alice@localhost',
      asserted: 'sip:king@localhost',
      route: [server],
    }),
  )
  t.deepEqual(
    b.got[0]!.request.asserted.map(({ uri }) => uri.text),
    ['sip:alice@localhost'],
  )
})

test('away is 480, unknown 404, unregistered 403, no hops left 483', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], elements())
  const [a, b] = [await lab.agent('alice'), await lab.agent('bob')]
  t.is((await lab.during(message(a, 'sip:bob@localhost', ''))).status, 403)
  await lab.during(register(a))
  t.is((await lab.during(message(a, 'sip:bob@localhost', ''))).status, 480)
  t.is((await lab.during(message(a, 'sip:nobody@localhost', ''))).status, 404)
  await lab.during(register(b))
  const spent = a.host.send({
    method: 'MESSAGE',
    to: 'sip:bob@localhost',
    from: 'sip:alice@localhost',
    route: [server],
    headers: [['Max-Forwards', '0']],
  })
  t.is((await lab.during(spent)).status, 400, 'two Max-Forwards are one too many')
})

test('a binding ends with its time, and at once by Expires: 0', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], elements())
  const [a, b] = [await lab.agent('alice'), await lab.agent('bob')]
  await lab.during(register(a, undefined, '6000'))
  await lab.during(register(b, undefined, '60'))
  t.is((await lab.during(message(a, 'sip:bob@localhost', ''))).status, 200)
  await lab.clock.advance(61_000)
  t.is((await lab.during(message(a, 'sip:bob@localhost', ''))).status, 480)
  await lab.during(register(b, undefined, '60'))
  await lab.during(register(b, undefined, '0'))
  t.is((await lab.during(message(a, 'sip:bob@localhost', ''))).status, 480)
  const short = await lab.during(register(b, undefined, '5'))
  t.is(short.status, 423)
  t.is(short.text('Min-Expires'), '60')
})

test('a lost MESSAGE and a lost answer are sent again, and delivered once', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], elements())
  const [a, b] = [await lab.agent('alice'), await lab.agent('bob')]
  await lab.during(register(a))
  await lab.during(register(b))
  for (let lost = 0; lost < 4; lost++) {
    const before = b.got.length
    let count = 0
    lab.network.fate = () => (count++ === lost ? [] : [1])
    const answer = await lab.during(message(a, 'sip:bob@localhost', String(lost)), 5000)
    t.is(answer.status, 200, `message ${lost} lost`)
    t.is(b.got.length, before + 1)
  }
})

test('a flow token of one’s own leads nowhere else', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], elements())
  const [a, b] = [await lab.agent('alice'), await lab.agent('bob')]
  await lab.during(register(a))
  await lab.during(register(b))
  const invited = a.host.send({ method: 'REFER', to: 'sip:bob@localhost', from: 'sip:alice@localhost', route: [server] })
  const tokens = (await lab.during(invited)) && b.got[0]!.request.list('Record-Route')
  t.is(tokens.length, 2)
  const victim = await lab.agent('victim')
  for (const route of [[tokens[1]!], [tokens[1]!, '<sip:10.0.1.3;lr>'], [server, '<sip:10.0.1.3;lr>']]) {
    const relayed = a.host.send({
      method: 'INFO',
      to: 'sip:victim@10.0.1.3',
      from: 'sip:alice@localhost',
      route,
    })
    t.is((await lab.during(relayed)).status, 403, route.join())
  }
  t.deepEqual(victim.got, [])
})

test('nobody is told the identity of who asks for privacy', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], elements())
  const [a, b] = [await lab.agent('alice'), await lab.agent('bob')]
  await lab.during(register(a))
  await lab.during(register(b))
  const sent = a.host.send({
    method: 'MESSAGE',
    to: 'sip:bob@localhost',
    from: 'sip:anonymous@anonymous.invalid',
    route: [server],
    headers: [['Privacy', 'id']],
    credentials: alice,
  })
  t.is((await lab.during(sent)).status, 200)
  t.deepEqual(b.got[0]!.request.asserted, [])
})

test('a sips URI is not carried over datagrams', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], elements())
  const [a, b] = [await lab.agent('alice'), await lab.agent('bob')]
  await lab.during(register(a))
  await lab.during(register(b))
  t.is((await lab.during(message(a, 'sips:bob@localhost', 'secret'))).status, 480)
  t.deepEqual(b.got, [])
})

test('the 200 to a SUBSCRIBE leaves before its NOTIFY', async (t) => {
  const lab = new Lab()
  await lab.serve(['localhost'], [...elements(), createPresence('presence', {})])
  const [a, b] = [await lab.agent('alice'), await lab.agent('bob')]
  await lab.during(register(a))
  await lab.during(register(b))
  lab.tap.clear()
  a.host.subscribe(
    { to: 'sip:bob@localhost', event: 'presence', from: 'sip:alice@localhost', asserted: '', route: [server] },
    { notified: () => undefined },
  )
  await lab.clock.advance(1000)
  const lines = lab.tap.messages
    .filter(({ direction }) => direction === 'out')
    .map(({ bytes }) => Buffer.from(bytes).toString().split('\r\n')[0])
  t.deepEqual(lines, ['SIP/2.0 200 OK', 'NOTIFY sip:alice@10.0.1.1:5060 SIP/2.0'])
})
