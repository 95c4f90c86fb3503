/** Receipts of a Push server (SPEC §5.5): the sender hears once that nobody gets the message any more, and not before. */
import test from 'ava'
import type { PushSettings } from '../../../elements/push/index.ts'
import { type Phone, PushScene } from './scene.ts'

const instances = ['00000000-0000-1000-8000-000a95a0e128', '00000000-0000-1000-8000-000a95a0e129'] as const

/** A message of alice waits for two devices of bob, which are away; she asks for negative receipts. */
async function waiting(settings: PushSettings = {}) {
  const scene = await PushScene.open(settings)
  const phones = [await scene.phone(), await scene.phone()] as const
  const come = (which: 0 | 1, status: number): Promise<unknown> => {
    phones[which].answer = status
    return scene.register(phones[which], { instance: instances[which] }).then(() => scene.pass(10))
  }
  for (const [i, phone] of phones.entries()) {
    await scene.register(phone, { instance: instances[i]! })
    await scene.register(phone, { instance: instances[i]!, expires: 0 })
  }
  const head = ['From: <sip:alice@localhost>', 'NS: imdn <urn:ietf:params:imdn>', 'imdn.Message-ID: m1']
  const body = [...head, 'imdn.Disposition-Notification: negative-delivery', '', 'Content-Type: text/plain', '', 'hello']
  if ((await scene.push(body.join('\r\n'), { type: 'message/cpim' })) !== 202) throw new Error('it does not wait')
  /** Receipts, and what waits for alice: one, for a receipt that is sent is stored for her. */
  const receipts = (): readonly number[] => [scene.metric('receipts_kept'), scene.server.waiting('sip:alice@localhost').length]
  return { come, phones: phones satisfies readonly Phone[], receipts, scene }
}

test('of two devices that refuse what was stored the last makes it failed, and not while another waits', async (t) => {
  const { come, receipts, scene } = await waiting()
  await come(0, 488)
  t.deepEqual(receipts(), [0, 0])
  await come(1, 606)
  t.deepEqual(receipts(), [1, 1])
  t.is(scene.metric('copies_refused_total'), 2)
})

test('of two devices one refuses and one takes it: nothing has failed', async (t) => {
  const { come, receipts } = await waiting()
  await come(0, 488)
  await come(1, 200)
  t.deepEqual(receipts(), [0, 0])
})

test('A11: what is set aside for all its devices has failed for its sender, once; retry may still deliver it', async (t) => {
  const { come, phones, receipts, scene } = await waiting({ store: { tries: 1 } })
  await come(0, 500)
  t.deepEqual(receipts(), [0, 0])
  await come(1, 500)
  t.deepEqual(receipts(), [1, 1])
  for (const phone of phones) phone.answer = 200
  t.is(await scene.server.retry('bob'), 2)
  await scene.pass(10)
  t.is(scene.metric('copies_delivered_total'), 2)
  t.deepEqual(receipts(), [1, 1])
})

test('a device whose queue is kept no more makes it failed, where no other has it', async (t) => {
  const { receipts, scene } = await waiting({ store: { queue: 60 } })
  await scene.pass(70)
  t.is(scene.metric('copies_expired_total'), 2)
  t.deepEqual(receipts(), [1, 1])
})
