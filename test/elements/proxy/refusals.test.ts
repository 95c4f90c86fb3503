/** Who is refused leaves a line in the log, seldom enough; who refuses says what was expected. */
import test from 'ava'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProse } from '../../../elements/prose/index.ts'
import { Refusals } from '../../../elements/proxy/refusals.ts'
import { mediaType } from '../../../elements/schemas/index.ts'
import { type Exchange, type Flow, type Log, silent } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { PhonesScene } from './phones-scene.ts'

interface Line {
  readonly text: string
  readonly user?: string
  readonly from?: string
  readonly method?: string
  readonly withheld?: number
}

function gathering(): { log: Log; lines: Line[] } {
  const lines: Line[] = []
  const log: Log = { ...silent, level: 'info', info: (fields, text) => void lines.push({ ...fields, text }), child: () => log }
  return { log, lines }
}
const kinds = ['wrong password', 'unknown user', 'register first']

test('wrong password, unknown user and register first leave one line each, at info', async (t) => {
  const { log, lines } = gathering()
  const scene = await PhonesScene.open(t, { log })
  for (const transport of ['UDP', 'TCP'] as const) {
    lines.length = 0
    const phone = await scene.phone(transport)
    t.is((await phone.register('alice', `<sip:alice@${phone.at}>`, [], 'guess')).status, 401)
    t.is((await phone.register('nobody', `<sip:nobody@${phone.at}>`)).status, 401)
    t.is((await phone.as('bob', 'MESSAGE', 'sip:alice@localhost')).status, 403)
    const [host, port] = phone.at.split(':')
    const from = `${host} ${port} ${transport}`
    t.deepEqual(
      lines.filter(({ text }) => kinds.includes(text)),
      [
        { user: 'alice', from, method: 'REGISTER', text: 'wrong password' },
        { user: 'nobody', from, method: 'REGISTER', text: 'unknown user' },
        { user: 'sip:bob@localhost', from, method: 'MESSAGE', text: 'register first' },
      ],
    )
    await scene.clock.advance(1000)
  }
})

test('a flood of them is told of now and then, and how much was not', async (t) => {
  const { log, lines } = gathering()
  const clock = new ManualClock()
  const refusals = new Refusals({ clock, log })
  const flow = { transport: 'UDP', remote: { host: '192.0.2.1', port: 5060 } } as Flow
  const exchange = { flow, request: { method: 'REGISTER' } } as Exchange
  for (let i = 0; i < 30; i++) refusals.note(exchange, 'a'.repeat(100), 'wrong password')
  refusals.note(exchange, 'bob', 'unknown user')
  t.is(lines.length, 6, 'each kind has its own')
  t.is(lines[0]!.user!.length, 64)
  await clock.advance(1000)
  refusals.note(exchange, 'alice', 'wrong password')
  t.deepEqual(lines.at(-1), {
    user: 'alice',
    from: '192.0.2.1 5060 UDP',
    method: 'REGISTER',
    withheld: 25,
    text: 'wrong password',
  })
  refusals.note(exchange, 'alice', 'wrong password')
  t.is(lines.at(-1)!.withheld, undefined)
})

test('a client that only sends is asked who it is, and is told to register when it has said so', async (t) => {
  const scene = await PhonesScene.open(t)
  for (const transport of ['UDP', 'TCP'] as const) {
    const phone = await scene.phone(transport)
    for (const method of ['MESSAGE', 'INVITE', 'SUBSCRIBE', 'PUBLISH'])
      t.is((await phone.ask(method, 'sip:bob@localhost', { from: 'sip:alice@localhost' })).status, 407, method)
  }
})

test('refusals say what was expected: 406, 403 of another’s proximity, of another’s registration', async (t) => {
  const scene = await PhonesScene.open(t, { others: [createPresence('presence', {}), createProse('prose', {})] })
  const phone = await scene.phone('UDP')
  t.is((await phone.register('alice', `<sip:alice@${phone.at}>`)).status, 200)
  const contact = `Contact: <sip:alice@${phone.at}>`
  const unread = await phone.as('alice', 'SUBSCRIBE', 'sip:bob@localhost', {
    lines: ['Event: presence', 'Accept: text/plain', contact],
  })
  t.is(unread.status, 406)
  t.regex(unread.text('Warning')!, /Accept names nothing that this event is told in; expected application\/pidf\+xml/)
  const warnings = new Set<string>()
  for (const device of ['bob', 'nobody']) {
    const asked = await phone.as('alice', 'SUBSCRIBE', `sip:${device}@localhost`, { lines: ['Event: proximity', contact] })
    t.is(asked.status, 403)
    warnings.add(asked.text('Warning')!)
    const roles = await phone.as('alice', 'SUBSCRIBE', 'sip:prose@localhost', {
      body: JSON.stringify({ device: `sip:${device}@localhost` }),
      lines: ['Event: prose', `Content-Type: ${mediaType('prose-request')}`, contact],
    })
    t.is(roles.status, 403)
    warnings.add(roles.text('Warning')!)
  }
  t.is(warnings.size, 1, 'the same for who is there and who is not')
  t.regex([...warnings][0]!, /expected your own device, or that of a subscriber who lists you as application server/)
  const to = { to: 'sip:bob@localhost', lines: [contact] }
  const other = await phone.as('alice', 'REGISTER', 'sip:localhost', to)
  t.is(other.status, 403)
  t.regex(other.text('Warning')!, /you may register yourself only; expected To to be sip:alice@localhost/)
})

test('who is asked for no password is told to register at once', async (t) => {
  const scene = await PhonesScene.open(t, { proxy: { authenticate: 'none', registration: 'required' } })
  const phone = await scene.phone('TCP')
  t.is((await phone.ask('MESSAGE', 'sip:bob@localhost', { from: 'sip:alice@localhost' })).status, 403)
})

test('a To tag that somebody made up is no way past the rate of one subscriber', async (t) => {
  const scene = await PhonesScene.open(t, { proxy: { rate: { rate: 1, burst: 3 } } })
  const phone = await scene.phone('UDP')
  t.is((await phone.register('alice', `<sip:alice@${phone.at}>`)).status, 200)
  const statuses: number[] = []
  for (let i = 0; i < 5; i++)
    statuses.push(
      (await phone.as('alice', 'MESSAGE', 'sip:alice@localhost', { toTag: `made-up-${i}`, callId: `claim-${i}` })).status,
    )
  t.deepEqual(statuses.slice(-2), [503, 503])
})
