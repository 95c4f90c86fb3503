/** Every branch of every flow over networks whose nodes are processes of their own, and captures that Wireshark has nothing against. */
import test, { type ExecutionContext } from 'ava'
import { loadFlows, networkOf } from '../../dialplans/flows/index.ts'
import { codeOf, granted, hears, isNear, member, watching, watchingUsers } from '../../dialplans/flows/stage/cast.ts'
import type { Scenario } from '../../dialplans/flows/stage/flow.ts'
import { ProcessNetwork } from '../interop/peers/network.ts'
import { ProcessStage, type Protocol } from '../interop/peers/stage.ts'
import { Places } from '../support/patience.ts'

interface Branch {
  readonly title: string
  readonly scenario: Scenario
  readonly file: string
  /** Name of the dialplan. */
  readonly network: string
}

const protocols: readonly Protocol[] = ['UDP', 'WS', 'TCP']
const flows = await loadFlows()

/** Most of the time goes by while timers run: branches of one network are dealt to several of its kind, which run beside each other. */
const branchesAtMost = 16

const branches = flows.flatMap(({ id, network = 'direct.yaml', scenarios }): readonly Branch[] =>
  scenarios.map((scenario) => ({ title: `${id}: ${scenario.name}`, scenario, network, file: networkOf({ network }) })),
)
const groups = new Map(
  [...Map.groupBy(branches, ({ network }) => network)].flatMap(([network, all]) => {
    const parts = Math.ceil(all.length / branchesAtMost)
    const size = Math.ceil(all.length / parts)
    return Array.from({ length: parts }, (_, part) => {
      const name = parts === 1 ? network : `${network}, part ${part + 1} of ${parts}`
      return [name, all.slice(part * size, (part + 1) * size)] as const
    })
  }),
)

test('no branch is left out', (t) => {
  const grouped = [...groups.values()].flat().map(({ title }) => title)
  const all = flows.flatMap(({ id, scenarios }) => scenarios.map(({ name }) => `${id}: ${name}`))
  t.deepEqual(grouped.toSorted(), all.toSorted())
  t.is(new Set(all).size, all.length, 'each has a name of its own')
})

/** Of each network five processes run: as many networks at a time as there are cores. */
const places = new Places()

for (const [name, group] of groups) {
  test(`${name}: ${group.length} branches`, (t) => places.within(() => playAll(t, group)))
}

async function playAll(t: ExecutionContext, group: readonly Branch[]): Promise<void> {
  const needOf = ({ settings = {}, peers = {} }: Scenario): string => JSON.stringify([settings, peers])
  const byNeed = [...Map.groupBy(group, ({ scenario }) => needOf(scenario)).values()]
  const network = await ProcessNetwork.start(group[0]!.file)
  const stages: ProcessStage[] = []
  t.teardown(async () => {
    for (const stage of stages) await stage.leave()
    await network.remove()
  })
  const played: string[] = []
  for (const alike of byNeed) {
    const { settings, peers } = alike[0]!.scenario
    await network.change(settings ?? {}, peers)
    for (const { title, scenario } of alike) {
      const protocol = protocols[played.length % protocols.length]!
      const stage = new ProcessStage(network, protocol)
      stages.push(stage)
      try {
        await scenario.run(stage)
      } catch (fault) {
        t.log(network.output.slice(-3000))
        throw new Error(`${title}: over ${protocol}: ${fault instanceof Error ? fault.message : String(fault)}`, {
          cause: fault,
        })
      }
      played.push(title)
      await stage.leave()
      if (stage.killed) await stage.until('nobody stays attached', async () => (await network.attached()) === 0)
      await network.undo()
    }
  }
  t.is(played.length, group.length)
  t.deepEqual(played.toSorted(), group.map(({ title }) => title).toSorted())
  await network.settled(t)
}

test('each node is killed in turn: what was acknowledged is there, what was asked is told, no code is given twice', (t) =>
  places.within(() => killInTurn(t)))

async function killInTurn(t: ExecutionContext): Promise<void> {
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
    await stage.until(`alice is told of both, ${name} killed`, () => isNear(near.near(), 'bob', 'carol') && users.near() === both)
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
}

test('a network whose dialplan has no nodes: its proxy in one process, all else in another', (t) =>
  places.within(async () => {
    const file = networkOf({})
    const figure = flows.find(({ network }) => network === undefined)!
    await playAll(
      t,
      figure.scenarios.map((scenario) => ({ title: `${figure.id}: ${scenario.name}`, scenario, file, network: file })),
    )
  }))
