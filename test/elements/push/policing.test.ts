/** Policy and charging of Pushes (SPEC §5.2, §6.2): who may send, and that each Push that got a 2xx is charged once. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { audit } from '../../../dialplans/commands/charging/audit.ts'
import { createPcrf, type PcrfSettings } from '../../../elements/pcrf/index.ts'
import type { PushSettings } from '../../../elements/push/index.ts'
import type { Element, Exchange } from '../../../signalling/index.ts'
import { dora, doraId, NextServer, servers } from './next-server.ts'
import { partnerUri, peerOperators, pushPeers } from './policed.ts'
import { PushScene } from './scene.ts'

const alice = 'sip:alice@localhost'
const bobs = '0a17c5d2e8b9f604'
const application = { id: 'org.example.app', push: '0a90c5d2e8b9f604', default: ['text/*'] }
const asserting = (uri: string) => ({ asserted: false, lines: [`P-Asserted-Identity: <${uri}>`] })

/** The own proxy, and the peer behind it. */
class WayToPeer implements Element {
  readonly name = 'proxy'
  readonly claims = [{ method: 'MESSAGE' }]
  readonly isProxy = true
  readonly got: string[] = []
  /** Of its answers; undefined: it gives none. */
  status: number | undefined = 200

  start(): void {}
  handle(exchange: Exchange): void {
    this.got.push(String(exchange.request.body))
    if (this.status !== undefined) exchange.reply(this.status)
  }
}

/** A scene with a PCRF, and a folder for its records. */
async function policed(t: ExecutionContext, pcrf: PcrfSettings, push: PushSettings = {}, others: readonly Element[] = []) {
  const records = mkdtempSync(join(tmpdir(), 'proxima-push-charging-'))
  t.teardown(() => rmSync(records, { recursive: true, force: true }))
  const scene = await PushScene.open({ pcrf: 'pcrf', charge: true, applications: [application], ...push })
  const restart = async (): Promise<void> => {
    scene.others.splice(0, scene.others.length, createPcrf('pcrf', { records, ...pcrf }), ...others)
    await scene.restart()
  }
  await restart()
  /** Pushes charged to each payer, and the faults of the records. */
  const charged = async (): Promise<{ readonly [payer: string]: number }> => {
    await scene.pass(1)
    const found = audit(readdirSync(records).map((name) => join(records, name)))
    t.deepEqual(found.faults, [])
    return Object.fromEntries(found.sums.map(({ count, event, subscriber }) => [`${event} ${subscriber}`, count]))
  }
  return { scene, charged, restart }
}

test('403 policy: a source that the PCRF denies sends to nobody, and others do', async (t) => {
  const { charged, scene } = await policed(t, { rules: [{ subscribers: [alice], services: ['push'], decision: 'deny' }] })
  const phone = await scene.phone()
  await scene.register(phone)
  const refused = await scene.answer('no')
  t.is(refused.status, 403)
  t.regex(refused.text('Warning') ?? '', /policy: /)
  t.is(await scene.push('carol may', asserting('sip:0c90c5d2e8b9f604@push.localhost;user=push')), 200)
  t.is(await scene.push('an application may', asserting(`sip:${application.push}@push.localhost;user=push`)), 200)
  t.deepEqual(phone.got, ['carol may', 'an application may'])
  t.deepEqual(await charged(), {
    'push sip:carol@localhost': 1,
    [`push sip:${application.push}@push.localhost`]: 1,
  })
})

test('policy is asked last: who is blocked, or writes to nobody, hears that', async (t) => {
  const { scene } = await policed(t, { otherwise: 'deny' })
  t.is(await scene.push('x', { user: '0c17c5d2e8b9f604' }), 404)
  t.is(await scene.push('x', { user: doraId }), 404)
  t.is(await scene.push('x'), 403)
})

test('a quota counts what is let through; repeats, and what other checks refuse, take nothing of it', async (t) => {
  const { charged, scene } = await policed(t, { rules: [{ services: ['push'], quota: { count: 3 } }] })
  for (let time = 0; time < 5; time++) t.is(await scene.push('nobody', { user: '0c17c5d2e8b9f604' }), 404)
  for (let time = 0; time < 3; time++) t.is(await scene.push('one', { callId: 'one', cseq: 1 }), 202)
  t.is(await scene.push('now or never', { lines: ['Expires: 0'] }), 480)
  t.is(await scene.push('two'), 202)
  t.is(await scene.push('three'), 403)
  t.is(await scene.push('one', { callId: 'one', cseq: 1 }), 202, 'a repeat is answered as before')
  t.deepEqual(await charged(), { [`push ${alice}`]: 2 })
})

test('each Push is charged once: taken, stored, repeated, and over a crash', async (t) => {
  const { charged, restart, scene } = await policed(t, {})
  const phone = await scene.phone()
  await scene.register(phone)
  const repeated = { callId: 'taken', cseq: 1 }
  t.is(await scene.push('taken', repeated), 200)
  await restart()
  t.is(await scene.push('taken', repeated), 200, 'known over a crash')
  phone.answer = undefined
  t.is(await scene.push('stored', { callId: 'stored', cseq: 1 }), 202)
  await restart()
  t.is(await scene.push('stored', { callId: 'stored', cseq: 1 }), 202)
  phone.answer = 200
  await scene.register(phone)
  await scene.pass(60)
  t.deepEqual([...new Set(phone.got)], ['taken', 'stored'])
  t.deepEqual(await charged(), { [`push ${alice}`]: 2 })
})

test('a Push that the store cannot charge gets 500, and is charged when it comes again', async (t) => {
  const { charged, scene } = await policed(t, {})
  const phone = await scene.phone()
  await scene.register(phone)
  const same = { callId: 'same', cseq: 1 }
  scene.failing = true
  t.is(await scene.push('x', same), 500)
  scene.failing = false
  t.is(await scene.push('x', same), 200)
  t.is(await scene.push('x', same), 200)
  await scene.pass(90)
  t.deepEqual(await charged(), { [`push ${alice}`]: 1 })
})

test('receipts, and sources of other operators, are free', async (t) => {
  const { charged, restart, scene } = await policed(t, { otherwise: 'deny' }, { peers: pushPeers })
  scene.lab.peers = peerOperators
  await restart()
  const phone = await scene.phone()
  await scene.register(phone)
  const wishes = 'NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: m1\r\nimdn.Disposition-Notification: display'
  const asking = `From: <${partnerUri}>\r\n${wishes}\r\n\r\nContent-Type: text/plain\r\n\r\nhello`
  t.is(await scene.push(asking, { ...asserting(partnerUri), from: partnerUri, type: 'message/cpim' }), 200)
  const receipt = async (messageId: string): Promise<string> => {
    const imdn = `<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>${messageId}</message-id><display-notification><status><displayed/></status></display-notification></imdn>`
    const { lines } = asserting(`sip:${bobs}@push.localhost;user=push`)
    const parts = {
      asserted: false,
      type: 'message/imdn+xml',
      uri: partnerUri,
      lines: [...lines, 'Route: <sip:push@localhost;lr>'],
    }
    return (await scene.answer(imdn, parts, 20)).text('Warning') ?? ''
  }
  t.notRegex(await receipt('m1'), /policy/, 'about what he was sent')
  t.regex(await receipt('made-up'), /was not sent to its source/)
  t.deepEqual(await charged(), {})
})

test('of two servers the one that has the destination asks and charges', async (t) => {
  const next = new NextServer()
  for (const relay of ['refuse', 'store'] as const) {
    const { charged, scene } = await policed(t, { otherwise: 'deny' }, { relay, servers }, [next])
    await scene.hss.set(dora)
    next.status = 200
    t.is(await scene.push('x', { user: doraId }), 200)
    t.is(await scene.push('x'), 403)
    t.deepEqual(await charged(), {})
  }
})

test('a server that hands over to a peer asks, and charges what gets a 2xx there', async (t) => {
  const rules = [{ subscribers: ['sip:carol@localhost'], decision: 'deny' }] as const
  const way = new WayToPeer()
  const { charged, restart, scene } = await policed(t, { rules }, { peers: pushPeers }, [way])
  scene.lab.peers = peerOperators
  await restart()
  const route = 'Route: <sip:push@localhost;lr>'
  const over = (text: string, parts = {}) => scene.push(text, { uri: partnerUri, lines: [route], ...parts }, 20)
  const same = { callId: 'same', cseq: 1 }
  for (let time = 0; time < 2; time++) t.is(await over('once', same), 200)
  way.status = 202
  t.is(await over('stored there'), 202)
  way.status = 404
  t.is(await over('refused there'), 404)
  way.status = undefined
  t.is(await over('no answer'), 503)
  const { lines } = asserting('sip:0c90c5d2e8b9f604@push.localhost;user=push')
  t.is(await over('carol may not', { asserted: false, lines: [...lines, route] }), 403)
  t.deepEqual([...new Set(way.got)], ['once', 'stored there', 'refused there', 'no answer'])
  t.deepEqual(await charged(), { [`push ${alice}`]: 2 })
})

for (const [unanswered, status] of [
  ['keep', 503],
  ['allow', 202],
] as const)
  test(`a PCRF that is not there: ${status} where unanswered is ${unanswered}`, async (t) => {
    const scene = await PushScene.open({ pcrf: 'sip:nobody@192.0.2.9', unanswered })
    const answer = await scene.answer('x', {}, 20)
    t.is(answer.status, status)
    t.is(answer.text('Retry-After'), status === 503 ? '5' : undefined)
    t.is(await scene.push('x', { user: bobs, asserted: false }, 20), 202, 'nobody is asked about who is nobody')
  })
