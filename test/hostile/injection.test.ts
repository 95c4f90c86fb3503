/** Text that would like to become a header field: in names, URIs, parameters, bodies. It never does, here or at whom we write to. */
import test from 'ava'
import { scan } from '../../signalling/tools.ts'
import { domain, openStand, type Stand, UdpHand } from './stand.ts'

let stand: Stand
test.before(async () => {
  stand = await openStand()
})
test.after.always(() => stand.close())

/** A bare CR ends a line to some readers: refused wherever it stands. */
const breaks = [
  '\rInjected: yes',
  '\r\nInjected: yes',
  '\nInjected: yes',
  '\r\n\r\nInjected: yes',
  '\\\r\nInjected: yes',
  '%0d%0aInjected:%20yes',
  '\0\r\nInjected: yes',
]
const inBody = [
  '\r\nInjected: yes',
  '\\r\\nInjected: yes',
  '&#13;&#10;Injected: yes',
  '\\u000d\\u000aInjected: yes',
  '\u2028Injected: yes',
]

/** Every line of a header is a field or the rest of one, and no field is there that the request did not have as one. */
function wellFormed(bytes: Buffer, had: number): boolean {
  const text = bytes.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const [, ...lines] = text.slice(0, end).split(/\r\n?|\n/)
  const injected = lines.filter((line) => /^Injected/i.test(line)).length
  return end > 0 && injected <= had && lines.every((line) => /^[A-Za-z0-9-]+:|^[ \t]/.test(line))
}

const person = (name: string): string => `<${name}@${domain}>`
const vectors: readonly (readonly [what: string, method: string, uri: string, lines: readonly string[], body?: string])[] = [
  ...breaks.flatMap((text): (readonly [string, string, string, readonly string[], string?])[] => [
    [`a Contact's name ${JSON.stringify(text)}`, 'REGISTER', `sip:${domain}`, [`Contact: "x${text}" <sip:alice@127.0.0.1>`]],
    [`a Contact's user ${JSON.stringify(text)}`, 'REGISTER', `sip:${domain}`, [`Contact: <sip:alice${text}@127.0.0.1>`]],
    [
      `a Contact's parameter ${JSON.stringify(text)}`,
      'REGISTER',
      `sip:${domain}`,
      [`Contact: <sip:alice@127.0.0.1>;x="y${text}"`],
    ],
    [
      `an instance ${JSON.stringify(text)}`,
      'REGISTER',
      `sip:${domain}`,
      ['Supported: gruu', `Contact: <sip:alice@127.0.0.1>;+sip.instance="<${text}>"`],
    ],
    [`an option ${JSON.stringify(text)}`, 'REGISTER', `sip:${domain}`, [`Require: x${text}`]],
    [`Proxy-Require ${JSON.stringify(text)}`, 'MESSAGE', `sip:bob@${domain}`, [`Proxy-Require: "x${text}"`]],
    [`a Request-URI ${JSON.stringify(text)}`, 'MESSAGE', `sip:bob${text}@${domain}`, []],
    [
      `an event ${JSON.stringify(text)}`,
      'SUBSCRIBE',
      `sip:alice@${domain}`,
      [`Event: presence;id="x${text}"`, 'Contact: <sip:alice@127.0.0.1>'],
    ],
    [
      `a subscriber's Contact ${JSON.stringify(text)}`,
      'SUBSCRIBE',
      `sip:alice@${domain}`,
      ['Event: presence', `Contact: <sip:alice${text}@127.0.0.1>`],
    ],
    [
      `a tag ${JSON.stringify(text)}`,
      'SUBSCRIBE',
      `sip:alice@${domain}`,
      ['Event: presence', 'Contact: <sip:alice@127.0.0.1>', `X: x${text}`],
    ],
    [
      `an Accept ${JSON.stringify(text)}`,
      'SUBSCRIBE',
      `sip:alice@${domain}`,
      ['Event: presence', 'Contact: <sip:alice@127.0.0.1>', `Accept: x/y${text}`],
    ],
    [`a subject ${JSON.stringify(text)}`, 'MESSAGE', `sip:bob@${domain}`, [`Subject: x${text}`]],
    [
      `an identity ${JSON.stringify(text)}`,
      'MESSAGE',
      `sip:bob@${domain}`,
      [`P-Preferred-Identity: "x${text}" ${person('sip:alice')}`],
    ],
    [`an entity tag ${JSON.stringify(text)}`, 'PUBLISH', `sip:alice@${domain}`, ['Event: presence', `SIP-If-Match: x${text}`]],
  ]),
  ...inBody.flatMap((text): (readonly [string, string, string, readonly string[], string?])[] => [
    [
      `a member ${JSON.stringify(text)}`,
      'MESSAGE',
      `sip:prose@${domain}`,
      ['Content-Type: application/vnd.proxima.prose-match+json'],
      `{"${text}": 1}`,
    ],
    [
      `a code ${JSON.stringify(text)}`,
      'MESSAGE',
      `sip:prose@${domain}`,
      ['Content-Type: application/vnd.proxima.prose-match+json'],
      `{"heard":[{"code":"${text}","at":"${text}"}]}`,
    ],
    [
      `a device ${JSON.stringify(text)}`,
      'SUBSCRIBE',
      `sip:prose@${domain}`,
      ['Event: prose', 'Contact: <sip:alice@127.0.0.1>', 'Content-Type: application/vnd.proxima.prose-request+json'],
      `{"device":"${text}","roles":["${text}"]}`,
    ],
    [
      `a presence document ${JSON.stringify(text)}`,
      'PUBLISH',
      `sip:alice@${domain}`,
      ['Event: presence', 'Content-Type: application/pidf+xml'],
      `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${text}"><tuple id="${text}"><status><basic>open</basic></status></tuple></presence>`,
    ],
    [
      `a text ${JSON.stringify(text)}`,
      'MESSAGE',
      `sip:bob@${domain}`,
      ['Content-Type: text/plain'],
      `${text}\r\n\r\nInjected: yes`,
    ],
  ]),
]

test('nothing that a user writes makes a line in a header of ours', async (t) => {
  const [alice, bob] = [await UdpHand.open(stand), await UdpHand.open(stand)]
  for (const hand of [alice, bob]) t.teardown(() => hand.close())
  await alice.register('alice')
  await bob.register('bob')
  let answered = 0
  let passed = 0
  const earlier: string[] = [] // tags of vectors that may be sent to bob once more, where he was slow to answer
  for (const [what, method, uri, lines, body = ''] of vectors) {
    for (const hand of [alice, bob]) hand.raw.length = 0
    const to = method === 'REGISTER' ? `sip:alice@${domain}` : uri
    const fromTag = `${what.replace(/\W/g, '')}${earlier.length}`
    const text = alice.text(method, uri, { to, lines, body, fromTag })
    alice.send(text)
    await alice.ask('OPTIONS', `sip:${domain}`)
    if (method === 'REGISTER') await alice.askAs('alice', 'REGISTER', uri, { to, lines }).catch(() => undefined)
    const sent = scan(Buffer.from(text))
    const had = sent?.fault === undefined ? (sent?.texts('Injected').length ?? 0) : 0 // a field of its own: his to write
    for (const bytes of alice.raw) t.true(wellFormed(bytes, 0), `${what}\n${bytes.toString('latin1')}`)
    const fresh = bob.raw.filter((bytes) => !earlier.some((tag) => bytes.includes(`;tag=${tag}\r\n`)))
    for (const bytes of fresh) t.true(wellFormed(bytes, had), `${what}\n${bytes.toString('latin1')}`)
    earlier.push(fromTag)
    answered += alice.raw.length
    passed += bob.raw.length
  }
  t.true(answered > vectors.length && passed > 5, `${answered} answers, ${passed} passed on`)
  t.is(stand.count('faults_total'), 0)
})
