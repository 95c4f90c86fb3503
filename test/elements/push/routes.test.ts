/** Routes by flag bits (SPEC §5.2): between the servers of one operator and of two, by a table held here or asked for. */
import test from 'ava'
import { networkOf } from '../../../dialplans/flows/index.ts'
import { alice, bob, carol, mary, push } from '../../../dialplans/flows/push/cast.ts'
import { StageSet } from '../../../dialplans/flows/stage/stage-set.ts'
import { loadOperators } from '../../../dialplans/network/load.ts'
import { createPushRoutes } from '../../../elements/push-routes/index.ts'
import type { PushRoutes } from '../../../elements/schemas/index.ts'
import { FlagTable } from '../../../elements/shared/identifiers/flag-table.ts'
import { SipRequest } from '../../../signalling/index.ts'
import { scan } from '../../../signalling/tools.ts'
import { ElementNetwork } from '../../support/element-network.ts'

const loaded = loadOperators(networkOf({ network: 'push-two-operators.yaml' }))
if (loaded.faults !== undefined) throw new Error('push-two-operators.yaml has faults')
const dialplan = loaded.value.map((each) => ({ ...each, nodes: [] }))

/** A stage, and the elements that requests of that method have come to since, in order. */
async function scene() {
  const stage = new StageSet({ dialplan, mode: 'virtual' }, { name: 'routes', run: async () => undefined })
  await stage.open()
  const requests = (method: string, event = '') =>
    stage.messages.messages.flatMap(({ to, bytes }) => {
      const message = scan(Buffer.from(bytes))
      const isMeant =
        message instanceof SipRequest && message.method === method && (message.text('Event') ?? '').startsWith(event)
      return isMeant ? [to.name ?? ''] : []
    })
  let seen = 0
  const hops = (): readonly string[] => {
    const all = requests('MESSAGE')
    const fresh = all.slice(seen)
    seen = all.length
    return fresh.filter((name) => name.includes('push'))
  }
  return { stage, hops, requests }
}

test('P16, P42, P43: source’s server, then that of the destination, of whichever operator, by the first hex digits', async (t) => {
  const { hops, requests, stage } = await scene()
  const [a, b, c, m] = [
    await stage.ue(alice.address),
    await stage.ue(bob.address),
    await stage.ue(carol.address),
    await stage.ue(mary.address),
  ]
  const way = async (from: typeof a, to: string): Promise<readonly string[]> => {
    t.is(await push(stage, from.agent, to), 200)
    return hops()
  }
  t.deepEqual(await way(a, alice.push), ['op-a/push'])
  t.deepEqual(await way(a, carol.push), ['op-a/push', 'op-a/push2'])
  t.deepEqual(await way(c, alice.push), ['op-a/push2', 'op-a/push'])
  t.deepEqual(await way(a, bob.push), ['op-a/push', 'op-b/push'])
  t.deepEqual(await way(a, mary.push), ['op-a/push', 'op-b/push2'], '0111 is not op-b’s first')
  t.deepEqual(await way(c, mary.push), ['op-a/push2', 'op-b/push2'])
  t.deepEqual(await way(m, carol.push), ['op-b/push2', 'op-a/push2'])
  t.deepEqual(await way(b, mary.push), ['op-b/push', 'op-b/push2'])
  t.is(requests('SUBSCRIBE', 'push-routes').length, 2, 'one standing subscription of each server of op-b')
  await stage.close()
})

test('P16: the table finds the longest bits, with 2+2 and with 12+12, as quickly among 10,000', (t) => {
  const small = new FlagTable([
    { flags: '01', server: 'sip:any@op-b.example' },
    { flags: '0111', server: 'sip:push2@op-b.example' },
  ])
  t.is(small.serverOf('4f3a9c0b12d47e58'), 'sip:any@op-b.example')
  t.is(small.serverOf('7b90e1d23c4fa586'), 'sip:push2@op-b.example')
  t.is(small.serverOf('8b90e1d23c4fa586'), undefined)
  const bits = (n: number): string => n.toString(2).padStart(24, '0')
  const large = new FlagTable(
    Array.from({ length: 10_000 }, (_, n) => ({ flags: bits(n * 1600), server: `sip:push${n}@a.example` })),
  )
  t.is(large.serverOf(`${(9999 * 1600).toString(16).padStart(6, '0')}9c0b12d47e`), 'sip:push9999@a.example')
  t.is(large.serverOf('ffffff9c0b12d47e'), undefined)
})

test('the table is told to elements alone, and anew at each change', async (t) => {
  const network = new ElementNetwork()
  const known = [{ flags: '0000', server: 'sip:push@localhost' }]
  const element = await network.add(createPushRoutes('pushroutes', { known }))
  const ask = (asserted: string) =>
    network.ask('pushroutes', 'SUBSCRIBE', 'sip:pushroutes@localhost', { asserted, event: 'push-routes', expires: 3600 })
  t.is((await ask('sip:alice@localhost')).status, 403)
  const { subscription } = await ask('sip:push@localhost')
  const first = subscription!.last as PushRoutes
  t.deepEqual(first.routes, known)
  const further = { flags: '10', server: 'sip:push@op-c.example' }
  element.reload!({ known, routes: [further] })
  await network.settle()
  const second = subscription!.last as PushRoutes
  t.deepEqual(second.routes, [further, ...known])
  t.true(second.version > first.version)
  element.reload!({ known, routes: [further] })
  await network.settle()
  t.is(subscription!.bodies.length, 2, 'nothing has changed')
})
