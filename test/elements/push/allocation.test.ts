/** Push identifiers that are given (SPEC §5.1): told once the feed of the HSS has brought them here. */
import test from 'ava'
import { IdentifierAllocation } from '../../../elements/push/allocation.ts'
import { type SubscriberRecord, writeBody } from '../../../elements/schemas/index.ts'
import type { Subscribers } from '../../../elements/shared/clients/subscribers.ts'
import { type Exchange, type Host, type OutgoingRequest, type SipResponse, silent } from '../../../signalling/index.ts'
import { ManualClock, seededIds } from '../../../signalling/testing.ts'
import { scan } from '../../../signalling/tools.ts'
import { requestText } from '../../support/wire.ts'

const id = '0a17c5d2e8b9f604'
const alice: SubscriberRecord = { id: 'sip:alice@localhost', permissions: { discoverable: false, discoverer: false, push: true } }

/** An allocation under way, which the HSS has answered: its record here has it when `change` is called. */
async function answered() {
  const clock = new ManualClock()
  const sent: OutgoingRequest[] = []
  const host = {
    clock,
    ids: seededIds(1),
    log: silent,
    uri: 'sip:push@localhost',
    domains: ['localhost'],
    gauge: () => undefined,
    count: () => undefined,
    send: (request: OutgoingRequest) => {
      sent.push(request)
      return Promise.resolve({ status: 202 } as SipResponse)
    },
  } as unknown as Host
  let record = alice
  const seen = { looks: 0 }
  const listeners: ((id: string) => void)[] = []
  const subscribers = {
    lookup: () => {
      seen.looks++
      return Promise.resolve(record)
    },
    onChange: (listener: (id: string) => void) => listeners.push(listener),
  } as unknown as Subscribers
  const allocation = new IdentifierAllocation({ host, subscribers, flags: '0000', hss: undefined, isChosenByHss: true })
  const given = allocation.withFirst(alice)
  await clock.settle()
  const { content, type } = writeBody('push-allocation', { device: alice.id, id })
  const lines = [`In-Reply-To: ${sent[0]!.callId}`, `Content-Type: ${type}`]
  const request = scan(Buffer.from(requestText('MESSAGE', 'sip:push@localhost', { lines, body: String(content) })))
  await allocation.handle({ request, reply: () => undefined } as unknown as Exchange)
  await clock.settle()
  return {
    clock,
    given,
    seen,
    change: () => {
      record = { ...alice, push: [{ id, state: 'active' }] }
      for (const listener of listeners) listener(alice.id)
    },
    changeOfAnother: () => {
      for (const listener of listeners) listener('sip:bob@localhost')
    },
  }
}

test('the record is looked at when it changes, and not before', async (t) => {
  const { change, changeOfAnother, clock, given, seen } = await answered()
  const { looks } = seen
  await clock.advance(2000)
  changeOfAnother()
  await clock.settle()
  t.is(seen.looks, looks)
  change()
  t.deepEqual((await given).push, [{ id, state: 'active' }])
})

test('where no news comes, the subscriber is answered after 4 s all the same', async (t) => {
  const { clock, given } = await answered()
  let isOver = false
  void given.then(() => {
    isOver = true
  })
  await clock.advance(3999)
  t.false(isOver)
  await clock.advance(1)
  t.true(isOver)
})
