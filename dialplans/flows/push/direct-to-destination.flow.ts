/** FIG 2: the client names the destination's server itself, and no server of the source is on the way. */
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, carol, inbox, mary, patiently, push } from './cast.ts'

export const flow: FlowScript = {
  id: 'push/direct-to-destination',
  title: 'A Push straight to the destination’s server',
  clause: '§5.2',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P41: Route: own proxy, then the destination’s server, of another operator, derived from the identifier',
      async run(stage) {
        const [a, b, m] = [await stage.ue(alice.address), await stage.ue(bob.address), await stage.ue(mary.address)]
        const [toBob, toMary] = [inbox(b.agent), inbox(m.agent)]
        const send = async (to: string, server: string): Promise<number> =>
          (
            await stage.during(
              a.agent.message(`sip:${to};user=push`, { type: 'text/plain', content: 'hello' }, undefined, server),
            )
          ).status
        stage.expect('asserted', (await send(bob.push, 'sip:push@op-b.example')) === 200)
        stage.expect('at the second server', (await send(mary.push, 'sip:push2@op-b.example')) === 200)
        stage.expect('at the wrong one, which hands over', (await send(mary.push, 'sip:push@op-b.example')) === 200)
        stage.expect('each as sent', toBob.join() === `sip:${alice.address} hello` && toMary.length === 2)
      },
    },
    {
      name: 'P41: the same within one operator',
      async run(stage) {
        const [a, c] = [await stage.ue(alice.address), await stage.ue(carol.address)]
        const toCarol = inbox(c.agent)
        const body = { type: 'text/plain', content: 'hello' }
        const { status } = await stage.during(
          a.agent.message(`sip:${carol.push};user=push`, body, undefined, 'sip:push2@op-a.example'),
        )
        stage.expect('taken', status === 200 && toCarol.length === 1)
      },
    },
    {
      name: 'P41: without its operator’s assertion, 403; by a Route to anybody else, 403',
      async run(stage) {
        const b = await stage.ue(bob.address)
        const toBob = inbox(b.agent)
        const stranger = await stage.stranger(alice.address, 'op-b.example')
        stage.expect('straight to the other proxy', (await push(stage, stranger, bob.push)) === 403)
        const a = await stage.ue(alice.address)
        const body = { type: 'text/plain', content: 'hello' }
        for (const server of ['sip:192.0.2.9', 'sip:op-b.example', 'sip:push@op-b.example:5070', 'sip:push@op-z.example']) {
          const { status } = await stage.during(a.agent.message(`sip:${bob.push};user=push`, body, undefined, server))
          stage.expect(`through ${server}: ${status}`, status === 403)
        }
        stage.expect('he gets nothing', toBob.length === 0)
      },
    },
  ]),
}
