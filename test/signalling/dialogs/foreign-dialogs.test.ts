/** Who has learned the names of somebody else's dialog takes no part in it, whatever Route it sends. */
import test from 'ava'
import { createPresence } from '../../../elements/presence/index.ts'
import type { SipResponse } from '../../../signalling/index.ts'
import { answering, RegistrarScene } from '../../elements/proxy/registrar-scene.ts'
import type { Wire } from '../../support/wire.ts'

async function scene() {
  const scene = await RegistrarScene.open({}, () => [createPresence('presence', {})])
  const [alice, bob, carol] = await Promise.all(['10.0.5.1', '10.0.5.2', '10.0.5.3'].map((host) => scene.wire(host)))
  for (const wire of [alice!, bob!, carol!]) answering(wire)
  for (const [name, wire] of [
    ['alice', alice],
    ['bob', bob],
    ['carol', carol],
  ] as const)
    await scene.register(wire!, name, `<sip:${name}@${wire!.here.host}>`)
  const made = await scene.ask(bob!, 'SUBSCRIBE', 'sip:alice@localhost', {
    from: 'sip:bob@localhost',
    fromTag: 'b',
    callId: 'bobs',
    contact: '<sip:bob@10.0.5.2>',
    lines: ['Event: presence', 'Expires: 600'],
  })
  const routes = made.list('Record-Route').toReversed()
  /** A SUBSCRIBE with the names of a dialog, by whoever claims to be `name`. */
  const again = (wire: Wire, name: string, more: { uri?: string; toTag?: string; callId?: string; event?: string }) =>
    scene.ask(wire, 'SUBSCRIBE', more.uri ?? made.contactUri!.text, {
      from: `sip:${name}@localhost`,
      to: 'sip:alice@localhost',
      fromTag: 'b',
      toTag: more.toTag ?? made.toTag,
      callId: more.callId ?? 'bobs',
      contact: `<sip:${name}@${wire.here.host}>`,
      lines: [...routes.map((route) => `Route: ${route}`), `Event: ${more.event ?? 'presence'}`, 'Expires: 600'],
    })
  return { made, routes, again, alice: alice!, bob: bob!, carol: carol! }
}

test('a SUBSCRIBE with all of another’s dialog reaches neither the subscriber nor the dialog', async (t) => {
  const { made, routes, again, bob, carol } = await scene()
  t.is(made.status, 200)
  t.is(routes.length, 1)
  bob.clear()
  carol.clear()
  const answers: SipResponse[] = []
  for (const uri of [made.contactUri!.text, 'sip:alice@localhost', 'sip:presence@localhost'])
    for (const more of [{}, { toTag: 'none' }, { callId: 'none' }]) answers.push(await again(carol, 'carol', { uri, ...more }))
  t.deepEqual(new Set(answers.map(({ status }) => status)), new Set([481]))
  t.deepEqual(bob.requests, [], 'nothing reached in')
  t.deepEqual(carol.requests, [], 'and nothing was told')
  t.is((await again(bob, 'bob', {})).status, 200)
  t.is(bob.requests.at(-1)?.method, 'NOTIFY')
})
