/** What clients do to a registrar and proxy (test/interop/README.md). */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import type { SipResponse } from '../../../signalling/index.ts'
import { answerChallenge } from '../../../signalling/messages/auth.ts'
import { Lab } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'

const permissions = { discoverable: true, discoverer: true }

class Scene {
  readonly lab = new Lab()
  private count = 0
  static async open(algorithms: readonly ('MD5' | 'SHA-256')[] = ['MD5']): Promise<Scene> {
    const scene = new Scene()
    const subscribers = ['alice', 'bob'].map((name) => ({ id: `sip:${name}@localhost`, password: 'secret', permissions }))
    await scene.lab.serve(['localhost'], [createProxy('proxy', { authenticate: algorithms }), createHss('hss', { subscribers })])
    return scene
  }
  async ask(wire: Wire, text: string): Promise<SipResponse> {
    wire.clear()
    wire.send(text)
    await this.lab.clock.advance(50)
    return wire.responses[0]!
  }
  text(method: string, user: string, lines: readonly string[], uri = 'sip:localhost', via = '192.0.2.1:1234;rport'): string {
    const aor = `sip:${user}@localhost`
    const branch = `z9hG4bK-${++this.count}`
    return requestText(method, uri, {
      from: aor,
      to: method === 'REGISTER' ? aor : uri,
      branch,
      via,
      cseq: this.count,
      callId: user,
      lines,
    })
  }
  /** Registers with digest; gives the 200. */
  async register(wire: Wire, user: string, contact: string, extra: readonly string[] = []): Promise<SipResponse> {
    const lines = [`Contact: ${contact}`, ...extra]
    const challenged = await this.ask(wire, this.text('REGISTER', user, lines))
    const challenge = challenged.text('WWW-Authenticate')!
    const answer = answerChallenge([challenge], { user, password: 'secret' }, 'REGISTER', 'sip:localhost', 'c')
    return this.ask(wire, this.text('REGISTER', user, [...lines, `Authorization: ${answer}`]))
  }
}

test('answers and calls go by the flow, whatever Via and Contact say', async (t) => {
  for (const contact of [
    '<sip:bob@203.0.113.9:9999>',
    '<sip:203.0.113.9>',
    '<sip:1x2y3z@df7jal23ls0d.invalid;transport=ws>',
    '<sip:bob@203.0.113.9:5060;transport=tcp;ob>',
    'sip:bob@203.0.113.9:9999',
  ]) {
    const scene = await Scene.open()
    const [alice, bob] = [await Wire.at(scene.lab, '10.0.5.1', 40_001), await Wire.at(scene.lab, '10.0.5.2', 40_002)]
    t.is((await scene.register(alice, 'alice', '<sip:alice@10.0.5.1>')).status, 200)
    t.is((await scene.register(bob, 'bob', contact)).status, 200)
    bob.onRequest = (request) => bob.answer(request, 200)
    t.is((await scene.ask(alice, scene.text('MESSAGE', 'alice', [], 'sip:bob@localhost'))).status, 200, contact)
    t.is(bob.requests[0]!.uriText, contact.replace(/[<>]/g, ''))
  }
})

test('the 200 to REGISTER echoes the Contact as it was given, with its time', async (t) => {
  for (const [contact, echo] of [
    [
      '<sip:u@h.invalid;transport=ws>;+sip.instance="<urn:uuid:1-2>";reg-id=1;expires=300',
      '<sip:u@h.invalid;transport=ws>;+sip.instance="<urn:uuid:1-2>";reg-id=1;expires=300',
    ],
    ['"Bob" <sip:bob@10.0.5.2:5070>;q=0.7', '<sip:bob@10.0.5.2:5070>;q=0.7;expires=600'],
    ['<sip:10.0.5.2>;audio;methods="INVITE,ACK"', '<sip:10.0.5.2>;audio;methods="INVITE,ACK";expires=600'],
  ] as const) {
    const scene = await Scene.open()
    const wire = await Wire.at(scene.lab, '10.0.5.2')
    const answer = await scene.register(wire, 'bob', contact, ['Expires: 600'])
    t.deepEqual(answer.texts('Contact'), [echo])
  }
})

test('the time of a binding: the Contact’s own before that of the message', async (t) => {
  const scene = await Scene.open()
  const wire = await Wire.at(scene.lab, '10.0.5.2')
  const answer = await scene.register(wire, 'bob', '<sip:a@10.0.5.2>;expires=120, <sip:b@10.0.5.2>', ['Expires: 600'])
  t.deepEqual(answer.texts('Contact'), ['<sip:a@10.0.5.2>;expires=120', '<sip:b@10.0.5.2>;expires=600'])
})

test('several Authorization fields, one an algorithm: the one that fits counts', async (t) => {
  const scene = await Scene.open(['SHA-256', 'MD5'])
  const wire = await Wire.at(scene.lab, '10.0.5.2')
  const challenged = await scene.ask(wire, scene.text('REGISTER', 'bob', []))
  const challenges = challenged.texts('WWW-Authenticate')
  t.is(challenges.length, 2)
  const [sha, md5] = challenges.map((each) =>
    answerChallenge([each], { user: 'bob', password: 'secret' }, 'REGISTER', 'sip:localhost', 'c'),
  )
  const other = 'Digest username="bob", realm="elsewhere", nonce="x", uri="sip:elsewhere", response="y"'
  const lines = [`Authorization: ${other}`, `Authorization: ${sha}`, `Authorization: ${md5}`]
  t.is((await scene.ask(wire, scene.text('REGISTER', 'bob', lines))).status, 200)
})

test('a digest whose uri is spelled otherwise, md5 in lower case, a count that goes on', async (t) => {
  const scene = await Scene.open()
  const wire = await Wire.at(scene.lab, '10.0.5.2')
  const challenged = await scene.ask(wire, scene.text('REGISTER', 'bob', []))
  const challenge = challenged.text('WWW-Authenticate')!
  for (const [count, uri, status] of [
    [1, 'sip:localhost:5060', 200],
    [2, 'sip:localhost;transport=udp', 200],
    [2, 'sip:localhost', 401],
    [3, 'sip:localhost', 200],
  ] as const) {
    const answer = answerChallenge([challenge], { user: 'bob', password: 'secret' }, 'REGISTER', uri, 'c', count)!
    const lines = [`Authorization: ${answer.replace('algorithm=MD5', 'algorithm=md5')}`]
    const response = await scene.ask(wire, scene.text('REGISTER', 'bob', lines))
    t.is(response.status, status, `${count} ${uri}`)
    if (status === 401) t.regex(response.text('WWW-Authenticate')!, /stale=true/)
  }
})

test('bodies are bytes: encoded and binary ones arrive as they were', async (t) => {
  const scene = await Scene.open()
  const [alice, bob] = [await Wire.at(scene.lab, '10.0.5.1'), await Wire.at(scene.lab, '10.0.5.2')]
  await scene.register(alice, 'alice', '<sip:alice@10.0.5.1>')
  await scene.register(bob, 'bob', '<sip:bob@10.0.5.2>')
  bob.clear()
  const body = Buffer.from([0x78, 0x9c, 0, 255, 13, 10, 13, 10, 128])
  const head = scene.text(
    'MESSAGE',
    'alice',
    ['Content-Encoding: deflate', 'Content-Type: message/imdn+xml'],
    'sip:bob@localhost',
  )
  alice.send(Buffer.concat([Buffer.from(head.replace('Content-Length: 0', `Content-Length: ${body.length}`)), body]))
  await scene.lab.clock.advance(50)
  t.deepEqual(bob.requests[0]!.body, body)
  t.is(bob.requests[0]!.text('Content-Encoding'), 'deflate')
})

test('one device that registers anew from elsewhere has one binding', async (t) => {
  const scene = await Scene.open()
  const [old, fresh] = [await Wire.at(scene.lab, '10.0.5.1'), await Wire.at(scene.lab, '10.0.5.2')]
  const instance = ';+sip.instance="<urn:uuid:1>";reg-id=1'
  await scene.register(old, 'bob', `<sip:bob@10.0.5.1>${instance}`)
  const answer = await scene.register(fresh, 'bob', `<sip:bob@10.0.5.2>${instance}`)
  t.is(answer.texts('Contact').length, 1)
  t.regex(answer.text('Contact')!, /10\.0\.5\.2/)
})

test('a REGISTER is carried out as a whole or not at all', async (t) => {
  const scene = await Scene.open()
  const wire = await Wire.at(scene.lab, '10.0.5.2')
  t.is((await scene.register(wire, 'bob', '<sip:a@10.0.5.2>, <sip:b@10.0.5.2>;expires=5')).status, 423)
  t.is((await scene.register(wire, 'bob', '*')).status, 400)
  t.deepEqual((await scene.register(wire, 'bob', '<sip:c@10.0.5.2>')).texts('Contact').length, 1)
  t.deepEqual((await scene.register(wire, 'bob', '*', ['Expires: 0'])).texts('Contact'), [])
})
