/** The figures over networks whose nodes are processes of their own, and captures of each that Wireshark has nothing against. */
import test from 'ava'
import { codeOf, granted, hears, isNear, member, watching, watchingUsers } from '../../dialplans/flows/cast.ts'
import type { Scenario } from '../../dialplans/flows/flow.ts'
import { loadFlows, networkOf } from '../../dialplans/flows/index.ts'
import { ProcessNetwork } from './peers/network.ts'
import { ProcessStage, reachesInside } from './peers/stage.ts'

type Settings = { readonly [element: string]: object }

interface Part {
  readonly id: string
  readonly scenario: Scenario
  readonly file: string
}

const lists = 'fig-02' // has monitor lists that other figures begin without, and plays where nobody looks at them

/** Of each flow the figure itself, or the first branch that needs no hand inside a process. */
const parts = (await loadFlows()).flatMap((flow): readonly Part[] => {
  const scenario = flow.scenarios.find((one) => !reachesInside(one))
  if (scenario === undefined) return []
  const file = flow.id === lists ? 'two-prose-servers.yaml' : (flow.network ?? 'direct.yaml')
  return [{ id: flow.id, scenario, file: networkOf({ network: file }) }]
})

/** Those that get along play on one network, which has the settings of all. */
const networks = Map.groupBy(parts, ({ file, scenario }) => {
  const prose = scenario.settings?.['prose'] as { readonly mode?: string } | undefined
  const name = file.split('/').at(-1)
  return name === 'direct.yaml' ? `${name}, mode ${prose?.mode ?? 'all'}` : name
})

function merged(all: readonly (Settings | undefined)[]): Settings {
  const sum: { [element: string]: object } = {}
  for (const settings of all)
    for (const [element, changed] of Object.entries(settings ?? {})) sum[element] = { ...sum[element], ...changed }
  return sum
}

for (const [name, group] of networks) {
  test.serial(`${name}: ${group.map(({ id }) => id).join(', ')}`, async (t) => {
    const network = await ProcessNetwork.start(group[0]!.file, merged(group.map(({ scenario }) => scenario.settings)))
    const stages: ProcessStage[] = []
    t.teardown(async () => {
      for (const stage of stages) await stage.leave()
      await network.remove()
    })
    for (const [i, { id, scenario }] of group.entries()) {
      const stage = new ProcessStage(network, (['UDP', 'WS', 'TCP'] as const)[i % 3]!)
      stages.push(stage)
      try {
        await scenario.run(stage)
      } catch (fault) {
        t.log(network.output.slice(-3000))
        throw new Error(`${id}: ${fault instanceof Error ? fault.message : String(fault)}`, { cause: fault })
      }
      await stage.leave()
    }
    await network.settled(t)
  })
}

test.serial(
  'each node is killed in turn: what was acknowledged is there, what was asked is told, no code is given twice',
  async (t) => {
    const network = await ProcessNetwork.start(networkOf({ network: 'direct.yaml' }))
    const stage = new ProcessStage(network, 'UDP')
    t.teardown(async () => {
      await stage.leave()
      await network.remove()
    })
    const [alice, bob, carol] = [await member(stage, 'alice'), await member(stage, 'bob'), await member(stage, 'carol')]
    const near = await watching(stage, alice.ue, {})
    const users = await watchingUsers(stage, alice.application)
    const codes = [alice, bob, carol].map(({ ue }) => codeOf(ue))
    t.is(await hears(stage, alice.ue, bob.ue), 200)
    for (const name of network.names) {
      const kept = codeOf(bob.ue)
      t.is(await hears(stage, alice.ue, carol.ue), 200, name)
      await network.restart(name)
      const who = await alice.ue.who()
      t.true(Array.isArray(who) && isNear(who.map(({ device }) => device).sort(), 'bob', 'carol'), `${name}: both are there`)
      const both = 'sip:bob@localhost,sip:carol@localhost'
      await stage.until(
        `alice is told of both, ${name} killed`,
        () => isNear(near.near(), 'bob', 'carol') && users.near() === both,
      )
      carol.ue.endProximity()
      await stage.until(`alice is told after ${name} was killed`, () => isNear(near.near(), 'bob'))
      await stage.until(`the application tells her after ${name} was killed`, () => users.near() === 'sip:bob@localhost')
      t.is(typeof (await carol.ue.requestProximity(['discoverable', 'discoverer'])), 'object', name)
      codes.push(codeOf(carol.ue))
      t.is(codeOf(bob.ue), kept, name)
      t.deepEqual([near.ended, users.ended], [undefined, undefined], name)
    }
    codes.push(codeOf((await granted(stage, 'dave', ['discoverable'])).ue))
    t.is(new Set(codes).size, codes.length, 'each code once')
    await stage.leave()
    await network.settled(t)
  },
)
