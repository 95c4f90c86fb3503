/** name-addr and addr-spec (RFC 3261 §20.10, §25.1): what is quoted is no bracket, no comma and no parameter. */
import test from 'ava'
import { SipRequest } from '../../../signalling/index.ts'
import { parseAddress, parseAddressList } from '../../../signalling/messages/address.ts'
import { buildResponse } from '../../../signalling/messages/build.ts'
import { scan } from '../../../signalling/messages/scan.ts'
import { requestText } from '../../support/wire.ts'

const urn = '<urn:uuid:00000001-0000-4000-8000-000000000000>'

for (const [text, uri, display, parameters] of [
  [`sip:alice@h:5060;+sip.instance="${urn}"`, 'sip:alice@h:5060', '', { '+sip.instance': urn }],
  [`sip:alice@h ; reg-id=1;+sip.instance="${urn}";q=0.5`, 'sip:alice@h', '', { 'reg-id': '1', '+sip.instance': urn, q: '0.5' }],
  [`<sip:alice@h;lr>;+sip.instance="${urn}"`, 'sip:alice@h;lr', '', { '+sip.instance': urn }],
  ['"a <sip:evil@h>, \\" <b" <sip:alice@h>;tag=1', 'sip:alice@h', 'a <sip:evil@h>, " <b', { tag: '1' }],
  ['sip:alice@h;x="a;tag=2, <sip:b@h>";tag=1', 'sip:alice@h', '', { x: 'a;tag=2, <sip:b@h>', tag: '1' }],
  ['Al Ice <sip:alice@h>;x="<"', 'sip:alice@h', 'Al Ice', { x: '<' }],
] as const)
  test(`read: ${text}`, (t) => {
    const address = parseAddress(text)
    t.is(address?.uri.text, uri)
    t.is(address?.display, display)
    t.deepEqual(Object.fromEntries(address?.parameters ?? []), parameters)
    t.deepEqual(
      parseAddressList(`${text}, <sip:other@h>`)?.map((each) => each.uri.text),
      [uri, 'sip:other@h'],
    )
  })

for (const text of [
  '"<sip:alice@h>"',
  '"x" sip:alice@h',
  '"open <sip:alice@h>',
  'x "<sip:alice@h>"',
  '<sip:alice@h',
  'sip:a@h?x=1',
])
  test(`no address: ${text}`, (t) => {
    t.is(parseAddress(text), undefined)
  })

for (const [to, tagged] of [
  ['<sip:bob@h>;x="<;tag=1>"', false],
  ['<sip:bob@h>;tag=1;x="<y>"', true],
  ['sip:bob@h;x=";tag=1"', false],
  ['"a\\";tag=1" <sip:bob@h>', false],
] as const)
  test(`an answer ${tagged ? 'keeps the tag' : 'gets a tag'}: ${to}`, (t) => {
    const request = scan(Buffer.from(requestText('OPTIONS', 'sip:bob@h').replace('To: <sip:bob@h>', `To: ${to}`)))
    t.true(request instanceof SipRequest)
    const answer = buildResponse(request as SipRequest, 200, { toTag: 'ours' }).toString()
    t.is(/^To: (.*)$/m.exec(answer)![1]!.trimEnd(), tagged ? to : `${to};tag=ours`)
  })
