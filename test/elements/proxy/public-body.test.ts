/** Bodies at the border (SPEC §2.6): a description is found as a part, too; what is coded does not cross; bytes stay. */
import test, { type ExecutionContext } from 'ava'
import { requestText, type Wire } from '../../support/wire.ts'
import { asPeer, OperatorsScene } from './operators-scene.ts'

const description = 'v=0\r\no=- 1 1 IN IP4 10.0.1.1\r\ns=d\xe9j\xe0\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n'
const shown = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=d\xe9j\xe0\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n'
const mixed = (part: string, head = ''): string =>
  `before\r\n--a b\r\nContent-Type: Application/SDP\r\n${head}\r\n${part}\r\n--a b\r\n\r\ntext \xff\r\n--a b--\r\nafter`
const mixedType = 'multipart/mixed; boundary="a b"'
const nested = (part: string): string => `--c\r\ncontent-type:\r\n ${mixedType}\r\n\r\n${mixed(part)}\r\n--c--\r\n`

interface Telephones {
  readonly scene: OperatorsScene
  readonly a: Wire
  readonly b: Wire
}

/** Two operators that know each other by public addresses. */
async function telephones(t: ExecutionContext): Promise<Telephones> {
  const scene = new OperatorsScene()
  t.teardown(() => scene.stop())
  const listen = (host: string, shownHost: string) => ({
    listen: [{ transport: 'MEM' as const, host, port: 5060, advertise: { host: shownHost, port: 5060 } }],
  })
  await scene.operator('north', [asPeer('south')], [], listen('10.0.0.1', '44.0.0.1'))
  await scene.operator('south', [asPeer('north')], [], listen('10.0.0.2', '44.0.0.2'))
  return { scene, a: await scene.phone('alice', 'north'), b: await scene.phone('bob', 'south') }
}

/** What bob gets, with the status that alice gets. */
async function offered({ a, b, scene }: Telephones, lines: readonly string[], body: string) {
  const contact = `Contact: <sip:alice@${a.here.host}:5060>`
  const parts = { from: 'sip:alice@north.example', via: a.here.host, callId: 'call', bodyAs: 'latin1', body } as const
  a.send(Buffer.from(requestText('INVITE', 'sip:bob@south.example', { ...parts, lines: [contact, ...lines] }), 'latin1'))
  await scene.clock.advance(1000)
  const [got] = b.requests
  return { status: a.statuses.at(-1), body: got?.body.toString('latin1'), type: got?.text('Content-Type') }
}

for (const [title, type, before, after] of [
  ['alone', 'application/sdp;x=y', description, shown],
  ['as a part of a multipart body', mixedType, mixed(description), mixed(shown)],
  ['as a part of a part', 'multipart/alternative;boundary=c', nested(description), nested(shown)],
  ['not there', 'text/plain', description, description],
] as const)
  test(`a description ${title}: its addresses do not cross, and all other bytes do`, async (t) => {
    const phones = await telephones(t)
    phones.b.onRequest = (request) => phones.b.answer(request, 486)
    t.deepEqual(await offered(phones, [`Content-Type: ${type}`], before), { status: 486, body: after, type })
  })

for (const [title, lines, body] of [
  ['a coded description', ['Content-Type: application/sdp', 'Content-Encoding: gzip'], 'packed'],
  ['a coded multipart body', [`Content-Type: ${mixedType}`, 'e: deflate'], 'packed'],
  ['a part in base64', [`Content-Type: ${mixedType}`], mixed('dj0w', 'Content-Transfer-Encoding: base64\r\n')],
  ['a multipart body without a boundary', ['Content-Type: multipart/mixed'], mixed(description)],
] as const)
  test(`${title} gets 415`, async (t) => {
    const phones = await telephones(t)
    t.like(await offered(phones, lines, body), { status: 415, body: undefined })
    t.is(phones.a.responses.at(-1)!.text('Accept-Encoding'), 'identity')
  })

for (const [title, type, before, after] of [
  ['its addresses do not cross', mixedType, mixed(description), mixed(shown)],
  ['none of it crosses that is not read', 'multipart/mixed', mixed(description), ''],
] as const)
  test(`in an answer: ${title}`, async (t) => {
    const phones = await telephones(t)
    const { b } = phones
    b.onRequest = (request) => {
      if (request.method === 'ACK') return
      const headers = [
        ['Contact', `<sip:bob@${b.here.host}:5060>`],
        ['Content-Type', type],
      ] as const
      b.answer(request, 200, { toTag: 'bobs', recordRoute: true, headers, body: Buffer.from(before, 'latin1') })
    }
    await offered(phones, [], '')
    const answer = phones.a.responses.at(-1)!
    t.is(answer.status, 200)
    t.is(answer.body.toString('latin1'), after)
  })
