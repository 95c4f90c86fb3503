/** Receipts of a Push server on their way (SPEC §5.5). */
import test from 'ava'
import type { PushMessage } from '../../../elements/push/push-message.ts'
import { Receipts } from '../../../elements/push/receipts.ts'
import { type Host, memoryStore, silent } from '../../../signalling/index.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'

const cpim = [
  ...['From: <sip:mallory@localhost>', 'NS: imdn <urn:ietf:params:imdn>', 'imdn.Message-ID: one'],
  ...['imdn.Disposition-Notification: processing, negative-delivery', '', 'Content-Type: text/plain', '', 'hello'],
].join('\r\n')

function messageOf(source: string, id: number): PushMessage {
  const type = 'message/cpim'
  const names = {
    id: `${id}`,
    key: `${id}`,
    callId: `${id}`,
    source,
    identifier: '0a17c5d2e8b9f604',
    subscriber: 'sip:bob@localhost',
  }
  const times = { accepted: 0, expires: 0, cseq: 1 }
  return { ...names, ...times, application: '', class: 'priority', from: '', to: '', headers: [], type, body: btoa(cpim) }
}

test('A7: receipts that a source does not take are bounded, for him and in all: what is beyond is shed and counted', async (t) => {
  const clock = new ManualClock()
  const counts = new Map<string, number>()
  const host = {
    ...{ name: 'push', clock, store: memoryStore(clock), log: silent, ids: seededIds(1), domains: ['localhost'] },
    uri: 'sip:push@localhost',
    gauge: () => undefined,
    count: (name: string) => void counts.set(name, (counts.get(name) ?? 0) + 1),
  } as unknown as Host
  let status = 480
  const receipts = new Receipts(
    host,
    async () => status,
    () => undefined,
    () => true,
  )
  for (let id = 0; id < 1002; id++) await receipts.tell(messageOf('sip:mallory@localhost', id), 'stored')
  t.is(counts.get('receipts_shed'), 2)
  await receipts.tell(messageOf('sip:alice@localhost', 5000), 'stored')
  t.is(counts.get('receipts_shed'), 2, 'another source has its own share')
  status = 202
  await clock.advance(1_200_000)
  t.is(counts.get('receipts_sent'), 1001)
  await receipts.tell(messageOf('sip:mallory@localhost', 6000), 'failed')
  t.is(counts.get('receipts_shed'), 2, 'those that were sent count no more')
  await receipts.stop()
})
