/** Presence in four partitions over two nodes: each user's presence is at one instance, whoever asks by whichever name. */
import test from 'ava'
import type { Scenario } from '../../../dialplans/flows/stage/flow.ts'
import { StageSet } from '../../../dialplans/flows/stage/stage-set.ts'
import type { Dialplan } from '../../../dialplans/network/dialplan.ts'
import { loadDialplan } from '../../../dialplans/network/load.ts'
import { SipRequest } from '../../../signalling/index.ts'
import { partitionOf } from '../../../signalling/testing.ts'
import { scan } from '../../../signalling/tools.ts'
import { overTwoNodes } from '../../support/split.ts'

const count = 4
const number = 'tel:+15550100'
const instance = `presence.p${partitionOf('bob', count)}`

const network: Scenario = {
  name: 'presence by an alias',
  settings: {
    hss: {
      subscribers: [
        { id: 'alice', password: 'alice-proxima', permissions: { discoverable: true, discoverer: true } },
        {
          id: 'bob',
          password: 'bob-proxima',
          permissions: { discoverable: true, discoverer: true },
          aliases: [number],
          friends: ['alice'],
        },
      ],
    },
  },
  run: () => Promise.resolve(),
}

function dialplan(): Dialplan {
  const loaded = loadDialplan('dialplans/default.yaml')
  if (loaded.faults !== undefined) throw new Error(loaded.faults.map(({ text }) => text).join())
  return overTwoNodes(loaded.value)
}

test('asked for by a number, a user is watched at the instance of his partition, wherever that is', async (t) => {
  t.not(partitionOf('+15550100', count), partitionOf('bob', count), 'else this shows nothing')
  const stage = new StageSet(
    { dialplan: dialplan(), mode: 'virtual', moves: true, partitions: new Map([['presence', count]]) },
    network,
  )
  await stage.open()
  const alice = await stage.ue('alice')
  const states: string[] = []
  const watch = alice.agent.subscribe(
    { to: number, event: 'presence', accept: ['application/pidf+xml'], expires: 600 },
    { notified: ({ state }) => void states.push(state), ended: (status) => void states.push(String(status)) },
  )
  await stage.until('alice is told', () => states.includes('active'))
  const contacts = (): readonly string[] =>
    stage.messages.messages.flatMap(({ bytes }) => {
      const sip = scan(Buffer.from(bytes))
      const isNotify = sip instanceof SipRequest && sip.method === 'NOTIFY' && sip.event?.value === 'presence'
      return isNotify ? [sip.contactUri!.user] : []
    })
  t.deepEqual([...new Set(contacts())], [instance])
  await stage.during(stage.move(instance, 'two'))
  const before = states.length
  watch.refresh()
  await stage.until('alice is told again', () => states.length > before)
  t.deepEqual([...new Set(contacts())], [instance])
  watch.unsubscribe()
  await stage.until('it is over', () => states.at(-1) === '200')
  await stage.close()
})

test('an element whose role is one for all users is not taken in partitions', (t) => {
  const partitions = new Map([['prose', 2]])
  const stage = new StageSet({ dialplan: dialplan(), mode: 'virtual', moves: true, partitions }, network)
  return t.throwsAsync(stage.open(), { message: /prose is in partitions, and an element of role prose is one for all users/ })
})
