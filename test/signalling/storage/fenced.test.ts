/** Fenced store: an element that was let go writes nothing, and hears of nothing. */
import test from 'ava'
import { fencedStore } from '../../../signalling/storage/fenced.ts'
import { memoryStore } from '../../../signalling/storage/memory.ts'
import { ManualClock } from '../../../signalling/testing.ts'

test('a closed one takes no write and tells of no change, whenever it was asked to', async (t) => {
  const inner = memoryStore(new ManualClock())
  const { store, close } = fencedStore(inner)
  const heard: string[] = []
  store.watch('a/', ({ key }) => void heard.push(`before ${key}`))
  await store.write([{ key: 'a/1', value: 1 }])
  close()
  store.watch('a/', ({ key }) => void heard.push(`after ${key}`))
  await t.throwsAsync(store.write([{ key: 'a/2', value: 2 }]), { message: /let go/ })
  await inner.write([{ key: 'a/3', value: 3 }])
  t.deepEqual(heard, ['before a/1'])
  t.is((await inner.get('a/2'))?.value, undefined)
})

test('a watch that has ended is not kept', (t) => {
  const inner = memoryStore(new ManualClock())
  let ends = 0
  const { store, close } = fencedStore({ ...inner, watch: () => () => void ends++ })
  for (let i = 0; i < 3; i++) store.watch('a/', () => undefined)()
  t.is(ends, 3)
  close()
  t.is(ends, 3, 'none of them ends again')
})
