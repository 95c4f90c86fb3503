/** One MESSAGE outside a dialog is pending to one URI at a time (RFC 3428 §8, SPEC §2.3). */
import test from 'ava'
import { writeBody } from '../../../../elements/schemas/index.ts'
import { Conversations } from '../../../../elements/shared/clients/conversations.ts'
import { PendingMessages } from '../../../../elements/shared/clients/pending-messages.ts'
import { type Host, type OutgoingRequest, type SipResponse, silent } from '../../../../signalling/index.ts'
import { ManualClock, seededIds } from '../../../../signalling/testing.ts'

/** A host whose peers answer when they are told to. */
function scene() {
  const clock = new ManualClock()
  const sent: { readonly request: OutgoingRequest; readonly answer: (status: number) => void; readonly fail: () => void }[] = []
  const host = {
    clock,
    ids: seededIds(1),
    log: silent,
    uri: 'sip:as@localhost',
    gauge: () => undefined,
    send: (request: OutgoingRequest) =>
      new Promise<SipResponse>((resolve, reject) => {
        sent.push({
          request,
          answer: (status) => resolve({ status } as SipResponse),
          fail: () => reject(new Error('no way')),
        })
      }),
  } as unknown as Host
  return { clock, host, sent, to: () => sent.map(({ request }) => `${request.to} ${String(request.body?.content)}`) }
}
const body = (content: string) => ({ type: 'text/plain', content })

test('to one URI one after the other, in order; to another at once', async (t) => {
  const { clock, host, sent, to } = scene()
  const messages = new PendingMessages(host)
  const [first, , third] = ['1', '2', '3'].map((text) => messages.send({ to: 'sip:a@b', body: body(text) }))
  const other = messages.send({ to: 'sip:c@b', body: body('x') })
  await clock.settle()
  t.deepEqual(to(), ['sip:a@b 1', 'sip:c@b x'])
  sent[0]!.answer(200)
  t.is((await first)?.status, 200)
  await clock.settle()
  t.deepEqual(to().slice(2), ['sip:a@b 2'])
  sent[2]!.answer(500)
  await clock.settle()
  t.deepEqual(to().slice(3), ['sip:a@b 3'])
  sent[3]!.fail()
  await t.throwsAsync(third!, { message: 'no way' })
  sent[1]!.answer(202)
  t.is((await other)?.status, 202)
  const again = messages.send({ to: 'sip:a@b', body: body('4') })
  await clock.settle()
  sent[4]!.answer(200)
  t.is((await again)?.status, 200)
})

test('what nobody waits for any more is never sent', async (t) => {
  const { clock, host, sent, to } = scene()
  const conversations = new Conversations(host)
  const ask = (aluid: string) =>
    conversations.ask({
      to: 'sip:prose@localhost',
      body: writeBody('aluid-update', { aluid, epuid: 'sip:e@localhost', prose: 'sip:p@localhost' }),
      answer: 'aluid-update-result',
      patience: 1000,
    })
  const asked = [ask('sip:1@localhost'), ask('sip:2@localhost')]
  await clock.advance(1000)
  t.deepEqual(await Promise.all(asked), [{ status: 408 }, { status: 408 }])
  const late = ask('sip:3@localhost')
  sent[0]!.answer(408)
  await clock.settle()
  t.is(to().length, 2)
  t.true(to()[1]!.includes('sip:3@localhost'))
  sent[1]!.answer(403)
  t.deepEqual(await late, { status: 403 })
})

test('a peer that answers nobody has no endless line', async (t) => {
  const { host } = scene()
  const messages = new PendingMessages(host)
  for (let i = 0; i <= 1000; i++) void messages.send({ to: 'sip:a@b', body: body(String(i)) })
  t.is(await messages.send({ to: 'sip:a@b', body: body('one too many') }), undefined)
})
