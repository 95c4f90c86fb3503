/** A Contact is whatever its user wrote: it is no key to what is somebody else's (RFC 3261 §10.3). */
import test from 'ava'
import { createPresence } from '../../../elements/presence/index.ts'
import { H } from '../../../signalling/index.ts'
import { PhonesScene } from './phones-scene.ts'

const shared = '<sip:f3k2@192.0.2.7;transport=tcp>'

test('who registers a Contact that another one has gets nothing of what is that one’s', async (t) => {
  const scene = await PhonesScene.open(t, { others: [createPresence('presence', {})] })
  const { clock } = scene
  const [first, eve, watched] = [await scene.phone('TCP'), await scene.phone('TCP'), await scene.phone('TCP')]
  t.is((await first.register('alice', shared)).status, 200)
  t.is((await watched.register('bob', '<sip:bob@192.0.2.9;transport=tcp>')).status, 200)
  const allowed = await watched.as('bob', 'PUBLISH', 'sip:bob@localhost', pidf('bob', 'closed'))
  t.is(allowed.status, 200)
  const subscribed = await first.as('alice', 'SUBSCRIBE', 'sip:alice@localhost', {
    callId: 'alices',
    lines: ['Event: presence', 'Expires: 600', `Contact: ${shared}`],
  })
  t.is(subscribed.status, 200)
  const invited = await first.as('alice', 'REFER', 'sip:bob@localhost', {
    lines: ['Refer-To: <sip:x@localhost>', `Contact: ${shared}`],
  })
  t.is(invited.status, 200)
  const refer = watched.requests.find(({ method }) => method === 'REFER')!

  t.is((await eve.register('eve', shared)).status, 200)
  first.close()
  await scene.until(() => metricOf(scene, 'connections') === 2)
  const second = await scene.phone('TCP')
  t.is((await second.register('alice', shared)).status, 200)
  t.is((await eve.register('eve', shared)).status, 200, 'she refreshes after her')
  eve.clear()
  second.clear()
  await second.as('alice', 'PUBLISH', 'sip:alice@localhost', pidf('alice', 'open'))
  await clock.advance(6000)
  await scene.until(() => second.requests.some(({ method }) => method === 'NOTIFY'))
  const back = await watched.as('bob', 'NOTIFY', 'sip:f3k2@192.0.2.7;transport=tcp', {
    to: 'sip:alice@localhost',
    toTag: refer.fromTag,
    callId: refer.callId,
    lines: [...refer.list(H['Record-Route']).map((route) => `Route: ${route}`), 'Event: refer', 'Subscription-State: active'],
  })
  t.is(back.status, 200)
  t.deepEqual(
    second.requests.map(({ method }) => method),
    ['NOTIFY', 'NOTIFY'],
  )
  t.deepEqual(eve.requests, [])
  second.close()
  await scene.until(() => metricOf(scene, 'connections') === 2)
  const gone = await watched.as('bob', 'INFO', 'sip:f3k2@192.0.2.7;transport=tcp', {
    to: 'sip:alice@localhost',
    toTag: refer.fromTag,
    callId: refer.callId,
    lines: refer.list(H['Record-Route']).map((route) => `Route: ${route}`),
  })
  t.is(gone.status, 430)
  t.deepEqual(eve.requests, [], 'nor while alice is away')
})

function pidf(name: string, basic: string) {
  const body = `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:${name}@localhost"><tuple id="a"><status><basic>${basic}</basic></status></tuple></presence>`
  return { body, lines: ['Event: presence', 'Content-Type: application/pidf+xml', 'Expires: 600'] }
}

function metricOf(scene: PhonesScene, name: string): number {
  for (const each of scene.node.metrics()) if (each.name === `proxima_${name}`) return each.value
  return 0
}
