/** Masking as a property: wherever a secret stands, no byte of it stays. Its letters are in no other text of a message. */
import test from 'ava'
import fc from 'fast-check'
import { masked } from '../../../signalling/capture/mask.ts'

const mask = (text: string): string => Buffer.from(masked(Buffer.from(text))).toString()
const letters = fc.string({ unit: fc.constantFrom('Z', 'Q', 'X', 'J'), minLength: 1, maxLength: 12 })
/** Letters with other text between them that is legal there. */
const withAny = (...between: string[]) =>
  fc
    .array(fc.tuple(letters, fc.constantFrom('', ...between)), { minLength: 1, maxLength: 4 })
    .map((parts) => `${parts.flat().join('')}Z`)
const inQuotes = withAny(',', ';', '=', ' ', '\\"', '\\\\', 'response=', '\\", realm=\\"', '>', '|', '%22')
const inToken = withAny('-', '.', '%3d', '=', '/', '+')
const inUri = withAny('%20', '%22', '%3D', '%2C%20', '%3E', '%3B', '=', ':')
const ofXml = withAny(' ', '&lt;', '<b>', '</b>', '\r\n', '<!-- </px:codeword> -->', '<![CDATA[</px:codeword>]]>', "'")
const ofJson = withAny(' ', '\\"', '\\\\', '\\u005a', ',', '}', ']', ':')

/** A word with some characters in another case, or percent-encoded, or escaped as in JSON. */
const spelled = (word: string, ...ways: ((character: string) => string)[]) =>
  fc
    .array(fc.nat(ways.length), { minLength: word.length, maxLength: word.length })
    .map((chosen) => [...word].map((one, i) => (ways[chosen[i]! - 1] ?? String)(one)).join(''))
const upper = (one: string) => one.toUpperCase().replace(/[ZQXJ]/, one)
const percent = (one: string) => `%${one.charCodeAt(0).toString(16)}`
const twice = (one: string) => `%25${one.charCodeAt(0).toString(16)}`
const unicode = (one: string) => `\\u00${one.charCodeAt(0).toString(16)}`
const text = (strings: TemplateStringsArray, ...parts: fc.Arbitrary<string>[]) =>
  fc.tuple(...parts).map((values) => strings.map((one, i) => one + (values[i] ?? '')).join(''))

const decoy = fc.constantFrom(
  '',
  'realm="response=", ',
  'opaque="response=", ',
  'username="a\\"b, response", ',
  'nonce=abc,',
  'username="a,\\\\",\r\n ',
  'uri="sip:a@b;c=d", ',
)
const equals = fc.constantFrom('=', ' = ', '\r\n =\r\n ')
const credentialsField = spelled('authorization', upper).chain((name) => fc.constantFrom(name, `proxy-${name}`))
const value = fc.oneof(text`"${inQuotes}"`, letters)
const fields = fc.oneof(
  text`${credentialsField}: Digest ${decoy}${spelled('response', upper)}${equals}${value}, ${decoy}nc=1`,
  text`${credentialsField}:digest ${decoy}cnonce${equals}${value}`,
  text`${credentialsField}: Digest token=${value}, ${decoy}qop=auth`,
  text`${credentialsField}: Digest ${decoy}"response"="${inQuotes}"`,
  text`${credentialsField}: Digest username="a" response=${letters}`,
  text`${credentialsField}: Digest nonce="${inQuotes}`,
  text`${credentialsField}: Digest ${letters}==`,
  text`${credentialsField}: ${inToken}`,
  text`${credentialsField}: ${letters} ${inToken}`,
  text`${credentialsField}: Bearer\r\n ${inToken}`,
  text`authentication-info: qop=auth, ${decoy}rspauth${equals}${value}`,
)
const headerName = fc.oneof(
  spelled('authorization', upper, percent, twice),
  text`${spelled('proxy-', percent)}${spelled('authorization', upper, percent)}`,
)
const pushName = fc.oneof(spelled('pn-prid', upper, percent, twice), spelled('pn-param', percent, upper))
const codeword = fc.oneof(spelled('codeword', unicode), spelled('proof', unicode))
const uris = fc.oneof(
  text`Refer-To: <sip:bob@localhost?Subject=a&${headerName}=${inUri}>`,
  text`Refer-To: <sip:bob@localhost?${headerName}=Digest response="${inQuotes.filter((one) => !/[>]/.test(one))}">`,
  text`Refer-To: sip:bob@localhost?${headerName}=${inUri}`,
  text`Refer-To: <sip:bob@localhost?Contact=%3Csip:a%3F${headerName}%3D${inUri}%3E>`,
  text`Refer-To: <sip:bob@localhost?body=%7B%22codeword%22:%22${inUri}%22%7D>`,
  text`Contact: <sip:bob@localhost;pn-provider=a;${pushName}=${inUri};ob>;expires=1`,
  text`Contact: <sip:bob@localhost;pn-provider=a;${pushName}%3d${inUri};ob>`,
  text`Contact: sip:bob@localhost; ${pushName} = "${inQuotes}"`,
  text`To: <sip:bob:${letters}@localhost>`,
)
const sips = fc.oneof(fields, uris)
const bodies = fc.oneof(
  text`{"a":"codeword","${codeword}" : "${ofJson}","b":1}`,
  text`{"${codeword}":[{"${letters}":"${ofJson}"}]}`,
  text`{"body":"{\\"${spelled('codeword')}\\":\\"${letters}\\"}"}`,
  text`<r><px:codeword>${ofXml}</px:codeword><client>a</client></r>`,
  text`<r><codeword a="${letters}" >${letters}</codeword ></r>`,
  text`<r><codeword><codeword>a</codeword>${letters}</codeword></r>`,
  text`<r><px:x px:codeword='${letters}"${letters}'/></r>`,
  text`<r><codeword><![CDATA[${letters}`,
  text`INVITE sip:a SIP/2.0\r\n${sips}\r\n`,
  text`v=0\r\nk=clear:${letters}\r\na=crypto:1 AES inline:${letters}|2^20`,
)
const message = fc.tuple(fc.array(sips, { maxLength: 4 }), bodies, fc.boolean()).map(([lines, body, early]) => {
  const others = ['Via: SIP/2.0/UDP a;branch=b', 'Subject: response="a"', 'Call-ID: a:b@c']
  const head = early ? [...lines, ...others] : [...others, ...lines]
  return `MESSAGE sip:bob@localhost SIP/2.0\r\n${head.join('\r\n')}\r\n\r\n${body}`
})

test('no byte of a secret stays, wherever it stands', (t) => {
  fc.assert(
    fc.property(message, (whole) => {
      const result = mask(whole)
      if (/[ZQXJ]/.test(result) || Buffer.byteLength(result) !== Buffer.byteLength(whole))
        throw new Error(`${JSON.stringify(whole)}\n-> ${JSON.stringify(result)}`)
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

test('what is no secret stays as it is beside one', (t) => {
  for (const [before, after] of [
    [
      'Authorization: Digest realm="x", opaque="response=", response="Z"',
      'Authorization: Digest realm="x", opaque="response=", response="*"',
    ],
    [
      'Refer-To: <sip:b@h?Subject=a&Authorization=Z%20Z&Priority=b>',
      'Refer-To: <sip:b@h?Subject=a&Authorization=*****&Priority=b>',
    ],
    ['REFER sip:b@h?%41uthorization=Z SIP/2.0', 'REFER sip:b@h?%41uthorization=* SIP/2.0'],
    ['Contact: <sip:a@b;%70n-prid=Z,Z;ob>;expires=1, <sip:c@d>', 'Contact: <sip:a@b;%70n-prid=***;ob>;expires=1, <sip:c@d>'],
    ['Contact: sip:a@b;pn-prid=Z, sip:c@d', 'Contact: sip:a@b;pn-prid=*, sip:c@d'],
    ['Authorization: Digest uri="sip:a", response="Z" , nc=1', 'Authorization: Digest uri="sip:a", response="*" , nc=1'],
    ['X: y\r\n\r\n{"codew\\u006frd":"Z","a":"b"}', 'X: y\r\n\r\n{"codew\\u006frd":"*","a":"b"}'],
    ['X: y\r\n\r\n<px:codeword>Z</px:codeword><a>b</a>', 'X: y\r\n\r\n<px:codeword>*</px:codeword><a>b</a>'],
    ['X: y\r\n\r\n<codeword/><a>b</a><proofs>c</proofs>', 'X: y\r\n\r\n<codeword/><a>b</a><proofs>c</proofs>'],
    ['WWW-Authenticate: Digest realm="a", nonce="b"', 'WWW-Authenticate: Digest realm="a", nonce="b"'],
  ] as const)
    t.is(mask(before), after)
})

test('masking takes no time that grows with the square of a message', (t) => {
  for (const odd of [
    ';pn-prid=',
    '<',
    '<codeword>',
    '<codeword',
    '\\',
    '"codeword":',
    'codeword="',
    '?authorization=',
    '%25',
    'a,',
    '"',
    '<!--',
  ])
    for (const start of ['X: y\r\n\r\n', 'Authorization: Digest ', '']) {
      const whole = start + odd.repeat(60_000 / odd.length)
      t.is(mask(whole).length, whole.length)
    }
})
