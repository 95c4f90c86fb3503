/** Phones that only their Contacts name (SPEC §5.6): after a crash they come back under others. */
import test from 'ava'
import { PushScene } from './scene.ts'

for (const [how, answer, instance] of [
  ['answers nothing', undefined, ''],
  ['has no such user any more', 404, ''],
  ['cannot be reached', 408, ''],
  [
    'answers nothing, and another kind of phone takes its place once its binding is over',
    undefined,
    'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
  ],
] as const)
  test(`a phone that crashed, and that only its Contact names, ${how}: it gets what waits under its next Contact, once, in order`, async (t) => {
    const scene = await PushScene.open()
    const crashed = await scene.phone()
    await scene.register(crashed, { expires: 600 })
    t.is(await scene.push('while it was well'), 200)
    crashed.answer = answer
    t.deepEqual([await scene.push('1'), await scene.push('2'), await scene.push('3')], [202, 202, 202])
    if (instance !== '') await scene.pass(600)
    const next = await scene.phone()
    await scene.register(next, { instance })
    await scene.pass(5)
    t.deepEqual(next.got, ['1', '2', '3'])
    await scene.restart()
    await scene.pass(3000)
    t.deepEqual(next.got, ['1', '2', '3'])
    t.is(scene.metric('copies_waiting'), 0)
    t.is(scene.unaccounted, 0)
  })

test('of two phones that only their Contacts name one is silent: it still gets what the other had, when it comes back as it was', async (t) => {
  const scene = await PushScene.open()
  const [silent, other] = [await scene.phone(), await scene.phone()]
  await scene.register(silent, { expires: 7200 })
  await scene.register(other, { expires: 7200 })
  silent.answer = undefined
  t.is(await scene.push('to both'), 200)
  await scene.pass(60)
  await scene.register(other, { expires: 7200 })
  await scene.pass(60)
  t.deepEqual(other.got, ['to both'])
  t.is(scene.metric('copies_waiting'), 1)
  silent.answer = 200
  await scene.register(silent)
  await scene.pass(40)
  t.is(scene.metric('copies_waiting'), 0)
  t.is(scene.metric('copies_delivered_total'), 2)
  t.deepEqual(other.got, ['to both'])
})

test('copies for Contacts whose binding is over go where another device has the message', async (t) => {
  const scene = await PushScene.open()
  const [gone, other] = [await scene.phone(), await scene.phone()]
  await scene.register(gone, { expires: 600 })
  await scene.register(other)
  gone.answer = undefined
  t.is(await scene.push('to both'), 200)
  t.is(scene.metric('copies_waiting'), 1)
  await scene.pass(700)
  await scene.register(other)
  await scene.pass(5)
  t.is(scene.metric('copies_waiting'), 0)
  t.is(scene.unaccounted, 0)
  t.deepEqual(other.got, ['to both'])
})
