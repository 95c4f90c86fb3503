/**
 * What holds for whatever comes: each target takes damaged input and throws where something does not hold. Nothing throws by
 * itself, untouched bytes stay, what is printed is what was read, and every answer is sound SIP.
 */
import { readFileSync } from 'node:fs'
import { checkPidf } from '../../elements/presence/pidf.ts'
import { type BodyName, faultOf, mediaType, readBody } from '../../elements/schemas/index.ts'
import { parseAddress } from '../../signalling/messages/address.ts'
import { buildResponse } from '../../signalling/messages/build.ts'
import { encode } from '../../signalling/messages/edit.ts'
import { SipRequest, SipResponse } from '../../signalling/messages/message.ts'
import { H } from '../../signalling/messages/names.ts'
import { scan } from '../../signalling/messages/scan.ts'
import { canonical, parseUri, printHostPort, sameUri } from '../../signalling/messages/uri.ts'
import { mayRepeat } from '../../signalling/transactions/amplification.ts'
import { refusal, stampedVia } from '../../signalling/transactions/stateless.ts'
import { Framer } from '../../signalling/transports/framing.ts'
import { answerStun } from '../../signalling/transports/stun.ts'
import type { Flow } from '../../signalling/transports/transport.ts'
import { loadDialplanText } from './dialplan-text.ts'
import { type Dice, mutated } from './mutate.ts'
import { seeds } from './seeds.ts'

const flow = { remote: { host: '10.0.9.9', port: 5060 }, reliable: false, trusted: false } as Flow

function holds(so: boolean, what: string): void {
  if (!so) throw new Error(what)
}

/** One input of a kind, and what holds for it. */
export interface Target {
  readonly name: string
  make(roll: Dice): Buffer
  check(bytes: Buffer, roll: Dice): void
}

function checkRequest(request: SipRequest, bytes: Buffer): void {
  const copy = scan(encode(request, { top: 'Via: SIP/2.0/UDP us;branch=z9hG4bKx\r\n', maxForwards: 5, via: viaOf(request) }))
  if (copy?.fault?.status === 513) return // it was just within a limit, and our Via was too much for the next hop
  holds(copy instanceof SipRequest && copy.fault === undefined, `forwarded unsound: ${copy?.fault?.text}`)
  holds((copy as SipRequest).body.equals(request.body), 'the body has changed')
  const named = (each: SipRequest): string =>
    JSON.stringify(each.headers.filter(([name]) => !/^(via|v|max-forwards|content-length|l)$/i.test(name)))
  holds(named(copy as SipRequest) === named(request), 'a header field has changed')
  holds((copy as SipRequest).vias.length === request.vias.length + 1, 'Vias have changed')
  if (![H.From, H.To].every((id) => parseAddress(request.text(id)!) !== undefined)) return
  const answer = scan(buildResponse(request, 404, { via: stampedVia(request, flow, () => ';oc=0'), toTag: 'us' }))
  holds(answer instanceof SipResponse && answer.fault === undefined, `an unsound answer: ${answer?.fault?.text}`)
  holds(answer!.callId === request.callId && answer!.via!.branch === request.via!.branch, 'an answer to another request')
  holds(mayRepeat(bytes, request, flow), 'its own length is too long')
}
function viaOf(request: SipRequest): { readonly text: string } | undefined {
  const text = stampedVia(request, flow)
  return text === undefined ? undefined : { text }
}

const messages: Target = {
  name: 'messages',
  make: (roll) => mutated(seeds, roll),
  check(bytes) {
    answerStun(bytes, flow.remote)
    const message = scan(bytes)
    if (message === undefined) return
    holds(message.body.length === message.bodyEnd - message.bodyStart && message.bodyEnd <= bytes.length, 'offsets')
    for (const id of Object.values(H)) message.list(id)
    for (const part of [
      'vias',
      'from',
      'to',
      'contacts',
      'routes',
      'recordRoutes',
      'asserted',
      'event',
      'contentType',
      'expires',
    ] as const)
      message[part]
    if (!(message instanceof SipRequest)) return
    canonical(message.uri)
    if (message.fault === undefined) checkRequest(message, bytes)
    else {
      const answer = refusal(message, flow, message.fault, 'us', 'tag')
      holds(answer === undefined || answer.length <= 2 * bytes.length, 'a refusal of more than twice the bytes')
      holds(answer === undefined || answer.toString('latin1').startsWith(`SIP/2.0 ${message.fault.status} `), 'no refusal')
    }
  },
}

function cut(chunks: readonly Buffer[]): string {
  const seen: string[] = []
  const sink = {
    message: (bytes: Buffer) => seen.push(bytes.toString('latin1')),
    ping: (count: number) => seen.push(...new Array<string>(count).fill('ping')),
    broken: () => seen.push('broken'),
  }
  const framer = new Framer(sink as unknown as ConstructorParameters<typeof Framer>[0], 1_000_000)
  for (const chunk of chunks) framer.push(chunk)
  return JSON.stringify(seen)
}

const streams: Target = {
  name: 'streams',
  make: (roll) =>
    Buffer.concat(Array.from({ length: 1 + roll(4) }, () => (roll(3) === 0 ? Buffer.from('\r\n\r\n') : mutated(seeds, roll)))),
  check(bytes, roll) {
    const whole = cut([bytes])
    const chunks: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + roll(roll(2) === 0 ? 3 : 200)
      chunks.push(bytes.subarray(at, at + size))
      at += size
    }
    holds(cut(chunks) === whole, 'cut otherwise in other chunks')
  },
}

const uriSeeds = [
  'sip:alice@localhost',
  'sips:bob:secret@[2001:db8::1]:5061;transport=tls;lr?subject=x&to=sip:a%40b',
  'tel:+49-(170)-1234;phone-context=+49',
  'sip:%61lice%2F;p=1@example.com:5060;user=phone;maddr=10.0.0.1',
  '"A \\"B\\" <c>" <sip:a@b;x=y>;tag=1;q="0.5"',
  'Alice <sip:alice@localhost>;expires=60;+sip.instance="<urn:uuid:1>"',
].map((text) => Buffer.from(text))

const uris: Target = {
  name: 'URIs and addresses',
  make: (roll) => mutated(uriSeeds, roll).subarray(0, 3000),
  check(bytes) {
    const text = bytes.toString()
    const uri = parseUri(text)
    if (uri !== undefined) {
      holds(uri.text === text && sameUri(uri, uri), 'a URI is not itself')
      const key = parseUri(canonical(uri))
      holds(key === undefined || canonical(key) === canonical(uri), 'a key is not stable')
      if (uri.host !== '') {
        const again = parseUri(`sip:${printHostPort(uri)}`)
        holds(again?.host === uri.host && again.port === uri.port, 'a host printed and read is another')
      }
    }
    const address = parseAddress(text)
    if (address === undefined) return
    const display = address.display.replace(/[\r\n\0]+/g, ' ').replace(/["\\]/g, '\\$&')
    const printed = parseAddress(`"${display}" <${address.uri.text}>`)
    holds(printed !== undefined && printed.uri.text === address.uri.text, `an address printed and read is another: ${text}`)
  },
}

const bodySeeds: readonly (readonly [name: BodyName, text: string])[] = [
  [
    'prose-match',
    '{"heard":[{"code":"00112233445566778899aabbccddeeff00112233445566","at":"2026-01-01T00:00:00Z","rssi":-60}],"lost":[]}',
  ],
  ['prose-request', '{"device":"sip:a@b","roles":["discoverable","discoverer"],"application":"org.example"}'],
  ['proximity-query', '{"device":"sip:a@b","peers":["sip:c@d"],"wake":true}'],
  ['subscriber', '{"id":"sip:a@b","permissions":{"discoverable":true,"discoverer":false},"aliases":["tel:+1"]}'],
]

const json: Target = {
  name: 'JSON bodies',
  make: (roll) =>
    mutated(
      bodySeeds.map(([, text]) => Buffer.from(text)),
      roll,
    ),
  check(body) {
    for (const [name] of bodySeeds) {
      const { value, fault } = readBody({ body, contentType: mediaType(name), text: () => undefined }, name)
      holds((value === undefined) !== (fault === undefined), 'neither taken nor refused')
      if (fault !== undefined) holds(fault.status >= 400 && fault.warning !== '', 'refused without a reason')
      else holds(faultOf(name, JSON.parse(JSON.stringify(value))) === undefined, 'taken once and not again')
    }
  },
}

const xmlSeeds = [
  '<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@b"><tuple id="x"><status><basic>open</basic></status><note xml:lang="en">&lt;hi&gt; &#65; <![CDATA[x]]></note></tuple></presence>',
  '<p:presence xmlns:p="urn:ietf:params:xml:ns:pidf" xmlns:d="urn:ietf:params:xml:ns:pidf:data-model" entity="pres:a@b"><d:person id="p"/><!-- c --></p:presence>',
  '<!DOCTYPE a [<!ENTITY b "c">]><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="&b;"/>',
].map((text) => Buffer.from(text))

const xml: Target = {
  name: 'XML bodies',
  make: (roll) => mutated(xmlSeeds, roll),
  check(body) {
    const checked = checkPidf(body) as object
    holds(typeof checked === 'object', 'no verdict')
    if (!('fault' in checked))
      holds(!/<!DOCTYPE/.test(String(body).replace(/<!--.*?-->|<\?.*?\?>|<!\[CDATA\[.*?]]>/gs, '')), 'a document type was taken')
  },
}

const plan = readFileSync(new URL('../../dialplans/default.yaml', import.meta.url))

const yaml: Target = {
  name: 'YAML dialplans',
  make: (roll) => mutated([plan, Buffer.from('a: &a [*a, *a]\nb: !!binary x\n<<: *a\n')], roll).subarray(0, 8000),
  check(bytes) {
    const outcome = loadDialplanText(bytes.toString())
    holds('value' in outcome === (outcome.faults === undefined), 'neither taken nor refused')
    for (const { line, text } of outcome.faults ?? []) holds(line >= 0 && text !== '', 'a fault without place or text')
  },
}

export const targets: readonly Target[] = [messages, streams, uris, json, xml, yaml]
