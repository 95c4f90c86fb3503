/** The town of `npm run bench -- signalling` in small: it counts what passes, and the same seed gives the same counts. */
import test from 'ava'
import { networkOf } from '../../dialplans/flows/index.ts'
import { loadDialplan } from '../../dialplans/network/load.ts'
import type { Count } from './signalling-counts.ts'
import { nameOf, Town } from './signalling-town.ts'

const loaded = loadDialplan(networkOf({ network: 'direct.yaml' }))
if (loaded.faults !== undefined) throw new Error('direct.yaml has faults')
const dialplan = loaded.value
const ues = 12

interface Counted {
  readonly reports: Count
  readonly onward: Count
  readonly asked: Count
  readonly notified: Count
  readonly heard: number
}

async function minute(seed: number, mode: 'all' | 'listed'): Promise<Counted> {
  const permissions = { discoverable: true, discoverer: true }
  const subscribers = Array.from({ length: ues }, (_, i) => ({ id: nameOf(i), password: nameOf(i), permissions }))
  const settings = { hss: { subscribers }, prose: { mode } }
  const town = new Town({ dialplan, settings, ues, listeners: ues, edge: 150, range: 60, refresh: 20, seed })
  await town.open()
  let heard = 0
  await town.each(ues, async ({ application }) => {
    const { status } = await application.register()
    if (status !== 200) throw new Error(String(status))
    application.watch((near) => {
      heard += near.length
    })
  })
  await town.clock.advance(5000)
  town.counts.begin()
  await town.clock.advance(60_000)
  await town.close()
  const of = (a: string, b: string, topics: readonly string[]): Count => town.counts.between(a, b, topics)
  return {
    reports: of('edge', 'ue', ['report']),
    onward: of('prose', 'edge', ['report']),
    asked: of('as', 'prose', ['proximity', 'proximity-diff']),
    notified: of('ue', 'edge', ['proximate-users']),
    heard,
  }
}

test('reports and feedback are counted where they pass, and repeat exactly', async (t) => {
  const counted = await minute(3, 'all')
  t.true(counted.reports.messages > 20)
  t.is(counted.reports.messages % 2, 0, 'each has its answer')
  t.is(counted.onward.messages, counted.reports.messages, 'each is passed on')
  t.true(counted.asked.messages > 0 && counted.notified.messages > 0 && counted.heard > 0)
  t.true(counted.notified.bodies > 0 && counted.notified.bytes > counted.notified.bodies)
  t.deepEqual(await minute(3, 'all'), counted)
  t.notDeepEqual(await minute(4, 'all'), counted)
})

test('in mode listed nobody reports whom nobody looks for', async (t) => {
  const { reports, heard } = await minute(3, 'listed')
  t.deepEqual([reports.messages, heard], [0, 0])
})
