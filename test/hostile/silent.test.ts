/** A subscriber over UDP who never answers: what it draws is little; one who answers gets all of it, after one NOTIFY without. */
import test from 'ava'
import { SipRequest } from '../../signalling/index.ts'
import { until } from '../support/patience.ts'
import { openStand, UdpHand } from './stand.ts'

const timing = { T1: 5, T2: 20, T4: 50 }
const to = 'sip:bob@localhost'
const document = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${to}"><tuple id="t"><status><basic>open</basic></status><note>${'n'.repeat(31_000)}</note></tuple></presence>`

async function scene(t: { teardown(after: () => void): void }) {
  const stand = await openStand({ timing }, { authenticate: 'none', registration: 'optional' })
  t.teardown(() => void stand.close())
  const bob = await UdpHand.open(stand)
  t.teardown(() => bob.close())
  await bob.ask('PUBLISH', to, { from: to, lines: ['Event: presence', 'Content-Type: application/pidf+xml'], body: document })
  const watcher = await UdpHand.open(stand)
  t.teardown(() => watcher.close())
  const watch = (expires: number) =>
    watcher.ask('SUBSCRIBE', to, {
      from: 'sip:carol@localhost',
      lines: ['Event: presence', `Expires: ${expires}`, `Contact: <sip:carol@127.0.0.1:${watcher.port}>`],
    })
  return { stand, watcher, watch }
}

test('silence: a NOTIFY without state and its repetitions, until it is given up', async (t) => {
  const { stand, watcher, watch } = await scene(t)
  const held = stand.count('subscriptions_held')
  t.is((await watch(600)).status, 200)
  await watcher.until(() => watcher.requests.length > 0)
  await until('it is given up', () => stand.count('subscriptions_held') === held)
  t.true(watcher.requests.every(({ body }) => body.length === 0))
  const drawn = watcher.raw.reduce((sum, { length }) => sum + length, 0)
  t.true(drawn < 20_000, `${drawn} bytes`)
  t.is((await watch(0)).status, 200)
  await watcher.until(() => watcher.requests.some(({ body }) => body.length > 0))
  await until('nothing is under way', () => stand.count('client_transactions') === 0)
  t.is(watcher.requests.filter(({ body }) => body.length > 0).length, 1, 'a fetch is sent once')
})

test('an answer: all of it at once, and everything from then on', async (t) => {
  const { watcher, watch } = await scene(t)
  watcher.answer(200)
  t.is((await watch(600)).status, 200)
  await watcher.until(() => watcher.requests.some(({ body }) => body.length > 31_000))
  const distinct = new Map(watcher.requests.map((request) => [request.cseq.number, request] as const))
  t.deepEqual(
    [...distinct.values()].map((request) => [request.body.length > 0, request.text('Subscription-State')!.split(';')[0]]),
    [
      [false, 'active'],
      [true, 'active'],
    ],
  )
  t.true([...distinct.values()].every((each) => each instanceof SipRequest))
  t.deepEqual(
    [...distinct.keys()],
    [1, 2].map((n) => n + [...distinct.keys()][0]! - 1),
    'numbered without a gap',
  )
})
