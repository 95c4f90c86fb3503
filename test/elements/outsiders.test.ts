/**
 * Who may not know learns nothing (SPEC §2.5): asked about what is there and about what is not, every element answers a
 * stranger with the same status and the same shape, byte for byte but for what names the transaction.
 */
import test from 'ava'
import { networkOf } from '../../dialplans/flows/index.ts'
import { StageSet } from '../../dialplans/flows/stage/stage-set.ts'
import { loadDialplan } from '../../dialplans/network/load.ts'
import { writeBody } from '../../elements/schemas/index.ts'
import { ApplicationClient, type EngineAgent, type Ue } from '../../elements/ue/index.ts'
import { parseUri, SipRequest, SipResponse } from '../../signalling/index.ts'
import { scan } from '../../signalling/tools.ts'

const loaded = loadDialplan(networkOf({}))
if (loaded.faults !== undefined) throw new Error('default.yaml has faults')
const dialplan = { ...loaded.value, nodes: [] }
const application = 'org.example.nearby'

const ofTransaction = ['via', 'from', 'to', 'call-id', 'cseq', 'record-route', 'route', 'in-reply-to', 'contact']

type Body = ReturnType<typeof writeBody>
/** What alice has. */
interface Given {
  readonly epuid: string
  readonly aluid: string
  readonly temporary: string
}
interface Asking {
  readonly method: 'MESSAGE' | 'SUBSCRIBE'
  readonly to: string
  readonly event?: string
  readonly body?: Body
  /** A Route to take first. */
  readonly through?: string
}

/** alice and bob near each other, alice a user of the application; mallory is a subscriber like any other. */
async function scene() {
  const stage = new StageSet({ dialplan, mode: 'virtual' }, { name: 'outsiders', run: async () => undefined })
  await stage.open()
  const alice = await stage.ue('alice')
  await stage.during(alice.requestProximity(['discoverable', 'discoverer']))
  const user = new ApplicationClient({ agent: alice.agent, clock: stage.clock, application })
  const registered = await stage.during(user.registerAutomatically())
  if (registered.cause !== undefined) throw new Error(`alice is not registered: ${registered.cause}`)
  const { epuid, aluid } = registered
  const temporary = await stage.during(alice.attach(sip('mme')))
  if (typeof temporary === 'number') throw new Error(`alice is not attached: ${temporary}`)
  const mallory = await stage.ue('dave')
  const ask = async ({ method, to, event, body, through }: Asking, forged: readonly (readonly [string, string])[] = []) => {
    const before = stage.messages.messages.length
    const { host } = (mallory.agent as EngineAgent).element
    await stage.during(
      host.send({
        method,
        to,
        from: mallory.device,
        route: ['<sip:10.0.0.1:5060;lr>', ...(through === undefined ? [] : [`<${through};lr>`])],
        headers: [
          ...(event === undefined
            ? []
            : ([
                ['Event', event],
                ['Expires', '600'],
                ['Contact', `<${host.contact}>`],
              ] as const)),
          ...forged,
        ],
        ...(body === undefined ? {} : { body }),
        credentials: { user: 'dave', password: 'dave-proxima' },
      }),
    )
    await stage.pass(3) // an answer by MESSAGE comes later
    return shownTo(stage, before, mallory)
  }
  return { stage, ask, given: { epuid, aluid, temporary }, close: () => stage.close() }
}

/** Everything that mallory was sent since, without what has to differ. */
function shownTo(stage: StageSet, from: number, mallory: Ue): readonly string[] {
  const name = parseUri(mallory.device)!.user
  return stage.messages.messages.slice(from).flatMap(({ to, direction, bytes }) => {
    if (direction !== 'out' || to.name !== name) return []
    const message = scan(Buffer.from(bytes))!
    if (message instanceof SipResponse && (message.status === 407 || message.status < 200)) return []
    const lines = message.headers
      .filter(([field]) => !ofTransaction.includes(field.toLowerCase()))
      .map(([field, value]) => `${field}: ${value}`)
    const first = message instanceof SipRequest ? message.method : `${message.status} ${message.reason}`
    return [`${first}\n${lines.join('\n')}\n${message.body.toString()}`]
  })
}

const sip = (user: string): string => `sip:${user}@localhost`
const prose = sip('prose')
const as = sip('as')
const mme = sip('mme')
const noTemporary = 'sip:s-tmsi-0000000000@localhost'

/** The same question about what is there and about what is not. `given`: what alice has. */
const questions: { readonly [what: string]: (real: boolean, given: Given) => Asking } = {
  'a service request for another device': (real) => ({
    method: 'SUBSCRIBE',
    to: prose,
    event: 'prose',
    body: writeBody('prose-request', { device: sip(real ? 'alice' : 'nobody') }),
  }),
  'who is near another device': (real) => ({
    method: 'SUBSCRIBE',
    to: prose,
    event: 'proximity',
    body: writeBody('proximity-query', { device: sip(real ? 'alice' : 'nobody') }),
  }),
  'a monitor list': (real) => ({
    method: 'MESSAGE',
    to: prose,
    body: writeBody('prose-monitor', { device: sip(real ? 'alice' : 'nobody'), add: [sip('bob')] }),
  }),
  'an EPUID for another device': (real) => ({
    method: 'MESSAGE',
    to: prose,
    body: writeBody('registration-code-request', { device: sip(real ? 'alice' : 'nobody'), capabilities: { prose: true } }),
  }),
  'a binding in the name of an application server': (real, { epuid }) => ({
    method: 'MESSAGE',
    to: prose,
    body: writeBody('epuid-binding', {
      epuid: real ? epuid : sip('epuid-0000000000000000000000'),
      aluid: sip('aluid-0000000000000000000000'),
      device: sip(real ? 'alice' : 'nobody'),
      application,
    }),
  }),
  'the context of a device that moved': (real, { epuid }) => ({
    method: 'MESSAGE',
    to: prose,
    body: writeBody('prose-context-request', {
      epuid: real ? epuid : sip('epuid-0000000000000000000000'),
      device: sip(real ? 'alice' : 'nobody'),
    }),
  }),
  'a user at another device': (real) => ({
    method: 'MESSAGE',
    to: as,
    body: writeBody('user-registration', { device: sip(real ? 'alice' : 'nobody'), user: 'x', application }),
  }),
  'the name of another user': (real) => ({
    method: 'MESSAGE',
    to: as,
    body: writeBody('user-registration', { device: sip('dave'), user: sip(real ? 'alice' : 'nobody'), application }),
  }),
  'a new address of another user': (real, { epuid, aluid }) => ({
    method: 'MESSAGE',
    to: as,
    body: writeBody('aluid-update', { aluid: real ? aluid : sip('aluid-0000000000000000000000'), epuid, prose }),
  }),
  'another application': (real) => ({
    method: 'MESSAGE',
    to: as,
    body: writeBody('user-registration', {
      device: sip('dave'),
      user: sip('dave'),
      application: `org.example.${real ? 'other' : 'none'}`,
    }),
  }),
  'whether somebody who is not near is a user': (real) => ({
    method: 'SUBSCRIBE',
    to: sip(`near-${real ? 'alice' : 'nobody'}`),
    event: 'presence',
  }),
  'a record of the HSS': (real) => ({
    method: 'SUBSCRIBE',
    to: sip('hss'),
    event: 'subscription-data',
    body: writeBody('subscription-query', { device: sip(real ? 'alice' : 'nobody') }),
  }),
  'the policy for another device': (real) => ({
    method: 'SUBSCRIBE',
    to: sip('pcrf'),
    event: 'service-policy',
    body: writeBody('policy-query', { device: sip(real ? 'alice' : 'nobody'), service: 'proximity', lease: 'x' }),
  }),
  'charges to another device': (real) => ({
    method: 'MESSAGE',
    to: sip('pcrf'),
    body: writeBody('charging-event', {
      source: 'prose/x',
      events: [
        {
          number: 1,
          at: '2026-11-22T00:00:00Z',
          event: 'feedback',
          service: 'proximity',
          device: sip(real ? 'alice' : 'nobody'),
        },
      ],
    }),
  }),
  'the attachment of another device': (real) => ({
    method: 'SUBSCRIBE',
    to: mme,
    event: 'attach',
    body: writeBody('attach-request', { device: sip(real ? 'alice' : 'nobody'), capabilities: { prose: true } }),
  }),
  'the temporary identifier of another device': (real, { temporary }) => ({
    method: 'SUBSCRIBE',
    to: mme,
    event: 'attach',
    body: writeBody('attach-request', { device: real ? temporary : noTemporary, capabilities: { prose: true } }),
  }),
  'a service request by another’s temporary identifier': (real, { temporary }) => ({
    method: 'SUBSCRIBE',
    to: prose,
    through: mme,
    event: 'prose',
    body: writeBody('prose-request', { device: real ? temporary : noTemporary }),
  }),
  'who is near another, by its temporary identifier': (real, { temporary }) => ({
    method: 'SUBSCRIBE',
    to: prose,
    through: mme,
    event: 'proximity',
    body: writeBody('proximity-query', { device: real ? temporary : noTemporary }),
  }),
  'the context of a device at an MME': (real, { temporary }) => ({
    method: 'MESSAGE',
    to: mme,
    body: writeBody('mme-context-request', { device: sip('alice'), temporary: real ? temporary : noTemporary }),
  }),
  'a replayed EPUID': (real, { epuid }) => ({
    method: 'MESSAGE',
    to: as,
    body: writeBody('prose-registration', {
      epuid: real ? epuid : sip('epuid-0000000000000000000000'),
      user: sip('dave'),
      application,
      proof: '',
    }),
  }),
}

for (const [what, question] of Object.entries(questions)) {
  test(`${what}: the same answer as for what is not there, whoever he says he is`, async (t) => {
    const { ask, given, close } = await scene()
    const same = (texts: readonly string[]): readonly string[] =>
      texts.map((text) => text.replaceAll(/alice|nobody/g, 'somebody').replaceAll(/Content-Length: \d+/g, ''))
    const real = await ask(question(true, given))
    t.true(real.length > 0)
    t.deepEqual(same(real), same(await ask(question(false, given))))
    t.false(
      real.some((text) => Object.values(given).some((secret) => text.includes(secret))),
      'what is alice’s stays hers',
    )
    const forged = [
      ['P-Asserted-Identity', '<sip:alice@localhost>'],
      ['P-Asserted-Identity', '<sip:as@localhost>'],
      ['P-Asserted-Identity', '<sip:prose@localhost>'],
    ] as const
    for (const identity of forged) t.deepEqual(same(await ask(question(true, given), [identity])), same(real), identity[1])
    await close()
  })
}

test('whoever has not registered is asked who he is, whatever he asks about', async (t) => {
  const { stage, given, close } = await scene()
  const { agent } = await stage.ue('eve')
  await stage.during((agent as EngineAgent).register(0))
  for (const [what, question] of Object.entries(questions)) {
    for (const real of [true, false]) {
      const { method, to, event, body } = question(real, given)
      const response = await stage.during(
        (agent as EngineAgent).element.host.send({
          method,
          to,
          from: sip('eve'),
          route: ['<sip:10.0.0.1:5060;lr>'],
          headers: event === undefined ? [] : [['Event', event]],
          ...(body === undefined ? {} : { body }),
        }),
      )
      t.is(response.status, 407, what)
    }
  }
  await close()
})
