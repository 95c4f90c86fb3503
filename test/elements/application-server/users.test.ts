/** Users that are let go and taken up again: names, friends and ends are there, and nothing stays behind (SPEC §3.5). */
import test from 'ava'
import { type ApplicationUser, Users } from '../../../elements/application-server/users.ts'
import { type Host, memoryStore, silent } from '../../../signalling/index.ts'
import { ManualClock } from '../../../signalling/testing.ts'
import { SteeredStore } from '../../support/steered-store.ts'

const [alices, bobs] = ['sip:alices-phone@localhost', 'sip:bobs-phone@localhost']

function scene() {
  const clock = new ManualClock()
  const store = new SteeredStore(memoryStore(clock))
  store.holds = false
  const host = { name: 'as', clock, store, log: silent, gauge: () => undefined } as unknown as Host
  const ended: string[] = []
  return { clock, store, ended, usersOf: () => new Users(host, (device) => void ended.push(device)) }
}

test('users are there again with names, friends, identifiers and the end of their time', async (t) => {
  const { clock, store, ended, usersOf } = scene()
  const users = usersOf()
  const alice = { device: alices, user: 'alice', names: ['tel:+1'], friends: ['bob'], until: clock.date() + 60_000 }
  const bob: ApplicationUser = { device: bobs, user: 'bob', aluid: 'sip:aluid-1@localhost' }
  await users.put(alice)
  await users.put(bob)
  await users.put({ ...bob, names: ['robert'] })
  await users.stop()
  const writes = store.writes
  await clock.advance(30_000)
  t.is(store.writes, writes)
  const later = usersOf()
  await later.load()
  t.deepEqual(later.of(alices), alice)
  t.deepEqual([...later.lookingFor('bob')], [alices])
  t.deepEqual(later.devicesOf('tel:+1'), [alices])
  t.deepEqual(later.devicesOf('robert'), [bobs])
  t.is(later.withAluid('sip:aluid-1@localhost')?.device, bobs)
  t.deepEqual([...later.devices()].sort(), [alices, bobs].sort())
  await clock.advance(31_000)
  t.deepEqual(ended, [alices], 'once, by the one that holds it now')
  t.is(later.of(alices), undefined)
  t.truthy(later.held(alices))
  await later.expel(alices)
  t.deepEqual([...later.lookingFor('bob')], [])
  await later.stop()
})

test('a user who is expelled while he is put is none, now and at the next start', async (t) => {
  const { store, usersOf } = scene()
  const users = usersOf()
  store.holds = true
  const put = users.put({ device: alices, user: 'alice' })
  const expelled = users.expel(alices)
  store.release()
  t.false(await put)
  t.true(await expelled)
  t.is(users.of(alices), undefined)
  await users.stop()
  const later = usersOf()
  await later.load()
  t.is(later.of(alices), undefined)
  await later.stop()
})
