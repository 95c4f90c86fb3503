/** Messages as clients, careless clients and attackers write them. */
import fc from 'fast-check'

const methods = fc.constantFrom(
  'INVITE',
  'ACK',
  'CANCEL',
  'BYE',
  'OPTIONS',
  'MESSAGE',
  'SUBSCRIBE',
  'NOTIFY',
  'REGISTER',
  'X-NEW',
)
const blank = fc.constantFrom('', ' ', '\t', '  ', '\r\n ', '\r\n\t ')
const word = fc.stringMatching(/^[A-Za-z0-9.!%*_+`'~-]{1,12}$/)
const anyText = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'grapheme', maxLength: 10 }), word)
const lineText = anyText.map((text) => text.replace(/[\r\n]/g, ''))

export const host = fc.oneof(
  fc.constantFrom('localhost', '10.0.0.1', '[2001:db8::1]', 'example.com', '10.0.0.1:5060', 'x.invalid'),
  fc.domain(),
)
export const user = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('alice', 'bob', 'ticker', 'hss', 'proxy', '') },
  { weight: 20, arbitrary: fc.stringMatching(/^[A-Za-z0-9!*_+'~.-]{1,12}$/) },
  lineText,
)
const uriParameter = fc.tuple(word, fc.option(word)).map(([name, value]) => (value === null ? `;${name}` : `;${name}=${value}`))

export const uri = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('sip:', 'sips:', 'SIP:'), user, host, fc.array(uriParameter, { maxLength: 3 }))
      .map(([scheme, name, place, parameters]) => `${scheme}${name === '' ? '' : `${name}@`}${place}${parameters.join('')}`),
  },
  { weight: 1, arbitrary: fc.stringMatching(/^tel:\+?[0-9().-]{1,15}$/) },
  { weight: 1, arbitrary: fc.tuple(word, lineText).map(([scheme, rest]) => `${scheme}:${rest}`) },
  { weight: 1, arbitrary: lineText },
)

const address = fc
  .tuple(fc.option(lineText), uri, fc.array(uriParameter, { maxLength: 2 }))
  .map(([name, text, parameters]) =>
    name === null ? `<${text}>${parameters.join('')}` : `"${name.replace(/["\\]/g, '\\$&')}" <${text}>${parameters.join('')}`,
  )
const via = fc
  .tuple(fc.constantFrom('UDP', 'TCP', 'WSS', 'X'), host, fc.option(word), fc.constantFrom('', ';rport', ';rport;alias'))
  .map(
    ([transport, place, branch, flags]) =>
      `SIP/2.0/${transport} ${place}${branch === null ? '' : `;branch=z9hG4bK${branch}`}${flags}`,
  )

function line(names: readonly string[], value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...names), blank, fc.oneof({ weight: 60, arbitrary: value }, lineText))
    .map(([name, space, text]) => `${name}:${space}${text}`)
}

const tag = fc.option(word).map((text) => (text === null ? '' : `;tag=${text}`))
const tagged = fc.tuple(address, tag).map(([text, end]) => text + end)

/** Header lines: the mandatory ones, each of which may be missing or malformed, and others. */
function headerLines(method: string): fc.Arbitrary<readonly string[]> {
  const mandatory = [
    line(
      ['Via', 'v', 'VIA'],
      fc.array(via, { minLength: 1, maxLength: 3 }).map((vias) => vias.join(', ')),
    ),
    line(['From', 'f'], tagged),
    line(['To', 't'], tagged),
    line(['Call-ID', 'i'], word),
    line(
      ['CSeq'],
      fc.nat({ max: 100 }).map((number) => `${number} ${method}`),
    ),
  ]
  const others = fc.oneof(
    line(['Max-Forwards'], fc.nat({ max: 300 }).map(String)),
    line(['Contact', 'm'], fc.oneof(address, fc.constant('*'))),
    line(['Route', 'Record-Route', 'P-Asserted-Identity', 'Path'], address),
    line(['Expires'], fc.constantFrom('0', '60', '3600', '99999999999', '-1')),
    line(['Event', 'o'], fc.constantFrom('tick', 'tick;max-rate=1', 'tagged;id=1', 'presence', 'subscription-data')),
    line(
      ['Authorization', 'Proxy-Authorization'],
      fc.constantFrom('Digest username="alice", realm="localhost", nonce="x", uri="sip:localhost", response="y"', 'Digest'),
    ),
    line(['Require', 'Proxy-Require', 'Supported', 'Accept'], word),
    line(['Content-Type', 'c'], fc.constantFrom('text/plain', 'application/tick+json')),
    line(['Subscription-State'], fc.constantFrom('active', 'terminated;reason=timeout')),
    line(['Suppress-If-Match'], fc.constantFrom('*', 'x')),
    fc.tuple(word, lineText).map(([name, value]) => `${name}: ${value}`),
  )
  return fc
    .tuple(fc.tuple(...mandatory.map((each) => fc.option(each, { freq: 60 }))), fc.array(others, { maxLength: 6 }))
    .map(([first, more]) => [...first.filter((each) => each !== null), ...more])
}

const body = fc.oneof(fc.constant(''), fc.string({ maxLength: 40 }), fc.constant('{"value":1}'))

export const messageText: fc.Arbitrary<string> = methods.chain((method) =>
  fc
    .tuple(
      fc.oneof(
        { weight: 9, arbitrary: fc.tuple(uri).map(([text]) => `${method} ${text} SIP/2.0`) },
        fc.constantFrom('SIP/2.0 200 OK', 'SIP/2.0 180 Ringing', `${method} sip:x SIP/9.0`, `${method}  sip:x  SIP/2.0`),
      ),
      headerLines(method),
      body,
      fc.constantFrom('right', 'right', 'right', 'right', 'none', 'none', 'less', 'less', 'more'),
      fc.constantFrom('\r\n', '\r\n', '\r\n', '\n'),
    )
    .map(([start, lines, content, length, end]) => {
      const size = Buffer.byteLength(content) + (length === 'less' ? -1 : length === 'more' ? 1 : 0)
      return [start, ...lines, ...(length === 'none' ? [] : [`Content-Length: ${size}`]), '', content].join(end)
    }),
)

/** A message with some of its bytes changed, lost, doubled or cut off. */
export const mangled: fc.Arbitrary<Buffer> = fc
  .tuple(
    messageText,
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }), fc.constantFrom('set', 'drop', 'double', 'cut')), { maxLength: 4 }),
  )
  .map(([text, changes]) => {
    let bytes = Buffer.from(text)
    for (const [where, value, change] of changes) {
      const at = bytes.length === 0 ? 0 : where % bytes.length
      if (change === 'set' && bytes.length > 0) bytes[at] = value
      else if (change === 'drop') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + (value % 8))])
      else if (change === 'double')
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - value), at), bytes.subarray(at)])
      else if (change === 'cut' && value < 128) bytes = bytes.subarray(0, at)
    }
    return bytes
  })

export const anyBytes: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 4, arbitrary: mangled },
  { weight: 3, arbitrary: messageText.map((text) => Buffer.from(text)) },
)
