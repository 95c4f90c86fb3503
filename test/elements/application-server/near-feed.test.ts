/** A feed that asks each period: which refusals end it, and after which it asks again. */
import test from 'ava'
import { NearFeed } from '../../../elements/application-server/near-feed.ts'
import { ElementNetwork } from '../../support/element-network.ts'
import { Agent } from '../../support/lab.ts'
import { sip } from '../prose/scene.ts'

async function polling(status: number) {
  const network = new ElementNetwork()
  const prose = await network.add(new Agent('prose'))
  prose.answer = (exchange) => exchange.reply(status)
  const { host } = await network.add(new Agent('as'))
  const asking = { application: 'chess', feedback: 'poll', period: 5000, gap: undefined, wake: false, listed: false } as const
  const endings: number[] = []
  const listener = { changed: () => undefined, ended: (ending: number) => void endings.push(ending) }
  const feed = new NearFeed({ ...asking, host, prose: sip('prose') }, sip('alice'), undefined, listener)
  await network.clock.advance(12_000)
  feed.stop()
  return { asked: prose.got.length, endings }
}

for (const status of [480, 481, 482, 500, 503])
  test(`${status} may pass: it asks again each period`, async (t) => {
    t.deepEqual(await polling(status), { asked: 3, endings: [] })
  })

for (const status of [400, 403, 404, 489])
  test(`${status} ends it`, async (t) => {
    t.deepEqual(await polling(status), { asked: 1, endings: [status] })
  })

test('a change of friends while the ProSe server is away is a question of its own, and no end', async (t) => {
  const network = new ElementNetwork()
  const prose = await network.add(new Agent('prose'))
  prose.answer = (exchange) => exchange.reply(503)
  const { host } = await network.add(new Agent('as'))
  const asking = { application: 'chess', feedback: 'change', period: 5000, gap: undefined, wake: false, listed: false } as const
  const endings: number[] = []
  const listener = { changed: () => undefined, ended: (ending: number) => void endings.push(ending) }
  const feed = new NearFeed({ ...asking, host, prose: sip('prose') }, sip('alice'), undefined, listener)
  await network.clock.advance(100)
  t.is(prose.got.length, 1)
  feed.lookFor([sip('bob')]) // the former question waits to be put once more
  await network.clock.advance(100)
  t.deepEqual([prose.got.length, endings], [2, []])
  feed.stop()
})
