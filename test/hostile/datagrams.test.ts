/** Fifty thousand damaged datagrams at a live node, honest traffic beside them; `npm run fuzz` sends a million and looks at memory. */
import test from 'ava'
import { dice, mutated } from '../fuzz/mutate.ts'
import { seeds } from '../fuzz/seeds.ts'
import { domain, isAlive, openStand, UdpHand } from './stand.ts'

const count = 50_000
const batch = 250 // of which no kernel drops any

test('the same node answers afterwards, nothing of ours has failed, and what is honest is served meanwhile', async (t) => {
  const stand = await openStand()
  t.teardown(() => stand.close())
  const [hostile, alice, bob] = [await UdpHand.open(stand), await UdpHand.open(stand), await UdpHand.open(stand)]
  for (const each of [hostile, alice, bob]) t.teardown(() => each.close())
  await alice.register('alice')
  await bob.register('bob')
  bob.answer(200)
  const roll = dice(5)
  let received = 0
  for (let sent = 0; sent < count; sent += batch) {
    for (let i = 0; i < batch; i++) hostile.send(mutated(seeds, roll))
    received += hostile.raw.length
    hostile.forget()
    t.is((await alice.ask('OPTIONS', `sip:${domain}`)).status, 200)
    const parts = { from: `sip:alice@${domain}`, body: 'x', lines: ['Content-Type: text/plain'] }
    let status = 503 // overload control may ask her to come again
    while (status === 503) ({ status } = await alice.ask('MESSAGE', `sip:bob@${domain}`, parts))
    t.is(status, 200)
    for (const each of [alice, bob]) each.forget()
  }
  t.true(stand.count('received_total') + stand.count('noise_total') > count * 0.9)
  t.true(received > count / 10, `${received} answers`)
  t.is(stand.count('faults_total'), 0)
  t.is(stand.count('client_transactions'), 0)
  t.true(await isAlive(stand))
})
