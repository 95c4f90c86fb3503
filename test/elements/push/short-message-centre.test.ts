/** Texts that a Push server hands the short message centre (SPEC §5.6). */
import test from 'ava'
import type { Element, Exchange } from '../../../signalling/index.ts'
import { PushScene } from './scene.ts'

/** A centre that keeps what it gets, and answers nothing until it is told to. */
class PlayedCentre implements Element {
  readonly name = 'smsc'
  readonly claims = [{ method: 'MESSAGE', user: 'smsc' }]
  readonly got: Exchange['request'][] = []
  isThere = false
  async handle(exchange: Exchange): Promise<void> {
    this.got.push(exchange.request)
    if (!this.isThere) await new Promise(() => undefined)
    exchange.reply(202)
  }
}

/** A server with that centre, and bob with an IMSI. */
async function open(): Promise<{ readonly scene: PushScene; readonly centre: PlayedCentre }> {
  const scene = await PushScene.open({ smsc: 'smsc' })
  const centre = new PlayedCentre()
  scene.others.push(centre)
  await scene.restart()
  const permissions = { discoverable: false, discoverer: false }
  const push = [{ id: '0a17c5d2e8b9f604' }]
  await scene.hss.set({ id: 'bob', permissions, push, imsi: '001010123456789' })
  return { scene, centre }
}

test('A8: killed between the write and the sending to the centre: after the restart it goes, by the same Call-ID', async (t) => {
  const { centre, scene } = await open()
  t.is(await scene.push('hello', { lines: ['Expires: 120'] }), 202)
  await scene.pass(31)
  t.is(centre.got.length, 1, 'as if it had never gone')
  t.true(centre.got[0]!.expires! > 80 && centre.got[0]!.expires! <= 90, 'what is left of its lifetime')
  centre.isThere = true
  await scene.restart()
  await scene.pass(5)
  t.is(centre.got.length, 2)
  t.is(centre.got[1]!.callId, centre.got[0]!.callId)
  t.is(scene.metric('fallbacks_under_way'), 1)
  const phone = await scene.phone()
  await scene.register(phone)
  await scene.pass(2)
  t.deepEqual(phone.got, [], 'the centre has it')
})

test('A7: what the server knows of a text that the centre has goes with its message', async (t) => {
  const { centre, scene } = await open()
  centre.isThere = true
  const topic = { lines: ['Push-Topic: one'] }
  const known = async (): Promise<number> => {
    let count = 0
    for await (const _ of scene.stored('push/push/fallback/')) count++
    return count
  }
  t.is(await scene.push('old', topic), 202)
  await scene.pass(70)
  t.is(scene.metric('fallbacks_overdue_total'), 1)
  t.is(await scene.push('new', topic), 202)
  t.is(await known(), 2)
  await scene.pass(4000)
  t.is(await known(), 1)
})
