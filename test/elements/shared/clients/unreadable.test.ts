/** What cannot be read allows nothing and shows nobody, is counted, and is asked for again (fail closed, and loudly). */
import test from 'ava'
import { NearFeed, type NearFeedOptions } from '../../../../elements/application-server/near-feed.ts'
import { Policy } from '../../../../elements/shared/clients/policy.ts'
import { type Host, type SubscribeOptions, type SubscriptionListener, silent } from '../../../../signalling/index.ts'
import { ManualClock, seededIds } from '../../../../signalling/testing.ts'
import { json, requestOf } from '../../../support/requests.ts'

const sip = (name: string): string => `sip:${name}@localhost`

/** A host whose subscriptions are told what the test says. */
function scene() {
  const clock = new ManualClock()
  const asked: { readonly options: SubscribeOptions; readonly listener: SubscriptionListener; refreshes: number }[] = []
  const counts = new Map<string, number>()
  const host = {
    clock,
    ids: seededIds(1),
    log: silent,
    uri: sip('as'),
    domains: ['localhost'],
    gauge: () => undefined,
    count: (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1),
    subscribe: (options: SubscribeOptions, listener: SubscriptionListener) => {
      const one = { options, listener, refreshes: 0 }
      asked.push(one)
      return { live: true, refresh: () => void one.refreshes++, unsubscribe: () => undefined }
    },
  } as unknown as Host
  const tell = (index: number, name: string, body: object, event = 'proximity'): void => {
    const request = requestOf('NOTIFY', sip('as'), { event, body: json(name, body) })
    asked[index]!.listener.notified({ request, state: 'active', reason: undefined })
  }
  return { clock, host, asked, counts, tell }
}
const at = '2026-11-22T00:00:00.000Z'
const full = {
  version: 1,
  device: sip('alice'),
  full: true,
  added: [{ device: sip('bob'), since: at, lastHeard: at }],
  removed: [],
  refreshed: [],
}

test('who is near: nobody, until the whole list has come again', async (t) => {
  const { clock, host, asked, counts, tell } = scene()
  const asking = {
    host,
    prose: sip('prose'),
    application: 'a',
    feedback: 'change',
    period: 1000,
    gap: undefined,
    wake: false,
    listed: false,
  }
  let changes = 0
  const feed = new NearFeed(asking as NearFeedOptions, sip('alice'), undefined, {
    changed: () => changes++,
    ended: () => t.fail(),
  })
  tell(0, 'proximity-diff', full)
  t.is(feed.near.size, 1)
  tell(0, 'proximity-diff', { ...full, added: [{ device: 'not <a> device', since: at, lastHeard: at }] })
  t.deepEqual([feed.near.size, changes, counts.get('feeds_unreadable')], [0, 2, 1])
  await clock.advance(1000)
  t.is(asked[0]!.refreshes, 1)
  tell(0, 'proximity-diff', { ...full, version: 3 })
  t.is(feed.near.size, 1)
})

test('policy: a decision that cannot be read is no, and ends what goes on', async (t) => {
  const { clock, host, asked, counts, tell } = scene()
  const denied: string[] = []
  const policy = new Policy(host, {
    pcrf: sip('pcrf'),
    service: 'proximity',
    away: 'allow',
    users: () => [sip('alice')],
    uses: () => true,
    denied: (device, cause) => denied.push(`${device} ${cause}`),
  })
  policy.start()
  tell(0, 'service-policy', { version: 1, open: [] }, 'service-policy')
  const first = policy.refusal(sip('alice'))
  await clock.settle()
  tell(1, 'service-policy', { version: 1, device: sip('alice'), service: 'proximity', decision: 'allow' }, 'service-policy')
  t.is(await first, undefined)
  tell(1, 'service-policy', { version: 2, device: sip('alice'), service: 'proximity', decision: 'perhaps' }, 'service-policy')
  t.deepEqual(denied, [`${sip('alice')} policy cannot be read`])
  t.is(counts.get('feeds_unreadable'), 1)
  await clock.advance(1000)
  t.is(asked[1]!.refreshes, 1)
  tell(1, 'service-policy', { version: 3, device: sip('alice'), service: 'proximity', decision: 'allow' }, 'service-policy')
  t.is(policy.refusal(sip('alice')), undefined)
})

test('policy: which services are open cannot be read: none of them, and each device is asked about', async (t) => {
  const { clock, host, asked, tell } = scene()
  const policy = new Policy(host, {
    pcrf: sip('pcrf'),
    service: 'proximity',
    away: 'keep',
    users: () => [sip('alice')],
    uses: () => true,
    denied: () => undefined,
  })
  policy.start()
  tell(0, 'service-policy', { version: 1, open: ['proximity'] }, 'service-policy')
  t.is(policy.refusal(sip('alice')), undefined)
  tell(0, 'service-policy', { version: 2, open: 'proximity' }, 'service-policy')
  await clock.settle()
  t.is(asked.length, 2, 'about alice, who uses it')
  policy.stop()
})
