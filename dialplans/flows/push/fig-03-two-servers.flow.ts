/** FIG 3: the source's Push server hands over to the destination's, by the flag bits. */
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, carol, inbox, mary, push } from './cast.ts'

export const flow: FlowScript = {
  id: 'push/fig-03',
  title: 'A Push through two servers',
  clause: '§5.2',
  network: 'push-two-operators.yaml',
  scenarios: [
    {
      name: 'P42: to another operator, through the source’s server',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        stage.expect('his device takes it', (await push(stage, a.agent, bob.push)) === 200)
        stage.expect('once', toBob.join() === `sip:${alice.address} hello`)
      },
    },
    {
      name: 'P43: to another server of the same operator, by flag bits',
      async run(stage) {
        const [a, c] = [await stage.ue(alice.address), await stage.ue(carol.address)]
        const [toAlice, toCarol] = [inbox(a.agent), inbox(c.agent)]
        stage.expect('hers takes it', (await push(stage, a.agent, carol.push)) === 200)
        stage.expect('once', toCarol.join() === `sip:${alice.address} hello`)
        stage.expect('and back', (await push(stage, c.agent, alice.push)) === 200)
        stage.expect('once', toAlice.join() === `sip:${carol.address} hello`)
      },
    },
    {
      name: 'P13: by a Push string, to the second server of another operator',
      async run(stage) {
        const [a, m] = [await stage.ue(alice.address), await stage.ue(mary.address)]
        const toMary = inbox(m.agent)
        stage.expect('hers takes it', (await push(stage, a.agent, mary.string)) === 200)
        stage.expect('and the identifier', (await push(stage, a.agent, mary.push)) === 200)
        stage.expect('each once', toMary.length === 2)
      },
    },
  ],
}
