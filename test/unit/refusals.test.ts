/** Who is refused leaves a line in the log, seldom enough; who refuses says what was expected. */
import test from 'ava'
import { createPresence } from '../../elements/presence/index.ts'
import { createProse } from '../../elements/prose/index.ts'
import { mediaType } from '../../elements/schemas/index.ts'
import { type Log, silent } from '../../signalling/index.ts'
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
  const scene = await PhonesScene.open(t, { log })
  const phone = await scene.phone('UDP')
  const guess = async (): Promise<void> => {
    t.is((await phone.register('alice', `<sip:alice@${phone.at}>`, [], 'guess')).status, 401)
  }
  for (let i = 0; i < 30; i++) await guess()
  const seen = lines.filter(({ text }) => text === 'wrong password')
  t.true(seen.length >= 5 && seen.length < 30, `${seen.length} lines`)
  await scene.clock.advance(1000)
  await guess()
  const withheld = lines.reduce((sum, { withheld = 0 }) => sum + withheld, 0)
  t.is(withheld + lines.filter(({ text }) => text === 'wrong password').length, 31)
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
