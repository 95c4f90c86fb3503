/** Short-lived Push identifiers go to nobody else for 400 days (SPEC §5.1, A20), whichever way they are given. */
import test from 'ava'
import type { SubscriberSettings } from '../../../elements/schemas/index.ts'
import { hssAlone, none } from './scene.ts'

const short = { id: '0a17c5d2e8b9f604', validUntil: '2099-01-01T00:00:00Z' }
const withIt = (id: string): SubscriberSettings => ({ id, permissions: none, push: [short] })
const without = (id: string): SubscriberSettings => ({ id, permissions: none, push: [] })
const before = { subscribers: [withIt('alice'), without('bob')] }
const after = { subscribers: [without('alice'), withIt('bob')] }

test('A20: an import that takes one from a user and gives it to another is refused there', async (t) => {
  const { hss } = await hssAlone(before)
  const [taken, given] = await hss.provision(after.subscribers.map((settings) => ({ do: 'put', settings })))
  t.is(taken!.fault, undefined)
  t.is(given!.fault?.kind, 'taken')
  t.is(given!.fault?.pointer, '/push/0/id')
  const [back] = await hss.provision([{ do: 'put', settings: withIt('alice') }])
  t.is(back!.fault, undefined, 'who had it may have it again')
})

test('A20: a file that does so is refused, and nothing has changed; one that takes it away keeps it from others', async (t) => {
  const { hss } = await hssAlone(before)
  await t.throwsAsync(async () => hss.reload!(after), { message: /0a17c5d2e8b9f604 was somebody else's/ })
  t.is(hss.get('alice')?.push?.length, 1)
  await hss.reload!({ subscribers: [without('alice'), without('bob')] })
  t.is((await hss.provision([{ do: 'put', settings: withIt('bob') }]))[0]!.fault?.kind, 'taken')
})

test('whoever has one that was another’s can be changed in all else', async (t) => {
  const { hss } = await hssAlone(before)
  await hss.set(without('alice'))
  await hss.set(withIt('bob')) // by an earlier version
  const [outcome] = await hss.provision([{ do: 'patch', id: 'bob', patch: { password: 'another' } }])
  t.is(outcome!.fault, undefined)
})
