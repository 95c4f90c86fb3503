/** What digest has to hold: no answer counts twice, and nobody learns who exists. */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createProxy } from '../../../elements/proxy/index.ts'
import { ha1, Nonces, parseDigest, type SipResponse } from '../../../signalling/index.ts'
import { answerChallenge, ManualClock, seededIds } from '../../../signalling/testing.ts'
import { Lab } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'

const user = { user: 'bob', password: 'secret' }
const a1 = ha1('MD5', 'bob', 'r', 'secret')

function answered(challenge: string, count = 1): ReadonlyMap<string, string> {
  return parseDigest(answerChallenge([challenge], user, 'REGISTER', 'sip:r', 'c', count)!)!
}

test('a nonce whose count had to be forgotten is not taken again', async (t) => {
  const clock = new ManualClock()
  const nonces = new Nonces(clock, seededIds(1), 60_000, 3)
  const made: string[] = []
  for (let i = 0; i < 5; i++) {
    made.push(nonces.challenges('r', ['MD5'], false)[0]!)
    await clock.advance(10)
  }
  for (const challenge of made) t.is(nonces.verify(answered(challenge), a1, 'MD5', 'REGISTER'), 'right')
  t.is(nonces.size, 3)
  for (const challenge of made) t.is(nonces.verify(answered(challenge), a1, 'MD5', 'REGISTER'), 'stale', 'a replay')
  t.is(nonces.verify(answered(made[4]!, 2), a1, 'MD5', 'REGISTER'), 'right')
  const fresh = nonces.challenges('r', ['MD5'], true)[0]!
  t.is(nonces.verify(answered(fresh), a1, 'MD5', 'REGISTER'), 'right')
})

test('a count that is no number is wrong, and uses nothing up', (t) => {
  const nonces = new Nonces(new ManualClock(), seededIds(1), 60_000)
  const challenge = nonces.challenges('r', ['MD5'], false)[0]!
  for (const nc of ['', 'xyz', '1 ', '-1', '000000001']) {
    const parameters = parseDigest(
      answerChallenge([challenge], user, 'REGISTER', 'sip:r', 'c')!.replace('nc=00000001', `nc="${nc}"`),
    )!
    t.not(nonces.verify(parameters, a1, 'MD5', 'REGISTER'), 'right', nc)
  }
  t.is(nonces.verify(answered(challenge), a1, 'MD5', 'REGISTER'), 'right')
})

const permissions = { discoverable: true, discoverer: true }

interface Scene {
  ask(method: string, name: string, lines: readonly string[]): Promise<SipResponse>
}
async function scene(): Promise<Scene> {
  const lab = new Lab()
  const subscribers = [
    { id: 'sip:bob@localhost', password: 'secret', permissions },
    { id: 'sip:nopass@localhost', permissions },
  ]
  await lab.serve(['localhost'], [createProxy('proxy', { authenticate: ['SHA-256', 'MD5'] }), createHss('hss', { subscribers })])
  const wire = await Wire.at(lab, '10.0.5.1')
  let count = 0
  return {
    ask: async (method, name, lines) => {
      wire.clear()
      const aor = `sip:${name}@localhost`
      const uri = method === 'REGISTER' ? 'sip:localhost' : aor
      const callId = `call-${++count}`
      wire.send(
        requestText(method, uri, { from: aor, to: aor, branch: `z9hG4bK-${count}`, via: '10.0.9.9;rport', callId, lines }),
      )
      await lab.clock.advance(1000)
      return wire.responses.findLast((response) => response.status >= 200 && response.callId === callId)!
    },
  }
}

/** What a scanner could tell one answer from another by. */
function shape(response: SipResponse, name: string): string {
  return response
    .toString()
    .replaceAll(name, 'NAME')
    .replace(/nonce="[^"]*"/g, 'nonce')
    .replace(/;tag=[\w-]+/g, '')
    .replace(/(branch=z9hG4bK|Call-ID: call)-\d+/g, '$1')
}

for (const method of ['REGISTER', 'MESSAGE', 'INVITE', 'OPTIONS', 'SUBSCRIBE'])
  test(`${method}: who exists, who does not, and who has no password look alike`, async (t) => {
    const { ask } = await scene()
    const field = method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization'
    const asking = method === 'REGISTER' ? 'WWW-Authenticate' : 'Proxy-Authenticate'
    const contact = 'Contact: <sip:x@10.0.5.1>'
    const seen: string[][] = []
    for (const name of ['bob', 'nobody', 'nopass', '100', '%00']) {
      const first = await ask(method, name, [contact])
      const guesses = [first]
      for (const challenge of first.texts(asking)) {
        const guess = answerChallenge([challenge], { user: name, password: 'guess' }, method, 'sip:localhost', 'c')
        guesses.push(await ask(method, name, [contact, `${field}: ${guess}`]))
        guesses.push(await ask(method, name, [contact, `${field}: ${guess!.replace(/nonce="[^"]*"/, 'nonce="old"')}`]))
      }
      seen.push(guesses.map((response) => shape(response, name)))
    }
    t.is(seen[0]!.length, 5)
    t.regex(seen[0]![0]!, method === 'REGISTER' ? /^SIP\/2\.0 401 / : /^SIP\/2\.0 407 /)
    for (const other of seen.slice(1)) t.deepEqual(other, seen[0]!)
  })

test('an answer counts once: the same again is told that it is stale, and does nothing', async (t) => {
  const { ask } = await scene()
  const challenge = (await ask('REGISTER', 'bob', [])).texts('WWW-Authenticate')[1]!
  const credentials = answerChallenge([challenge], user, 'REGISTER', 'sip:localhost', 'c')
  const lines = ['Contact: <sip:bob@10.0.5.1>', `Authorization: ${credentials}`]
  t.is((await ask('REGISTER', 'bob', lines)).status, 200)
  const replayed = await ask('REGISTER', 'bob', lines)
  t.is(replayed.status, 401)
  t.true(replayed.texts('WWW-Authenticate').every((text) => text.endsWith('stale=true')))
  const wrong = answerChallenge(replayed.texts('WWW-Authenticate'), { ...user, password: 'no' }, 'REGISTER', 'sip:localhost', 'c')
  const refused = await ask('REGISTER', 'bob', [lines[0]!, `Authorization: ${wrong}`])
  t.false(refused.texts('WWW-Authenticate').some((text) => text.includes('stale')))
})
