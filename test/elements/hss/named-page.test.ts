/** Subscribers whom the address book is to name, told page by page (SPEC §6.1). */
import test from 'ava'
import type { SubscriptionData } from '../../../elements/schemas/index.ts'
import { json } from '../../support/requests.ts'
import { hssAlone, none } from './scene.ts'

test('subscribers with a directory are told in pages, those of the dialplan and those added, each once', async (t) => {
  const subscribers = ['dave', 'carol'].map((id) => ({ id, permissions: none, directory: { name: id } }))
  const { ask, hss } = await hssAlone({ subscribers: [...subscribers, { id: 'bob', permissions: none }] })
  const long = 'x'.repeat(120)
  for (let i = 0; i < 300; i++)
    await hss.set({ id: `user${i}`, permissions: none, directory: { name: `${i} ${long}`, nickname: long } })
  const names: string[] = []
  let pages = 0
  for (let after: string | undefined = ''; after !== undefined; pages++) {
    const body = json('subscription-query', { named: after === '' ? {} : { after } })
    const { subscription } = await ask('sip:prose@localhost', { expires: 0, body })
    const { records = [], next } = subscription!.last as SubscriptionData
    names.push(...records.map(({ id }) => id))
    after = next
  }
  t.true(pages > 1)
  t.is(names.length, 302)
  t.is(new Set(names).size, 302)
  t.true(names.includes('sip:carol@localhost') && !names.includes('sip:bob@localhost'))
})

test('a page is asked for once, and by elements alone', async (t) => {
  const { ask } = await hssAlone()
  const body = json('subscription-query', { named: {} })
  t.is((await ask('sip:prose@localhost', { expires: 600, body })).status, 400)
  t.is((await ask('sip:prose@localhost', { expires: 0, body: json('subscription-query', { other: 1 }) })).status, 400)
  t.is((await ask('sip:alice@localhost', { expires: 0, body })).status, 403)
})
