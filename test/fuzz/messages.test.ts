/** Whatever bytes come: scanning, reading, copying and answering never throw, and untouched bytes stay. */
import test from 'ava'
import fc from 'fast-check'
import { parseAddress } from '../../signalling/messages/address.ts'
import { buildResponse } from '../../signalling/messages/build.ts'
import { encode } from '../../signalling/messages/edit.ts'
import { SipRequest, SipResponse, stride } from '../../signalling/messages/message.ts'
import { H } from '../../signalling/messages/names.ts'
import { scan, transactionKey } from '../../signalling/messages/scan.ts'
import { canonical, parseUri, sameUri } from '../../signalling/messages/uri.ts'
import { refusal, stampedVia } from '../../signalling/transactions/stateless.ts'
import type { Flow } from '../../signalling/transports/transport.ts'
import { anyBytes, messageText, uri } from './arbitraries.ts'

const flow = { remote: { host: '10.0.9.9', port: 5060 } } as Flow

const parts = [
  'via',
  'vias',
  'callId',
  'cseq',
  'from',
  'to',
  'fromTag',
  'toTag',
  'contacts',
  'routes',
  'recordRoutes',
  'asserted',
  'expires',
  'event',
  'contentType',
  'body',
] as const

function readEverything(message: SipRequest | SipResponse): void {
  for (const part of parts) message[part] // a getter that scans
  if (message.headers.length * stride !== message.index.length) throw new Error('unread')
  for (const id of Object.values(H)) message.list(id)
  if (message instanceof SipRequest) canonical(message.uri)
}

test('reading never throws, and every offset lies within the message', (t) => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const message = scan(bytes)
      if (message === undefined) return
      readEverything(message)
      let before = 0
      for (let i = 0; i < message.index.length; i += stride) {
        const [, start, valueStart, valueEnd] = message.index.slice(i, i + stride) as [number, number, number, number]
        if (!(before <= start && start < valueStart && valueStart <= valueEnd && valueEnd <= bytes.length))
          throw new Error('offsets')
        before = valueEnd
      }
      if (!(message.headEnd <= message.bodyStart && message.bodyStart <= message.bodyEnd && message.bodyEnd <= bytes.length))
        throw new Error('body')
    }),
    { seed: 4475, numRuns: 3000 },
  )
  t.pass()
})

test('a sound message is copied byte for byte, but for what is edited', (t) => {
  let sound = 0
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const message = scan(bytes)
      if (!(message instanceof SipRequest) || message.fault !== undefined) return
      sound++
      const copy = encode(message, {})
      const ends = message.bodyStart > message.headEnd ? '' : '\r\n'
      if (
        message.has(H['Content-Length']) &&
        !copy.equals(Buffer.concat([bytes.subarray(startOf(bytes), message.bodyEnd), Buffer.from(ends)]))
      )
        throw new Error('changed')
      const forwarded = scan(
        encode(message, { top: 'Via: SIP/2.0/UDP us;branch=z9hG4bKx\r\n', maxForwards: 5, drop: [H.Route], uri: 'sip:new@host' }),
      )
      if (!(forwarded instanceof SipRequest) || forwarded.fault !== undefined)
        throw new Error(`spoilt: ${forwarded?.fault?.text}`)
      const others = (each: SipRequest): string =>
        JSON.stringify(each.headers.filter(([name]) => !/^(max-forwards|route|content-length|l)$/i.test(name)))
      if (
        others(forwarded) !==
        JSON.stringify([['Via', 'SIP/2.0/UDP us;branch=z9hG4bKx'], ...(JSON.parse(others(message)) as unknown[])])
      )
        throw new Error('header fields changed')
      if (!forwarded.body.equals(message.body)) throw new Error('body changed')
      const popped = scan(encode(forwarded, { via: 'pop' }))
      if (popped?.via?.branch !== message.via!.branch) throw new Error('Via lost')
    }),
    { seed: 3261, numRuns: 4000 },
  )
  t.true(sound > 500, `only ${sound} sound messages`)
})

function startOf(bytes: Buffer): number {
  let start = 0
  while (bytes[start] === 13 || bytes[start] === 10) start++
  return start
}

test('every request can be refused, and a sound one answered, with the transaction still to be found', (t) => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const message = scan(bytes)
      if (!(message instanceof SipRequest)) return
      if (message.fault !== undefined) {
        refusal(message, flow, message.fault, 'us', 'tag')
        return
      }
      if (![H.From, H.To].every((id) => parseAddress(message.text(id)!) !== undefined)) return // taken for nobody
      const answer = scan(
        buildResponse(message, 404, { via: stampedVia(message, flow), toTag: 'us', headers: [['Warning', 'x']] }),
      )
      if (!(answer instanceof SipResponse) || answer.fault !== undefined)
        throw new Error(`no sound answer: ${answer?.fault?.text}`)
      if (answer.via!.branch !== message.via!.branch || answer.vias.length !== message.vias.length) throw new Error('Via changed')
      if (answer.callId !== message.callId || answer.fromTag !== message.fromTag || answer.toTag === '')
        throw new Error('dialog changed')
      transactionKey(message)
    }),
    { seed: 8224, numRuns: 3000 },
  )
  t.pass()
})

test('URIs: kept as sent, equal to themselves, with one stable key', (t) => {
  fc.assert(
    fc.property(uri, uri, (a, b) => {
      const [left, right] = [parseUri(a), parseUri(b)]
      if (left === undefined) return
      if (left.text !== a || !sameUri(left, left)) throw new Error('not itself')
      const key = canonical(left)
      const again = parseUri(key)
      if (again !== undefined && canonical(again) !== key) throw new Error(`${key} is no stable key`)
      if (right !== undefined && sameUri(left, right) !== sameUri(right, left)) throw new Error('not symmetric')
    }),
    { seed: 3966, numRuns: 3000 },
  )
  t.pass()
})

test('no header value of ours makes another header field', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: 'binary' }), messageText, (reason, value, text) => {
      const request = scan(Buffer.from(text))
      if (!(request instanceof SipRequest)) return
      const before = (scan(buildResponse(request, 200, {})) as SipResponse | undefined)?.headers.length
      const answer = scan(buildResponse(request, 200, { reason, headers: [['X', value]] })) as SipResponse | undefined
      if (before !== undefined && answer?.headers.length !== before + 1) throw new Error('another field')
    }),
    { seed: 822, numRuns: 1500 },
  )
  t.pass()
})
