/** Moves whose end the store refuses at first (SPEC §4): nothing of them is left in it when it takes it. */
import test from 'ava'
import { Identities } from '../../../../elements/prose/registration/identities.ts'
import { Moves } from '../../../../elements/prose/registration/moves.ts'
import { type Host, memoryStore, type Store, silent } from '../../../../signalling/index.ts'
import { ManualClock, seededIds } from '../../../../signalling/testing.ts'
import { FailingStore } from '../../../signalling/dialogs/subscriptions-scene.ts'

const device = 'sip:alice@localhost'
const former = 'sip:epuid-there@localhost'
const brought = [{ application: 'org.example.nearby', server: 'sip:as@localhost', aluid: 'sip:aluid-1@localhost' }]

function scene() {
  const store = new FailingStore(memoryStore(new ManualClock()))
  const parts = { name: 'prose', store, ids: seededIds(1), domains: ['localhost'], log: silent, clock: new ManualClock() }
  const host = { ...parts, gauge: () => undefined } as unknown as Host
  const identities = new Identities(host)
  return { store, identities, moves: new Moves(host, identities) }
}

async function keysOf(store: Store): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const [key] of store.scan('prose/')) keys.push(key)
  return keys
}

test('a move whose undoing could not be written is undone altogether the next time', async (t) => {
  const { store, identities, moves } = scene()
  const move = (await moves.begin(device, former, 'sip:prose2@localhost', brought))!
  t.is((await keysOf(store)).length, 2)
  store.failing = true
  await t.throwsAsync(moves.undo(move), { message: 'no space' })
  t.is(identities.of(device)?.epuid, move.epuid, 'still known, as the store says')
  store.failing = false
  await moves.undo(move)
  t.is(identities.of(device), undefined)
  t.deepEqual(await keysOf(store), [], 'and so it is after a restart')
})

test('another move of a device begins when the one before is over, and not beside it', async (t) => {
  const { identities, moves } = scene()
  const one = moves.begin(device, former, 'sip:prose2@localhost', brought)
  const other = moves.begin(device, 'sip:epuid-elsewhere@localhost', 'sip:prose3@localhost', [])
  t.truthy(await one)
  t.is(await other, undefined)
  const { former: known } = await moves.finish((await one)!)
  t.is(known, former)
  t.truthy(await moves.begin(device, 'sip:epuid-elsewhere@localhost', 'sip:prose3@localhost', []))
  t.is(identities.of(device)?.former, former)
})

test('an identity that could not be dropped is there, and can be', async (t) => {
  const { store, identities } = scene()
  const identity = await identities.obtain(device)
  store.failing = true
  await t.throwsAsync(identities.drop(identity))
  t.deepEqual(identities.find(identity.epuid, device), identity)
  store.failing = false
  await identities.drop(identity)
  t.is(identities.find(identity.epuid, device), undefined)
  t.deepEqual(await keysOf(store), [])
})
