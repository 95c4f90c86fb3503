/** FIG 2: the source's Push server is the destination's too. */
import type { FlowScript } from '../stage/flow.ts'
import { alice, dave, inbox, patiently, push } from './cast.ts'

export const flow: FlowScript = {
  id: 'push/fig-02',
  title: 'A Push through one server',
  clause: '§5.2',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P40: one server is source’s and destination’s',
      async run(stage) {
        const [a, d] = [await stage.ue(alice.address), await stage.ue(dave.address)]
        const toAlice = inbox(a.agent)
        stage.expect('her device takes it', (await push(stage, d.agent, alice.push)) === 200)
        stage.expect('once', toAlice.join() === `sip:${dave.address} hello`)
      },
    },
    {
      name: 'PF8: the destination is unknown, 404',
      async run(stage) {
        const { agent } = await stage.ue(alice.address)
        stage.expect('nobody has that identifier', (await push(stage, agent, '0123456789abcdef@push.op-a.example')) === 404)
      },
    },
  ]),
}
