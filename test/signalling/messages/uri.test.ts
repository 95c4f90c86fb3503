/** URIs: parsed as sent, compared by RFC 3261 §19.1.4 and RFC 3966 §4. */
import test from 'ava'
import { parseAddress } from '../../../signalling/messages/address.ts'
import { canonical, parseHostPort, parseUri, printHostPort, sameUri } from '../../../signalling/messages/uri.ts'

function same(a: string, b: string): boolean {
  const [left, right] = [parseUri(a), parseUri(b)]
  if (left === undefined || right === undefined) throw new Error(`no URI: ${a} ${b}`)
  if (sameUri(left, right) !== sameUri(right, left)) throw new Error(`not symmetric: ${a} ${b}`)
  return sameUri(left, right)
}

test('the examples of RFC 3261 §19.1.1 and §19.1.3 parse', (t) => {
  for (const text of [
    'sip:alice@atlanta.com',
    'sip:alice:secretword@atlanta.com;transport=tcp',
    'sips:alice@atlanta.com?subject=project%20x&priority=urgent',
    'sip:+1-212-555-1212:1234@gateway.com;user=phone',
    'sips:1212@gateway.com',
    'sip:alice@192.0.2.4',
    'sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com',
    'sip:alice;day=tuesday@atlanta.com',
    'sip:[2001:db8::10]:5070;lr',
    'sip:host:5060',
    'tel:+1-201-555-0123',
    'tel:7042;phone-context=example.com',
    'urn:service:sos',
    'sip:grüße@localhost',
    'sip:df7jal23ls0d.invalid;transport=ws',
  ]) {
    t.is(parseUri(text)?.text, text)
  }
  const uri = parseUri('sip:alice;day=tuesday:pw@[2001:DB8::10]:5070;LR;Transport=TCP?a=b')!
  t.deepEqual(
    [uri.user, uri.password, uri.host, uri.port, [...uri.parameters], uri.headers],
    [
      'alice;day=tuesday',
      'pw',
      '2001:db8::10',
      5070,
      [
        ['lr', ''],
        ['transport', 'TCP'],
      ],
      'a=b',
    ],
  )
})

test('what is no URI', (t) => {
  for (const text of [
    '',
    'sip:',
    'sip:@host',
    'sip:a@',
    'sip:a@host:',
    'sip:a@host:99999',
    'sip:a@ho st',
    'sip:a b@host',
    'sip:a@host;;',
    'sip:a@host;p=<x>',
    'sip:a%2@host',
    'sip:a%zz@host',
    'sip:a@[::1',
    'sip:a@[nonsense]',
    'sip:a@-host',
    'tel:',
    'tel:hello',
    'alice@host',
    ':x',
    `sip:${'a'.repeat(5000)}@host`,
  ]) {
    t.is(parseUri(text), undefined, text.slice(0, 40))
  }
})

test('equal by RFC 3261 §19.1.4', (t) => {
  for (const [a, b] of [
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
    ['sip:carol@chicago.com;newparam=5', 'sip:carol@chicago.com;security=on'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    ['sip:alice@atlanta.com?subject=project%20x&priority=urgent', 'sip:alice@atlanta.com?priority=urgent&subject=project%20x'],
    ['SIP:a@b', 'sip:a@B'],
    ['sip:gr%C3%BC%c3%9f@b', 'sip:grüß@b'],
  ] as const) {
    t.true(same(a, b), `${a} ${b}`)
  }
})

test('different by RFC 3261 §19.1.4', (t) => {
  for (const [a, b] of [
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:a@b', 'sips:a@b'],
    ['sip:a:x@b', 'sip:a:y@b'],
    ['sip:a:x@b', 'sip:a@b'],
    ['sip:a:@b', 'sip:a@b'],
    ['sip:a%3Bb@c', 'sip:a;b@c'],
    ['sip:a@b;security=on', 'sip:a@b;security=off'],
    ['sip:null-%00@b', 'sip:null-%00%00@b'],
    ['sip:a@b', 'tel:1'],
  ] as const) {
    t.false(same(a, b), `${a} ${b}`)
  }
})

test('telephone numbers by RFC 3966 §4', (t) => {
  t.true(same('tel:+1-201-555-0123', 'tel:+1(201)555.0123'))
  t.true(same('tel:7042;phone-context=Example.com;x=1', 'tel:7042;X=1;phone-context=example.com'))
  t.false(same('tel:+12015550123', 'tel:12015550123'))
  t.false(same('tel:7042;phone-context=example.com', 'tel:7042'))
  t.false(same('tel:7042;phone-context=a.example', 'tel:7042;phone-context=b.example'))
})

test('one device has one key, and the key is a URI again', (t) => {
  for (const [text, key] of [
    ['sip:Alice@LOCALHOST:5070;transport=ws', 'sip:Alice@localhost'],
    ['sips:%41lice@localhost', 'sip:Alice@localhost'],
    ['sip:localhost:5060', 'sip:localhost'],
    ['tel:+49-(30)-1234', 'tel:+49301234'],
    ['urn:x:y', 'urn:x:y'],
    ['sip:a%00%22b@c', 'sip:a%00%22b@c'],
    ['sip:%c3%bc%2f%ff@c', 'sip:%C3%BC%2F%FF@c'],
  ] as const) {
    t.is(canonical(parseUri(text)!), key)
    t.is(canonical(parseUri(key)!), key)
  }
})

test('host and port', (t) => {
  t.deepEqual(parseHostPort('Example.COM'), { host: 'example.com', port: 0 })
  t.deepEqual(parseHostPort('[::1]:5060'), { host: '::1', port: 5060 })
  t.deepEqual(parseHostPort('_sip._udp.example'), { host: '_sip._udp.example', port: 0 })
  for (const text of ['', ':5060', 'a:b', 'a:', '[::1]5060', '[::1]:', '::1', 'a..b', 'a/b'])
    t.is(parseHostPort(text), undefined, text)
  t.is(printHostPort({ host: '::1', port: 5060 }), '[::1]:5060')
  t.is(printHostPort({ host: 'h', port: 0 }), 'h')
})

test('addresses', (t) => {
  t.is(parseAddress('<sip:a@b>;q=0.5;+sip.instance="<urn:uuid:1>"')!.parameters.get('+sip.instance'), '<urn:uuid:1>')
  t.is(parseAddress(' "A \\\\ B" < sip:a@b > ')!.display, 'A \\ B')
  t.is(parseAddress('sip:a@b;p=1')!.uri.text, 'sip:a@b')
  for (const text of ['sip:a@b?x=y', 'sip:a@b,c', '<sip:a@b> x', '"x"<sip:a@b', '', '<>', '"x" y <sip:a@b>'])
    t.is(parseAddress(text), undefined, text)
})

test('a password holds nothing that ends an address', (t) => {
  t.is(parseUri('sip:bob:secret@localhost')?.password, 'secret')
  for (const password of ['s>ecret', '<', 'a"b', 'a b']) t.is(parseUri(`sip:bob:${password}@localhost`), undefined, password)
})
