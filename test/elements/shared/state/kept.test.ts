/** Durable table: each discipline while the store fails or waits, ends, stops and restarts. */
import test from 'ava'
import { Kept } from '../../../../elements/shared/state/kept.ts'
import { enforceTogether, putTogether } from '../../../../elements/shared/state/kept-change.ts'
import type { Json } from '../../../../signalling/index.ts'
import { alice, bob, type Phone, prefix, keptScene as scene, stored } from './kept-scene.ts'

test('a put is durable, and then in force, with its indexes; so it is after a restart', async (t) => {
  const { kept, store, bySerial, byNumber, again } = scene()
  store.holds = true
  const put = kept.put('a/b', alice)
  t.is(kept.get('a/b'), undefined, 'not before it is durable')
  t.is(bySerial.get('s1'), undefined)
  store.release()
  t.true(await put)
  await kept.put('c', bob)
  t.is(kept.get('a/b'), alice)
  t.is(kept.size, 2)
  t.is(bySerial.get('s1'), alice)
  t.deepEqual([...byNumber.of('2')], [alice, bob])
  t.deepEqual(await stored(store), { 'a/b': alice, c: bob })
  const next = await again()
  t.deepEqual(next.kept.get('a/b'), alice)
  t.deepEqual([...next.byNumber.of('2')].map(({ owner }) => owner).sort(), ['alice', 'bob'])
  t.is(next.bySerial.get('s2'), next.kept.get('c'))
})

test('an index names what is in force alone', async (t) => {
  const { kept, bySerial, byNumber } = scene()
  await kept.put('a', alice)
  await kept.put('a', { ...alice, numbers: ['3'], serial: 's3' })
  t.is(bySerial.get('s1'), undefined)
  t.is(byNumber.of('1').size, 0)
  t.is(byNumber.of('3').size, 1)
  await kept.put('b', { ...bob, serial: 's3' })
  await kept.remove('a')
  t.is(bySerial.get('s3'), kept.get('b'), 'the other one keeps the name that it has taken')
  t.is(byNumber.of('3').size, 0)
  t.is(byNumber.size, 1)
})

test('where the store fails at a put or a remove, nothing has changed and the caller hears of it', async (t) => {
  const { kept, store, errors, byNumber } = scene()
  await kept.put('a', alice)
  store.fails = () => true
  await t.throwsAsync(kept.put('a', bob), { message: 'no space' })
  await t.throwsAsync(kept.put('b', bob), { message: 'no space' })
  await t.throwsAsync(kept.remove('a'), { message: 'no space' })
  t.is(kept.get('a'), alice)
  t.is(kept.get('b'), undefined)
  t.deepEqual([...byNumber.of('2')], [alice])
  t.deepEqual(await stored(store), { a: alice })
  t.deepEqual(errors, [], 'who hears of it says it')
  store.fails = () => false
  t.true(await kept.remove('a'))
  t.deepEqual(await stored(store), {})
})

test('what is enforced is in force at once, even where the store fails, and the log says so once', async (t) => {
  const { kept, store, errors, bySerial } = scene()
  await kept.put('a', alice)
  await kept.put('b', bob)
  store.fails = () => true
  const expelled = kept.expel('a')
  const narrowed = kept.enforce('b', { owner: 'bob' })
  t.is(kept.get('a'), undefined)
  t.is(bySerial.get('s2'), undefined)
  t.deepEqual([await expelled, await narrowed], [false, false])
  t.is(errors.length, 2)
  t.deepEqual(await stored(store), { a: alice, b: bob })
  store.fails = () => false
  t.true(await kept.expel('b'))
  t.true(await kept.expel('nobody'), 'nothing to do')
  t.deepEqual(await stored(store), { a: alice })
})

test('a put that an expel has overtaken does not come back, and says so', async (t) => {
  const { kept, store } = scene()
  store.holds = true
  const put = kept.put('a', alice)
  const expelled = kept.expel('a')
  store.release()
  t.false(await put)
  t.true(await expelled)
  t.is(kept.get('a'), undefined)
  t.deepEqual(await stored(store), {})
})

test('several tables change as one, or not at all', async (t) => {
  const { kept, store, host } = scene()
  const others = new Kept<Phone>(host, { prefix: 'shop/other/', noun: 'another' })
  await kept.put('a', alice)
  store.holds = true
  const both = putTogether(store, [kept.removing('a'), others.putting('a', alice)], [{ key: 'shop/log', value: 1 }])
  const seen: (readonly [boolean, boolean])[] = []
  both.then(() => seen.push([kept.get('a') === undefined, others.get('a') === alice]))
  t.is(store.waiting.length, 1, 'one write')
  t.is(kept.get('a'), alice)
  store.release()
  t.true(await both)
  t.deepEqual(seen, [[true, true]])
  t.is((await store.get('shop/log'))?.value, 1)
  store.fails = () => true
  await t.throwsAsync(putTogether(store, [others.removing('a'), kept.putting('a', alice)]))
  t.is(others.get('a'), alice)
  t.is(kept.get('a'), undefined)
  t.false(await enforceTogether(host, [others.removing('a'), kept.putting('a', alice)]))
  t.is(others.get('a'), undefined)
  t.is(kept.get('a'), alice)
})

test('a write that meets another version changes nothing', async (t) => {
  const { kept, store } = scene()
  await store.write([{ key: 'shop/log', value: 1 }])
  await t.throwsAsync(kept.put('a', alice, [{ key: 'shop/log', value: 2, ifVersion: 0 }]), { message: /another version/ })
  t.is(kept.get('a'), undefined)
})

test('a change that the engine writes is done again to what came between', async (t) => {
  const { kept, store, again } = scene()
  await kept.put('a', alice)
  const change = kept.changing('a', (now) => now && { ...now, owner: 'carol' })!
  await kept.put('a', { ...alice, serial: 's9' })
  await store.write(change.writes)
  change.apply()
  await kept.inTurn('a', async () => undefined)
  const both = { ...alice, serial: 's9', owner: 'carol' }
  t.deepEqual(kept.get('a'), both)
  t.deepEqual((await again()).kept.get('a'), both)
  const late = kept.changing('a', (now) => now && { ...now, owner: 'dave' })!
  await kept.expel('a')
  await store.write(late.writes)
  late.apply()
  await kept.inTurn('a', async () => undefined)
  t.is(kept.get('a'), undefined)
  t.deepEqual(await stored(store), {}, 'it had gone')
  const first = kept.changing('b', (now) => now ?? bob)!
  await store.write(first.writes)
  first.apply()
  t.is(kept.get('b'), bob)
  t.is(
    kept.changing('b', () => undefined),
    undefined,
  )
})

test('records whose time is over are told, and those of an earlier process too', async (t) => {
  const ended: string[] = []
  const tell = (records: readonly (readonly [string, Phone])[]) => void ended.push(...records.map(([key]) => key))
  const { kept, clock, again } = scene({ ended: tell })
  const until = clock.date() + 5000
  await kept.put('a', { ...alice, until })
  await kept.put('b', { ...bob, until })
  await kept.put('c', bob)
  await kept.put('b', { ...bob, until: until + 10_000 })
  await clock.advance(6000)
  t.deepEqual(ended.splice(0), ['a'])
  await kept.stop()
  await clock.advance(60_000)
  t.deepEqual(ended, [], 'none after it has stopped')
  t.is(clock.nextDue === undefined || clock.nextDue > clock.now(), true)
  await again()
  await clock.advance(60_000)
  t.deepEqual(ended, [], 'one that is over is not in the store any more')
})

test('the end of a record that was read back comes', async (t) => {
  const ended: string[] = []
  const { kept, clock, again } = scene()
  await kept.put('a', { ...alice, until: clock.date() + 5000 })
  await kept.stop()
  await again({ ended: (records) => void ended.push(...records.map(([key]) => key)) })
  await clock.advance(4000)
  t.deepEqual(ended, [])
  await clock.advance(2000)
  t.deepEqual(ended, ['a'])
})

test('a record that is replaced often waits for its end once, whether that moves on or back', async (t) => {
  let looks = 0
  class CountedMap extends Map<string, Phone> {
    override get(name: string): Phone | undefined {
      looks++
      return super.get(name)
    }
  }
  const over: string[] = []
  const { kept, clock } = scene({
    table: new CountedMap(),
    ended: (records) => {
      for (const [name] of records) over.push(name)
    },
  })
  for (let i = 0; i < 500; i++) await kept.put('a', { owner: `number ${i}`, until: clock.date() + 60_000 + i })
  looks = 0
  await clock.advance(59_000)
  t.deepEqual(over, [])
  await clock.advance(3000)
  t.deepEqual(over, ['a'])
  t.true(looks < 10, `looked ${looks} times at one record`)
  await kept.put('a', { owner: 'alice', until: clock.date() + 60_000 })
  await kept.put('a', { owner: 'alice', until: clock.date() + 5000 })
  await kept.put('a', { owner: 'alice', until: clock.date() + 10_000 })
  await clock.advance(9000)
  t.deepEqual(over, ['a'])
  await clock.advance(2000)
  t.deepEqual(over, ['a', 'a'])
  await kept.remove('a')
  await kept.put('a', { owner: 'alice' })
  await clock.advance(100_000)
  await kept.put('a', { owner: 'alice', until: clock.date() + 1000 })
  await clock.advance(2000)
  t.deepEqual(over, ['a', 'a', 'a'])
})

test('a part of a record that lapses is out of force, and costs no write', async (t) => {
  const soon = 5000
  const ended: string[] = []
  const { kept, store, clock, byNumber, again } = scene({
    expires: undefined,
    due: ({ until }) => until,
    ended: (records) => void ended.push(...records.map(([key]) => key)),
  })
  await kept.put('a', { ...alice, until: clock.date() + soon })
  await clock.advance(soon + 100)
  t.deepEqual(ended, ['a'])
  store.fails = () => true
  kept.lapse('a', { owner: 'alice', numbers: ['1'] })
  t.is(byNumber.of('2').size, 0)
  t.is(byNumber.of('1').size, 1)
  const next = await again()
  await clock.advance(1000)
  t.deepEqual(ended, ['a', 'a'], 'and its record says so after a restart')
  next.kept.lapse('a', undefined)
  t.is(next.kept.size, 0)
})

test('a record that cannot be read costs a log line, and not the start', async (t) => {
  const { kept, store, errors } = scene()
  await kept.put('a', alice)
  const damaged: Json[] = [null, 'text', { owner: 'x', numbers: 7 }, { owner: 'x', numbers: [7] }, { owner: 'x', until: 'soon' }]
  await store.write(damaged.map((value, i) => ({ key: `${prefix}${i}`, value })))
  await store.write([{ key: `${prefix}%zz`, value: bob }])
  const next = scene({}, store)
  await next.kept.load()
  t.deepEqual([...next.kept.values()], [alice])
  t.is(next.errors.length, damaged.length + 1)
  t.is(next.byNumber.size, 2)
  t.deepEqual(errors, [])
})

test('a record that counts no more leaves the store at the start', async (t) => {
  const { kept, store, again } = scene()
  await kept.put('a', alice)
  await kept.put('b', bob)
  const next = await again({
    fromStored: (value, part) => ((value as Phone).owner === 'bob' ? undefined : [part, value as Phone]),
  })
  t.deepEqual([...next.kept.values()], [alice])
  t.deepEqual(await stored(store), { a: alice })
})

test('a stop waits for what is being written, keeps nothing, and nothing is written after it', async (t) => {
  const { kept, store, clock, byNumber } = scene({ ended: () => undefined })
  await kept.put('a', { ...alice, until: clock.date() + 5000 })
  store.holds = true
  const put = kept.put('b', bob)
  let over = false
  const stopped = kept.stop().then(() => {
    over = true
  })
  await clock.settle()
  t.false(over)
  store.release()
  await put
  await stopped
  t.is(kept.size, 0)
  t.is(byNumber.size, 0)
  await t.throwsAsync(kept.put('c', bob), { message: /has stopped/ })
  t.false(await kept.expel('a'))
  t.false(await kept.enforce('a', bob))
  t.deepEqual(Object.keys(await stored(store)), ['a', 'b'])
})

test('a stop does not wait for ever for a store that hangs', async (t) => {
  const { kept, store, clock, errors } = scene()
  store.holds = true
  const put = kept.put('b', bob)
  const stopped = kept.stop()
  await clock.advance(60_000)
  await stopped
  t.is(errors.length, 1)
  store.release()
  await put
  t.is(kept.size, 0, 'what comes late is not taken in')
})
