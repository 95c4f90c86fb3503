/** Receipts that users send (SPEC §5.5, A12): of who has the message alone, each once, and no more than may be. */
import { deflateSync } from 'node:zlib'
import test from 'ava'
import { PushScene } from './scene.ts'

const bobId = '0a17c5d2e8b9f604'
const aliceId = '0b90c5d2e8b9f604'
const carolId = '0c90c5d2e8b9f604'
const uriOf = (id: string): string => `sip:${id}@push.localhost;user=push`

function asking(messageId: string, wishes = 'positive-delivery, display', from = 'alice'): string {
  return [
    ...[`From: <sip:${from}@localhost>`, 'NS: imdn <urn:ietf:params:imdn>', `imdn.Message-ID: ${messageId}`],
    ...[`imdn.Disposition-Notification: ${wishes}`, '', 'Content-Type: text/plain', '', 'hello'],
  ].join('\r\n')
}
function imdn(messageId: string, kind = 'display', status = 'displayed'): string {
  return [
    `<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>${messageId}</message-id>`,
    `<${kind}-notification><status><${status}/></status></${kind}-notification></imdn>`,
  ].join('')
}
function inCpim(xml: string, from = 'bob'): string {
  return [`From: <sip:${from}@localhost>`, '', 'Content-Type: message/imdn+xml', '', xml].join('\r\n')
}

/** Bob has a message of alice, who asks for receipts. */
async function open() {
  const scene = await PushScene.open()
  const phone = await scene.phone()
  await scene.register(phone)
  t200(await scene.push(asking('m1'), { type: 'message/cpim' }))
  const receipt = (xml: string, from = bobId, type = 'message/imdn+xml', lines: readonly string[] = []) =>
    scene.answer(xml, { user: aliceId, asserted: false, type, lines: [`P-Asserted-Identity: <${uriOf(from)}>`, ...lines] })
  return { receipt, scene }
}
function t200(status: number): void {
  if (status !== 200) throw new Error(`the message got ${status}`)
}

test('of who has the message it goes through, each kind once; a repeat gets its 200 again', async (t) => {
  const { receipt, scene } = await open()
  t.is((await receipt(imdn('m1'))).status, 202)
  t.is((await receipt(imdn('m1'))).status, 200)
  t.is((await receipt(imdn('m1', 'delivery', 'delivered'))).status, 202)
  t.is((await receipt(inCpim(imdn('m1', 'delivery', 'delivered')), bobId, 'message/cpim')).status, 200)
  t.is(scene.server.waiting('sip:alice@localhost').length, 2)
  await scene.restart()
  t.is((await receipt(imdn('m1'))).status, 200, 'over a restart too')
  t.is(scene.server.waiting('sip:alice@localhost').length, 2)
})

test('A12: forged by a third party, 403; naming an unknown message, 403; the sender gets nothing', async (t) => {
  const { receipt, scene } = await open()
  t.is((await receipt(imdn('m1'), carolId)).status, 403)
  t.is((await receipt(imdn('m1'), aliceId)).status, 403, 'nor by the sender himself')
  t.is((await receipt(imdn('m2'))).status, 403)
  t.is((await receipt(inCpim(imdn('m2')), bobId, 'message/cpim')).status, 403)
  t.is((await receipt(imdn('m1', 'display', 'displayed').replace('m1', ''))).status, 400)
  t.is(scene.server.waiting('sip:alice@localhost').length, 0)
  const { decisions } = scene.server
  t.deepEqual([...new Set(decisions.about([aliceId]).map(({ rule }) => rule))], ['receipt', 'receipt-malformed'])
})

test('a message that asks for nothing is answered by no receipt', async (t) => {
  const { receipt, scene } = await open()
  t.is(await scene.push('plain', { callId: 'no-wishes' }), 200)
  t.is((await receipt(imdn('no-wishes'))).status, 403)
})

test('deflated it is read too; what inflates without end is not', async (t) => {
  const { scene } = await open()
  const packed = (text: string): string => deflateSync(text).toString('latin1')
  const lines = [`P-Asserted-Identity: <${uriOf(bobId)}>`, 'Content-Encoding: deflate']
  const receipt = async (body: string): Promise<number> => {
    const parts = { user: aliceId, asserted: false, type: 'message/imdn+xml', bodyAs: 'latin1', lines } as const
    return (await scene.answer(body, parts)).status
  }
  t.is(await receipt(packed(imdn('m1'))), 202)
  t.is(await receipt(packed(imdn('m2'))), 403)
  t.is(await receipt(packed('x'.repeat(10_000_000))), 415)
  t.is(await receipt('nonsense'), 415)
})

test('A12: a receipt about a receipt is never sent', async (t) => {
  const { scene } = await open()
  const wishes = ['NS: imdn <urn:ietf:params:imdn>', 'imdn.Message-ID: r1', 'imdn.Disposition-Notification: processing']
  const body = ['From: <sip:bob@localhost>', ...wishes, '', 'Content-Type: message/imdn+xml', '', imdn('m1')].join('\r\n')
  const lines = [`P-Asserted-Identity: <${uriOf(bobId)}>`]
  const { status } = await scene.answer(body, { user: aliceId, asserted: false, type: 'message/cpim', lines })
  t.is(status, 202)
  await scene.pass(60)
  t.is(scene.metric('receipts_kept'), 0)
  t.is(scene.metric('messages_asking'), 1)
})

test('A12: a flood of receipts of one source: the rate holds, and later they go through', async (t) => {
  const { receipt, scene } = await open()
  const statuses = new Map<number, number>()
  for (let count = 0; count < 1000; count++) {
    const { status } = await scene.answer(
      imdn(`x${count}`),
      {
        ...{ user: aliceId, asserted: false, type: 'message/imdn+xml', lines: [`P-Asserted-Identity: <${uriOf(bobId)}>`] },
      },
      0.01,
    )
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  t.true(statuses.get(503)! > 500, JSON.stringify([...statuses]))
  const late = await receipt(imdn('m1'))
  await scene.pass(20)
  t.is((await receipt(imdn('m1'))).status, late.status === 202 ? 200 : 202)
})

const ofCarol = { asserted: false, type: 'message/cpim', lines: [`P-Asserted-Identity: <${uriOf(carolId)}>`] }

test('A12: who has a message of that name from another, himself too, tells nothing of alice’s', async (t) => {
  const { receipt, scene } = await open()
  t.is(await scene.push(asking('m1', 'display', 'carol'), { ...ofCarol, user: carolId, callId: 'to-herself' }), 202)
  t.is((await receipt(imdn('m1'), carolId)).status, 403)
  t.is(await scene.push(asking('m3', 'display', 'carol'), { ...ofCarol, callId: 'to-bob' }), 200)
  t.is((await receipt(imdn('m3'))).status, 403, 'bob has it from carol')
  t.is((await scene.answer(imdn('m3'), { ...asBob, user: carolId })).status, 202)
  t.is(scene.server.waiting('sip:alice@localhost').length, 0)
})
const asBob = { asserted: false, type: 'message/imdn+xml', lines: [`P-Asserted-Identity: <${uriOf(bobId)}>`] }

test('A12: who has no Push identifier got no Push, and tells of ordinary messages alone', async (t) => {
  const { scene } = await open()
  const asEve = {
    asserted: false,
    type: 'message/imdn+xml',
    lines: ['P-Asserted-Identity: <sip:eve@localhost>', 'Route: <sip:push@localhost;lr>'],
  }
  t.is((await scene.answer(imdn('m2'), { ...asEve, user: aliceId })).status, 403)
  t.is((await scene.answer(imdn('m1'), { ...asEve, uri: 'sip:alice@localhost' })).status, 403, 'that went to bob')
  t.is((await scene.answer(imdn('m2'), { ...asEve, uri: 'sip:alice@localhost' })).status, 202)
})

test('A12: a flood of messages that ask takes nobody’s receipts away; beyond its share they pass', async (t) => {
  const { receipt, scene } = await open()
  for (let count = 0; count < 5001; count++)
    t.is((await scene.answer(asking(`c${count}`, 'display', 'carol'), { ...ofCarol, callId: `c${count}` }, 0.05)).status, 200)
  t.is(scene.metric('messages_asking'), 5001)
  t.is((await receipt(imdn('m2'))).status, 403)
  t.is((await receipt(imdn('m1'))).status, 202)
  for (const id of ['c0', 'c5000']) t.is((await scene.answer(imdn(id), { ...asBob, user: carolId })).status, 202, id)
})

test('a message that nobody took is answered by no receipt', async (t) => {
  const scene = await PushScene.open()
  t.is(await scene.push(asking('m1'), { type: 'message/cpim', lines: ['Expires: 0'] }), 480)
  t.is(scene.metric('messages_asking'), 0)
  t.is((await scene.answer(imdn('m1'), { ...asBob, user: aliceId })).status, 403)
})

test('the rule of an application says which receipts there are (SPEC §5.4)', async (t) => {
  for (const [receipts, stored, delivered, displayed] of [
    [undefined, 1, 202, 202],
    [[], 0, 403, 403],
    [['delivery'], 0, 202, 403],
    [['processing', 'display'], 1, 403, 202],
  ] as const) {
    const application = {
      id: 'org.example.chat',
      default: ['text/plain'],
      ...(receipts === undefined ? {} : { receipts: [...receipts] }),
    }
    const scene = await PushScene.open({ applications: [application] })
    t.is(await scene.push(asking('m1', 'processing, display, positive-delivery'), { type: 'message/cpim' }), 202)
    t.is(scene.metric('receipts_kept'), stored, `${receipts}`)
    t.is((await scene.answer(imdn('m1', 'delivery', 'delivered'), { ...asBob, user: aliceId })).status, delivered, `${receipts}`)
    t.is((await scene.answer(imdn('m1'), { ...asBob, user: aliceId })).status, displayed, `${receipts}`)
  }
})
