/** Circuit-switched fallback (SPEC §5.6): which messages may go by the short message centre, and that each goes once. */
import { deflateSync } from 'node:zlib'
import test from 'ava'
import { CircuitFallback } from '../../../elements/push/circuit-fallback.ts'
import type { PushMessage } from '../../../elements/push/push-message.ts'
import type { SubscriberRecord } from '../../../elements/schemas/index.ts'
import { enforceTogether } from '../../../elements/shared/state/kept-change.ts'
import { type Exchange, type Host, memoryStore } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { PushScene } from './scene.ts'

const cpim = (head: string): string => ['From: <sip:alice@localhost>', '', head, '', 'hello'].join('\r\n')
const deflated = (text: string): string => deflateSync(text).toString('latin1')
const latin1 = { bodyAs: 'latin1', lines: ['Content-Encoding: deflate'] } as const

for (const [name, isText, body, parts] of [
  ['text', true, 'hello', { type: 'text/plain;charset=utf-8' }],
  ['text in a CPIM message', true, cpim('Content-Type: Text/Plain'), { type: 'Message/CPIM' }],
  ['a CPIM message without a type, which is text', true, cpim('Content-ID: <1>'), { type: 'message/cpim' }],
  ['a picture', false, 'GIF89a', { type: 'image/gif' }],
  ['a picture in a CPIM message', false, cpim('Content-Type: image/gif'), { type: 'message/cpim' }],
  ['deflated text', true, deflated('hello'), { type: 'text/plain', ...latin1 }],
  ['a deflated CPIM message', true, deflated(cpim('Content-Type: text/plain')), { type: 'message/cpim', ...latin1 }],
  ['text packed otherwise', false, 'hello', { type: 'text/plain', lines: ['Content-Encoding: gzip'] }],
  ['text in another charset', false, 'd\xe9j\xe0', { type: 'text/plain;charset=iso-8859-1', bodyAs: 'latin1' }],
] as const)
  test(`fallback: ${name}: ${isText ? 'it may go' : 'it waits for a device'}`, async (t) => {
    const scene = await PushScene.open({ smsc: 'smsc' })
    t.is(await scene.push(body, parts), 202)
    const keys: string[] = []
    for await (const [key] of scene.stored('push/push/fallback/')) keys.push(key)
    t.is(keys.length, isText ? 1 : 0)
  })

const usual: PushMessage = {
  ...{ id: 'm1', key: 'k1', subscriber: 'sip:bob@localhost', identifier: '0a17c5d2e8b9f604', source: '', application: '' },
  ...{ class: 'min-delay', accepted: 0, expires: Number.MAX_SAFE_INTEGER, from: '', to: '', callId: 'c1', cseq: 1 },
  ...{ headers: [], type: 'text/plain', body: Buffer.from('hello').toString('base64') },
}

/** A fallback over a store that outlives its node, a silent centre, and an HSS that answers when the test says so. */
class SlowScene {
  readonly lab = new Lab()
  readonly got: string[] = []
  readonly released: string[] = []
  message = usual
  private readonly store = memoryStore(this.lab.clock)
  private readonly asked: ((record: SubscriberRecord) => void)[] = []
  private host!: Host
  fallback: CircuitFallback | undefined

  async start(): Promise<void> {
    await this.fallback?.stop()
    await this.lab.nodes.pop()?.stop(0)
    const push = {
      ...{ name: 'push', claims: [{ method: 'MESSAGE', user: 'push' }], handle: () => undefined },
      start: (host: Host) => void (this.host = host),
    }
    const smsc = {
      ...{ name: 'smsc', claims: [{ method: 'MESSAGE', user: 'smsc' }] },
      handle: async ({ request }: Exchange) => {
        this.got.push(request.callId)
        await new Promise(() => undefined)
      },
    }
    await this.lab.serve(['localhost', '10.0.0.1'], [push, smsc], this.store)
    this.fallback = new CircuitFallback({
      ...{ host: this.host, smsc: 'smsc', after: 30_000, message: () => this.message, delivered: async () => undefined },
      subscribers: { lookup: () => new Promise((resolve) => this.asked.push(resolve)) },
      released: (subscriber) => this.released.push(subscriber),
    })
    await this.fallback.load()
  }
  accept(): Promise<boolean> {
    return enforceTogether(this.host, this.fallback!.changesFor(this.message))
  }
  /** The HSS answers all that it was asked. */
  async answer(): Promise<void> {
    for (const resolve of this.asked.splice(0)) resolve({ id: 'sip:bob@localhost', imsi: '001010123456789' } as SubscriberRecord)
    await this.pass(1)
  }
  pass(seconds: number): Promise<void> {
    return this.lab.clock.advance(seconds * 1000)
  }
  async records(): Promise<number> {
    let count = 0
    for await (const _ of this.store.scan('push/push/fallback/')) count++
    return count
  }
}

test('A8: what a device takes while the HSS is asked does not go by the centre, too', async (t) => {
  const scene = new SlowScene()
  await scene.start()
  await scene.accept()
  await scene.pass(31)
  scene.message = { ...usual, taken: true }
  await scene.answer()
  t.deepEqual(scene.got, [])
  t.is(await scene.records(), 0)
})

test('A8: what became overdue after a restart, while the HSS is asked, does not go to the centre again', async (t) => {
  const scene = new SlowScene()
  await scene.start()
  await scene.accept()
  await scene.pass(31)
  await scene.answer()
  t.is(scene.got.length, 1)
  await scene.start()
  scene.fallback!.start()
  await scene.pass(31)
  t.deepEqual(scene.released, ['sip:bob@localhost'])
  await scene.answer()
  t.is(scene.got.length, 1)
  t.false(scene.fallback!.has('m1'), 'devices may get it')
})
