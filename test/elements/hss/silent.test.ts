/** While the HSS gives no answer, nobody learns by a guess whom the proxy has looked up before (SPEC §2.5). */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import type { Element } from '../../../signalling/index.ts'
import { type Agent, Lab } from '../../support/lab.ts'

/** An HSS that can be told to take what it is asked and say nothing. */
function hanging(hss: Element): { readonly hss: Element; hangs: boolean } {
  const given: { readonly hss: Element; hangs: boolean } = {
    hangs: false,
    hss: {
      name: hss.name,
      claims: hss.claims,
      packages: hss.packages ?? [],
      start: (host) => hss.start?.(host),
      handle: (exchange) => (given.hangs ? new Promise<void>(() => undefined) : hss.handle(exchange)),
    },
  }
  return given
}

async function scene() {
  const lab = new Lab()
  const hung = hanging(
    createHss('hss', {
      subscribers: [
        { id: 'sip:alice@localhost', password: 'alice-proxima', permissions: { discoverable: true, discoverer: true } },
      ],
    }),
  )
  await lab.serve(['localhost'], [createProxy('proxy', {}), hung.hss])
  const [alice, outsider] = [await lab.agent('alice'), await lab.agent('outsider')]
  /** What the answer is, and how long it took. */
  const tried = async (agent: Agent, user: string, password: string, method: 'REGISTER' | 'MESSAGE') => {
    await lab.clock.advance(40 - (lab.clock.now() % 20))
    const since = lab.clock.now()
    const answered = agent.host
      .send({
        method,
        to: `sip:${user}@localhost`,
        from: `sip:${user}@localhost`,
        route: ['<sip:10.0.0.1;lr>'],
        headers: [['Contact', `<sip:${user}@${agent.host.domains[0]}:5060>`]],
        credentials: { user, password },
      })
      .then((response) => ({
        status: response.status,
        headers: ['WWW-Authenticate', 'Proxy-Authenticate', 'Retry-After', 'Warning'].map((name) =>
          response.text(name)?.replace(/nonce="[^"]*"/, ''),
        ),
        after: lab.clock.now() - since,
      }))
    return lab.during(answered, 40_000)
  }
  const guessed = (user: string, method: 'REGISTER' | 'MESSAGE') => tried(outsider, user, 'guess', method)
  const registered = () => tried(alice, 'alice', 'alice-proxima', 'REGISTER')
  return { hung, registered, guessed }
}

for (const method of ['REGISTER', 'MESSAGE'] as const) {
  test(`a wrong password and an unknown user look alike while the HSS hangs: ${method}`, async (t) => {
    const { hung, registered, guessed } = await scene()
    t.is((await registered()).status, 200)
    t.deepEqual(await guessed('alice', method), await guessed('nobody', method), 'while it answers')
    hung.hangs = true
    const [wrong, unknown] = [await guessed('alice', method), await guessed('stranger', method)]
    t.deepEqual(wrong, unknown)
    t.is(wrong.status, 503)
    t.true(wrong.after < 10_000)
  })
}

test('who is known not to exist looks no different from who is not known at all', async (t) => {
  const { hung, guessed } = await scene()
  t.is((await guessed('nobody', 'REGISTER')).status, 401)
  hung.hangs = true
  t.deepEqual(await guessed('nobody', 'REGISTER'), await guessed('stranger', 'REGISTER'))
})

test('the right password of a user whom the proxy knows works while the HSS hangs', async (t) => {
  const { hung, registered } = await scene()
  t.is((await registered()).status, 200)
  hung.hangs = true
  const again = await registered()
  t.is(again.status, 200)
  t.true(again.after < 20)
})
