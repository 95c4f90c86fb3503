/**
 * Datagrams made to be slow: long runs of what a pattern might try in more than one way. None takes longer than its bytes; a
 * pattern that backtracks would not come to its end within the patience of this suite.
 */
import test from 'ava'
import { parseAddress } from '../../signalling/messages/address.ts'
import { SipRequest } from '../../signalling/messages/message.ts'
import { H } from '../../signalling/messages/names.ts'
import { scan } from '../../signalling/messages/scan.ts'
import { parseUri } from '../../signalling/messages/uri.ts'
import { refusal, stampedVia } from '../../signalling/transactions/stateless.ts'
import type { Flow } from '../../signalling/transports/transport.ts'
import { requestText } from '../support/wire.ts'

const flow = { remote: { host: '10.0.9.9', port: 5060 } } as Flow
const length = 60_000
const runs = [
  ' ',
  '\t',
  '\r\n ',
  'a',
  'O',
  '1',
  '.',
  '-',
  '_',
  'a.',
  'a-',
  '%41',
  ';',
  ';a',
  ';a=',
  '; ',
  ',',
  ',<',
  '<',
  '>',
  '"',
  '\\',
  '""',
  '\\"',
  '<"',
  '(',
  ':',
  '::',
  '[',
  '@',
  '?',
  '&a=',
  '=',
  '/',
  ';oc',
  ';rport',
  ';tag',
  'SIP/2.0 ',
  '\0',
]
const ends = ['', '\0', '!', ' x', ';rport', '"', '>', '\r\n x', '@a', ',x']
const whole = requestText('OPTIONS', 'sip:bob@localhost', {
  lines: ['Contact: <sip:a@10.0.0.1>', 'Event: presence;id=1', 'Accept: a/b', 'Route: <sip:a@b;lr>'],
})
/** Behind each of these stands what is long. */
const places = [
  'OPTIONS ',
  'sip:',
  'sip:bob@',
  'localhost',
  'Via: ',
  'UDP ',
  '10.0.9.9',
  'z9hG4bK',
  'From: ',
  ';tag=',
  'To: ',
  'Call-ID: ',
  'CSeq: ',
  'CSeq: 1 ',
  'Contact: ',
  '<sip:a@',
  'Event: ',
  'Event: presence;',
  'Accept: ',
  'Route: ',
  'Content-Length: ',
]

for (const run of runs)
  test(`a long run of ${JSON.stringify(run)} anywhere`, (t) => {
    const long = run.repeat(length / run.length)
    let judged = 0
    for (const place of places) {
      for (const end of ends) {
        const message = scan(Buffer.from(whole.replace(place, `${place}${long}${end}`)))
        judged++
        if (!(message instanceof SipRequest)) continue
        if (message.fault !== undefined) refusal(message, flow, message.fault, 'us', 'tag')
        else stampedVia(message, flow, () => ';oc=0')
        for (const id of [H.Contact, H.Route, H.Accept, H.Event, H.From, H.To]) message.list(id)
        for (const read of ['contacts', 'routes', 'event', 'vias', 'from', 'to'] as const) message[read]
      }
    }
    for (const end of ends) {
      parseUri(`sip:${long}${end}`)
      parseUri(`sip:a@${long}${end}`)
      parseAddress(`${long}${end}<sip:a@b>${long}`)
    }
    t.is(judged, places.length * ends.length)
  })
