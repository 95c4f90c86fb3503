/** Digest authentication: RFC 7616 §3.9.1 by the letter, nonces, and how clients write it. */
import test from 'ava'
import {
  algorithmOf,
  answerChallenge,
  type DigestAlgorithm,
  ha1,
  Nonces,
  parseDigest,
} from '../../../signalling/messages/auth.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'

const mufasa = { user: 'Mufasa', password: 'Circle of Life' }
const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v'
const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'

for (const [algorithm, response] of [
  ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
  ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
] as const)
  test(`RFC 7616 §3.9.1: ${algorithm}`, (t) => {
    const challenge = `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="${nonce}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
    const answer = parseDigest(answerChallenge([challenge], mufasa, 'GET', '/dir/index.html', cnonce)!)!
    t.is(answer.get('response'), response)
    t.is(answer.get('opaque'), 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS')
    t.deepEqual([answer.get('qop'), answer.get('nc'), answer.get('cnonce')], ['auth', '00000001', cnonce])
  })

test('RFC 2617 §3.5: with and without qop', (t) => {
  const base = 'realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
  const user = { user: 'Mufasa', password: 'Circle Of Life' }
  const withQop = parseDigest(answerChallenge([`Digest ${base}, qop="auth"`], user, 'GET', '/dir/index.html', '0a4f113b')!)!
  t.is(withQop.get('response'), '6629fae49393a05397450978507c4ef1')
  const without = parseDigest(answerChallenge([`Digest ${base}`], user, 'GET', '/dir/index.html', 'x')!)!
  t.is(without.get('response'), '670fd8c2df070c60b045671b8b24ff02')
  t.false(without.has('qop') || without.has('nc'))
})

test('the first challenge that we can answer is answered', (t) => {
  const unknown = 'Digest realm="r", nonce="n", algorithm=SHA-512-256'
  const answer = answerChallenge(
    ['Basic realm="r"', unknown, 'Digest realm="r", nonce="n", algorithm=md5'],
    mufasa,
    'X',
    'sip:r',
    'c',
  )
  t.is(parseDigest(answer!)!.get('algorithm'), 'MD5')
  t.is(answerChallenge(['Basic realm="r"', unknown], mufasa, 'X', 'sip:r', 'c'), undefined)
})

test('names with quotes, commas, semicolons and UTF-8 survive', (t) => {
  const user = { user: 'Jäsøn; "D", Doe', password: 'Secret' }
  const answer = parseDigest(answerChallenge(['Digest realm="a, \\"b\\"; c", nonce="n"'], user, 'X', 'sip:a;b=c,d@r', 'c')!)!
  t.is(answer.get('username'), user.user)
  t.is(answer.get('realm'), 'a, "b"; c')
  t.is(answer.get('uri'), 'sip:a;b=c,d@r')
})

interface Desk {
  readonly clock: ManualClock
  readonly nonces: Nonces
  answer(count?: number, change?: Record<string, string>): ReadonlyMap<string, string>
}

function desk(algorithm: DigestAlgorithm = 'MD5'): Desk {
  const clock = new ManualClock()
  const nonces = new Nonces(clock, seededIds(3), 60_000)
  const [challenge] = nonces.challenges('r', [algorithm], false)
  return {
    clock,
    nonces,
    answer: (count = 1, change = {}) =>
      new Map([
        ...parseDigest(answerChallenge([challenge!], mufasa, 'REGISTER', 'sip:r', 'c', count)!)!,
        ...Object.entries(change),
      ]),
  }
}

const secret = ha1('MD5', mufasa.user, 'r', mufasa.password)

test('right, wrong password, wrong method, touched parameters', (t) => {
  const { nonces, answer } = desk()
  t.is(nonces.verify(answer(), secret, 'MD5', 'REGISTER'), 'right')
  t.is(nonces.verify(answer(2), ha1('MD5', mufasa.user, 'r', 'guess'), 'MD5', 'REGISTER'), 'wrong')
  t.is(nonces.verify(answer(2), secret, 'MD5', 'INVITE'), 'wrong')
  for (const [name, value] of Object.entries({
    nc: '00000009',
    uri: 'sip:other',
    cnonce: 'd',
    qop: 'auth-int',
    nonce: 'x',
    response: '',
  }))
    t.is(nonces.verify(answer(2, { [name]: value }), secret, 'MD5', 'REGISTER'), 'wrong', name)
  t.is(nonces.verify(new Map(), secret, 'MD5', 'REGISTER'), 'wrong')
})

test('a count is used once, and rises', (t) => {
  const { nonces, answer } = desk()
  t.is(nonces.verify(answer(1), secret, 'MD5', 'REGISTER'), 'right')
  t.is(nonces.verify(answer(1), secret, 'MD5', 'REGISTER'), 'stale', 'a replay')
  t.is(nonces.verify(answer(5), secret, 'MD5', 'REGISTER'), 'right')
  t.is(nonces.verify(answer(4), secret, 'MD5', 'REGISTER'), 'stale')
  t.is(nonces.verify(answer(0x1f), secret, 'MD5', 'REGISTER'), 'right', 'counts are hexadecimal')
  t.is(nonces.size, 1)
})

test('a wrong answer uses up no count', (t) => {
  const { nonces, answer } = desk()
  t.is(nonces.verify(answer(9, { response: 'f'.repeat(32) }), secret, 'MD5', 'REGISTER'), 'wrong')
  t.is(nonces.verify(answer(1), secret, 'MD5', 'REGISTER'), 'right')
})

test('a nonce without qop is good once', (t) => {
  const { nonces } = desk()
  const bare = nonces.challenges('r', ['MD5'], false)[0]!.replace(', qop="auth"', '')
  const answer = parseDigest(answerChallenge([bare], mufasa, 'REGISTER', 'sip:r', 'c')!)!
  t.is(nonces.verify(answer, secret, 'MD5', 'REGISTER'), 'right')
  t.is(nonces.verify(answer, secret, 'MD5', 'REGISTER'), 'stale')
})

test('nonces grow old, and nobody else can make one', async (t) => {
  const { nonces, answer, clock } = desk()
  await clock.advance(60_000)
  t.is(nonces.verify(answer(1), secret, 'MD5', 'REGISTER'), 'right')
  await clock.advance(1)
  t.is(nonces.verify(answer(2), secret, 'MD5', 'REGISTER'), 'stale')
  const other = new Nonces(clock, seededIds(4), 60_000)
  const foreign = parseDigest(answerChallenge(other.challenges('r', ['MD5'], false), mufasa, 'REGISTER', 'sip:r', 'c')!)!
  t.is(nonces.verify(foreign, secret, 'MD5', 'REGISTER'), 'stale')
  for (const made of ['', 'x', '-'.repeat(40)]) {
    const answered = parseDigest(answerChallenge([`Digest realm="r", nonce="${made}"`], mufasa, 'REGISTER', 'sip:r', 'c')!)!
    t.is(nonces.verify(answered, secret, 'MD5', 'REGISTER'), 'stale', made)
  }
})

test('challenges: one an algorithm in the order given, stale when asked', (t) => {
  const { nonces } = desk()
  const both = nonces.challenges('r"x', ['SHA-256', 'MD5'], true).map((text) => parseDigest(text)!)
  t.deepEqual(
    both.map((each) => each.get('algorithm')),
    ['SHA-256', 'MD5'],
  )
  t.true(both.every((each) => each.get('stale') === 'true' && each.get('qop') === 'auth' && each.get('realm') === 'r"x'))
  t.is(both[0]!.get('nonce'), both[1]!.get('nonce'))
})

test('SHA-256 is judged as such', (t) => {
  const { nonces, answer } = desk('SHA-256')
  const a1 = ha1('SHA-256', mufasa.user, 'r', mufasa.password)
  t.is(nonces.verify(answer(1), a1, 'SHA-256', 'REGISTER'), 'right')
  t.is(nonces.verify(answer(2), a1, 'MD5', 'REGISTER'), 'wrong')
})

test('as clients write it: md5 in lower case, loose spacing, other schemes', (t) => {
  t.is(algorithmOf(parseDigest('Digest username="a",algorithm=md5')!), 'MD5')
  t.is(algorithmOf(parseDigest('digest username="a"')!), 'MD5')
  t.is(algorithmOf(parseDigest('Digest algorithm=MD5-sess')!), undefined)
  t.is(parseDigest('Digest  username = "a" ,\r\n realm="b,c"')!.get('realm'), 'b,c')
  t.is(parseDigest('Basic QWxhZGRpbg=='), undefined)
  t.is(parseDigest('Digest'), undefined)
})
