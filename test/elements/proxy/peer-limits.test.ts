/** Subscriptions that all users of one peer hold together (SPEC §2.7): made-up identities get no further than real ones. */
import test, { type ExecutionContext } from 'ava'
import { memoryStore, type NodeOptions } from '../../../signalling/index.ts'
import { requestText, Wire } from '../../support/wire.ts'
import { asPeer, OperatorsScene } from './operators-scene.ts'

const south = { host: '10.0.0.2', port: 5060 }

interface Watching {
  readonly status: number
  readonly warning: string
  readonly callId: string
}

async function scene(t: ExecutionContext, peerSubscriptions: NodeOptions['peerSubscriptions']) {
  const operators = new OperatorsScene()
  t.teardown(() => operators.stop())
  const store = memoryStore(operators.clock)
  await operators.operator('south', [asPeer('north'), asPeer('west')], [], { peerSubscriptions, store })
  const wires = {
    north: await Wire.at(operators, '10.0.0.1', 5060, south),
    west: await Wire.at(operators, '10.0.0.3', 5060, south),
  }
  for (const wire of Object.values(wires)) wire.onRequest = (request) => wire.answer(request, 200)
  let count = 0
  const watch = async (who: string, of: string, expires = 600): Promise<Watching> => {
    const peer = who.endsWith('west.example') ? 'west' : 'north'
    const [wire, callId] = [wires[peer], `w${++count}`]
    const contact = `Contact: <sip:x@${wire.here.host}:5060>`
    const lines = [`P-Asserted-Identity: <sip:${who}>`, 'Event: presence', `Expires: ${expires}`, contact]
    const parts = { from: `sip:${who}`, via: wire.here.host, callId, branch: `z9hG4bK${callId}`, lines }
    wire.send(requestText('SUBSCRIBE', `sip:${of}@south.example`, parts))
    await operators.clock.advance(1000)
    const answer = wire.responses.findLast((each) => each.callId === callId)!
    return { status: answer.status, warning: answer.text('Warning') ?? '', callId }
  }
  return { operators, watch, wires }
}

test('subscriptions that wait are few for a peer, whatever identities it asserts', async (t) => {
  const { watch } = await scene(t, { subscriptions: 8, pending: 5 })
  for (let i = 0; i < 5; i++) t.is((await watch(`u${i}@north.example`, `nobody${i}`)).status, 200)
  for (const who of ['v@north.example', 'V@NORTH.example']) {
    const refused = await watch(who, 'nobody')
    t.is(refused.status, 403)
    t.regex(refused.warning, /as many subscriptions of your operator as may wait to be allowed/)
  }
  t.is((await watch('alice@north.example', 'bob')).status, 200, 'who need not wait is told')
  t.is((await watch('u@west.example', 'nobody')).status, 200, 'of another peer')
})

test('all subscriptions of a peer’s users count together, until they end; fetches apart', async (t) => {
  const { watch, wires, operators } = await scene(t, { subscriptions: 3 })
  const stand = [
    await watch('alice@north.example', 'bob'),
    await watch('bob@north.example', 'bob'),
    await watch('u@north.example', 'carol'),
  ]
  t.deepEqual(
    stand.map(({ status }) => status),
    [200, 200, 200],
  )
  const refused = await watch('alice@north.example', 'carol')
  t.is(refused.status, 403)
  t.regex(refused.warning, /users of your operator hold as many subscriptions as they may together/)
  t.is((await watch('alice@north.example', 'carol', 0)).status, 200, 'a fetch holds nothing')
  t.is((await watch('alice@west.example', 'bob')).status, 200)
  await operators.clock.advance(600_000)
  t.true(wires.north.requests.some((request) => request.toString().includes('terminated')))
  t.is((await watch('alice@north.example', 'carol')).status, 200, 'they have ended')
})
