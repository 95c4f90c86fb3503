/** What mutations start from: the corpus of RFC 4475, requests of every kind, and what has once gone wrong. */
import { readdirSync, readFileSync } from 'node:fs'
import { requestText } from '../support/wire.ts'

function files(folder: URL): readonly { readonly name: string; readonly bytes: Buffer }[] {
  return readdirSync(folder).map((name) => ({ name, bytes: readFileSync(new URL(name, folder)) }))
}

/** Inputs that once broke something; each is tried first. The name says what it was. */
export const corpus = files(new URL('corpus/', import.meta.url)).filter(({ name }) => name.endsWith('.sip'))

const contact = 'Contact: <sip:alice@10.0.9.9:5060;transport=udp>;expires=60;+sip.instance="<urn:uuid:1>";reg-id=1'
const digest =
  'Digest username="alice", realm="localhost", nonce="x", uri="sip:localhost", response="y", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"'
const match =
  '{"heard":[{"code":"00112233445566778899aabbccddeeff00112233445566","at":"2026-01-01T00:00:00Z","rssi":-60}],"lost":[]}'
const pidf =
  '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:alice@localhost"><tuple id="a"><status><basic>open</basic></status><contact priority="0.8">sip:alice@localhost</contact><note xml:lang="en">x</note></tuple></presence>'

const kinds: readonly (readonly [method: string, uri: string, lines?: readonly string[], body?: string])[] = [
  ['OPTIONS', 'sip:localhost'],
  ['REGISTER', 'sip:localhost', [contact, 'Supported: path, outbound, gruu', 'Expires: 600']],
  ['REGISTER', 'sip:localhost', ['Contact: *', 'Expires: 0', `Authorization: ${digest}`]],
  ['MESSAGE', 'sip:bob@localhost', ['Content-Type: text/plain', `Proxy-Authorization: ${digest}`], 'hello'],
  ['MESSAGE', 'sip:prose@localhost', ['Content-Type: application/vnd.proxima.prose-match+json'], match],
  ['SUBSCRIBE', 'sip:alice@localhost', [contact, 'Event: presence', 'Expires: 600', 'Accept: application/pidf+xml']],
  ['SUBSCRIBE', 'sip:prose@localhost', [contact, 'Event: prose', 'Expires: 0'], '{"roles":["discoverable","discoverer"]}'],
  [
    'SUBSCRIBE',
    'sip:prose@localhost',
    [contact, 'Event: proximity;min-rate=0.1;max-rate=2;adaptive-min-rate=0.5', 'Suppress-If-Match: *'],
  ],
  ['PUBLISH', 'sip:alice@localhost', ['Event: presence', 'Content-Type: application/pidf+xml', 'Expires: 60'], pidf],
  [
    'INVITE',
    'sip:bob@localhost',
    [contact, 'Content-Type: application/sdp', 'Record-Route: <sip:a@10.0.9.8;lr>', 'Privacy: id'],
    'v=0\r\n',
  ],
  ['NOTIFY', 'sip:proxy@localhost', ['Event: subscription-data', 'Subscription-State: active;expires=60']],
  ['BYE', 'sip:bob@localhost', ['Route: <sip:proxy.VURQfDEyNy4wLjAuMQ.abc@10.0.0.1;lr>, <sip:10.0.0.1;lr>']],
  ['OPTIONS', 'sip:bob@[2001:db8::1]:5060;transport=tcp'],
  ['CANCEL', 'sip:bob@localhost'],
  ['ACK', 'sip:bob@localhost'],
]

export const seeds: readonly Buffer[] = [
  ...files(new URL('../conformance/rfc4475/', import.meta.url)).map(({ bytes }) => bytes),
  ...kinds.map(([method, uri, lines = [], body = '']) =>
    Buffer.from(requestText(method, uri, { lines, body, to: 'sip:alice@localhost' })),
  ),
  Buffer.from(
    'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n\r\n',
  ),
  Buffer.from('000100002112a442000102030405060708090a0b', 'hex'),
  Buffer.from('\r\n\r\n'),
  ...corpus.map(({ bytes }) => bytes),
]
