/** A device that leaves the service: its code and its relations are gone with the 200, whether it answers NOTIFYs or not. */
import test from 'ava'
import { createHss } from '../../../elements/hss/index.ts'
import { createProse } from '../../../elements/prose/index.ts'
import type { ProseState, ProximityList } from '../../../elements/schemas/index.ts'
import type { SipRequest } from '../../../signalling/index.ts'
import { memoryStore } from '../../../signalling/index.ts'
import { Lab } from '../../support/lab.ts'
import { requestText, Wire } from '../../support/wire.ts'
import { all, service, sip } from './scene.ts'

async function scene() {
  const lab = new Lab()
  const store = memoryStore(lab.clock)
  const serve = () =>
    lab.serve(
      ['localhost'],
      [
        createHss('hss', { subscribers: ['alice', 'bob', 'carol'].map((id) => ({ id, permissions: all })) }),
        createProse('prose', {}),
      ],
      store,
    )
  let node = await serve()
  let count = 0
  const member = async (name: string, host: string) => {
    lab.trusted.push(host)
    await node.stop(0)
    node = await serve()
    const wire = await Wire.at(lab, host)
    wire.onRequest = (request) => wire.answer(request, 200)
    const tags = new Map<string, string>()
    const send = async (method: string, lines: readonly string[], callId: string, body = ''): Promise<number> => {
      const before = wire.responses.length
      const names = { via: host, branch: `z9hG4bK-${name}-${++count}`, cseq: count, callId, from: sip(name) }
      const own = [`P-Asserted-Identity: <${sip(name)}>`, `Contact: <sip:${name}@${host}>`]
      wire.send(requestText(method, service, { ...names, toTag: tags.get(callId), lines: [...own, ...lines], body }))
      await lab.clock.advance(100)
      const response = wire.responses[before]!
      if (method === 'SUBSCRIBE') tags.set(callId, response.toTag)
      return response.status
    }
    const last = (event: string): SipRequest => wire.requests.findLast((each) => each.text('Event') === event)!
    return {
      wire,
      subscribe: (event: string, expires: number) =>
        send('SUBSCRIBE', [`Event: ${event}`, `Expires: ${expires}`], `${name}-${event}`),
      report: (code: string) => {
        const body = JSON.stringify({ heard: [{ code, at: new Date(lab.clock.date()).toISOString() }] })
        return send('MESSAGE', ['Content-Type: application/vnd.proxima.prose-match+json'], `${name}-match`, body)
      },
      code: () => (JSON.parse(last('prose').body.toString()) as ProseState).announce!.code,
      near: () => (JSON.parse(last('proximity').body.toString()) as ProximityList).proximate.map(({ device }) => device),
    }
  }
  const restart = async (): Promise<void> => {
    await node.stop(0)
    node = await serve()
    await lab.clock.advance(100)
  }
  return { lab, member, restart }
}

test('bob ends prose and answers no NOTIFY: his code counts no more, and nobody sees him near', async (t) => {
  const { member, restart } = await scene()
  const bob = await member('bob', '10.0.5.1')
  const carol = await member('carol', '10.0.5.2')
  t.is(await bob.subscribe('prose', 600), 200)
  t.is(await carol.subscribe('prose', 600), 200)
  t.is(await carol.subscribe('proximity', 600), 200)
  const code = bob.code()
  t.is(await carol.report(code), 200)
  t.deepEqual(carol.near(), [sip('bob')])
  bob.wire.onRequest = () => undefined
  t.is(await bob.subscribe('prose', 0), 200)
  t.deepEqual(carol.near(), [])
  t.is(await carol.report(code), 404)
  await restart()
  t.is(await carol.report(code), 404, 'nor after a kill')
})

test('the time of his request is over, and he answers no NOTIFY: the same', async (t) => {
  const { lab, member } = await scene()
  const bob = await member('bob', '10.0.5.1')
  const carol = await member('carol', '10.0.5.2')
  t.is(await bob.subscribe('prose', 60), 200)
  t.is(await carol.subscribe('prose', 600), 200)
  bob.wire.onRequest = () => undefined
  const code = bob.code()
  await lab.clock.advance(60_000)
  t.is(await carol.report(code), 404)
})
