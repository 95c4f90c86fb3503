/** Requests that reach the services by name, past their claims: each gets the status of its RFC (SPEC §1, §2.6). */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createPresence } from '../../../elements/presence/index.ts'
import { createProse } from '../../../elements/prose/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import type { SipResponse } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { metric, type RequestParts, requestText, Wire } from '../../support/wire.ts'
import { all } from './scene.ts'

/** A whole node, and alice at a bare wire. */
async function network() {
  const lab = new Lab()
  const node = await lab.serve(
    ['localhost'],
    [
      createProxy('proxy', { authenticate: 'none', registration: 'optional' }),
      createHss('hss', { subscribers: [{ id: 'alice', permissions: all, password: 'alice-proxima' }] }),
      createProse('prose', {}),
      createPresence('presence', {}),
    ],
  )
  const wire = await Wire.at(lab, '10.0.9.9')
  let count = 0
  const ask = async (method: string, user: string, parts: RequestParts & { readonly type?: string } = {}) => {
    const { lines = [], type, ...others } = parts
    wire.clear()
    const all = [...lines, 'Contact: <sip:alice@10.0.9.9>', ...(type === undefined ? [] : [`Content-Type: ${type}`])]
    const callId = `refusal-${++count}`
    wire.send(requestText(method, `sip:${user}@localhost`, { branch: `z9hG4bK${callId}`, callId, lines: all, ...others }))
    await lab.clock.advance(50)
    for (const request of wire.requests) wire.answer(request, 200)
    const answer = wire.responses.find((one) => one.callId === callId && one.status >= 200) as SipResponse // an INVITE's come again
    return { answer, notifies: wire.requests.length }
  }
  return { node, ask }
}

test('an event package that is not served is 489 with Allow-Events, and nobody is notified', async (t) => {
  const { ask, node } = await network()
  for (const [user, packages] of [
    ['prose', 'prose, proximity'],
    ['presence', 'presence, presence.winfo'],
  ] as const) {
    for (const lines of [['Event: foo'], ['Event: prose.winfo'], ['Event: foo;id=1'], []]) {
      const { answer, notifies } = await ask('SUBSCRIBE', user, { lines })
      t.is(answer.status, 489, `${user} ${lines.join()}`)
      t.is(answer.text('Allow-Events'), packages)
      t.is(notifies, 0)
    }
    for (const event of ['prose, proximity', ';;;', '', 'a b', 'é']) {
      const { answer, notifies } = await ask('SUBSCRIBE', user, { lines: [`Event: ${event}`] })
      t.is(answer.status, 400, `${user} ${event}`)
      t.is(notifies, 0)
    }
  }
  t.is((await ask('SUBSCRIBE', 'prose', { lines: ['Event: PROSE;id=7'] })).answer.status, 200)
  t.is(metric(node, 'faults_total'), 0)
})

test('what a service can is told by OPTIONS, what it cannot by 405 and 501', async (t) => {
  const { ask, node } = await network()
  for (const [user, allow] of [
    ['prose', 'SUBSCRIBE, MESSAGE, OPTIONS'],
    ['presence', 'SUBSCRIBE, PUBLISH, OPTIONS'],
    ['hss', 'SUBSCRIBE, MESSAGE, OPTIONS'],
  ] as const) {
    const options = (await ask('OPTIONS', user)).answer
    t.is(options.status, 200)
    t.is(options.text('Allow'), allow)
    t.truthy(options.text('Accept'))
    t.truthy(options.text('Allow-Events'))
    for (const method of ['INVITE', 'REFER', 'INFO', 'NOTIFY', 'BYE']) {
      const { answer } = await ask(method, user)
      t.is(answer.status, 405, `${method} ${user}`)
      t.is(answer.text('Allow'), allow)
    }
    const unknown = (await ask('FOO', user)).answer
    t.is(unknown.status, 501)
    t.is(unknown.text('Allow'), allow)
    for (const method of ['NOTIFY', 'BYE']) t.is((await ask(method, user, { toTag: 'gone' })).answer.status, 481)
  }
  t.is((await ask('PUBLISH', 'prose', { lines: ['Event: foo'] })).answer.status, 405)
  t.is((await ask('MESSAGE', 'presence')).answer.status, 405)
  t.is((await ask('SUBSCRIBE', 'prose', { toTag: 'gone', lines: ['Event: prose'] })).answer.status, 481)
  t.is(metric(node, 'faults_total'), 0)
})

test('an extension that is required and not there is 420', async (t) => {
  const { ask } = await network()
  for (const [method, user] of [
    ['SUBSCRIBE', 'prose'],
    ['MESSAGE', 'prose'],
    ['OPTIONS', 'prose'],
    ['PUBLISH', 'presence'],
  ] as const) {
    const { answer } = await ask(method, user, { lines: ['Require: foo', 'Event: presence'] })
    t.is(answer.status, 420)
    t.is(answer.text('Unsupported'), 'foo')
  }
})

test('415 lists all that is taken', async (t) => {
  const { ask } = await network()
  const type = (name: string): string => `application/vnd.proxima.${name}+json`
  const of = async (method: string, event: string, parts: RequestParts & { readonly type?: string }) =>
    (await ask(method, 'prose', { lines: event === '' ? [] : [`Event: ${event}`], body: '{}', ...parts })).answer
  const message = await of('MESSAGE', '', { type: 'text/plain' })
  t.is(message.status, 415)
  t.true(
    message
      .text('Accept')!
      .startsWith(`${type('prose-match')}, ${type('prose-monitor')}, ${type('registration-code-request')}, `),
  )
  t.regex(message.text('Warning')!, /prose-match.* or .*prose-monitor/)
  t.is((await of('SUBSCRIBE', 'prose', { type: 'text/plain' })).text('Accept'), type('prose-request'))
  t.is((await of('SUBSCRIBE', 'proximity', { type: 'text/plain' })).text('Accept'), type('proximity-query'))
  t.is((await of('SUBSCRIBE', 'prose', {})).text('Accept'), type('prose-request'))
  const packed = await of('MESSAGE', '', { type: type('prose-match'), lines: ['Content-Encoding: gzip'] })
  t.is(packed.status, 415)
  t.is(packed.text('Accept-Encoding'), 'identity')
  const empty = await of('MESSAGE', '', { body: '' })
  t.is(empty.status, 400)
  t.regex(empty.text('Warning')!, /prose-match.* or .*prose-monitor/)
})

test('the HSS tells a UE nothing, whatever it asks', async (t) => {
  const { ask } = await network()
  const query = { type: 'application/vnd.proxima.subscription-query+json', body: '{"device":"sip:alice@localhost"}' }
  const asked = [
    { lines: ['Event: subscription-data'] },
    { lines: ['Event: subscription-data'], ...query },
    { lines: ['Event: subscription-data'], ...query, type: 'text/plain' },
    { lines: ['Event: subscription-data', 'Expires: 0'] },
    { lines: ['Event: subscription-data', 'P-Asserted-Identity: <sip:proxy@localhost>'] },
    { lines: ['Event: foo'] },
    { lines: [] },
  ]
  for (const parts of asked) {
    const { answer, notifies } = await ask('SUBSCRIBE', 'hss', parts)
    t.is(answer.status, 403)
    t.is(notifies, 0)
    t.is(answer.text('Allow-Events'), undefined)
    t.notRegex(answer.toString(), /MD5|credentials|permissions/)
  }
})
