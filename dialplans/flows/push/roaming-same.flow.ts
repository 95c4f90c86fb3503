/** Source and destination roam in one network: the same server is twice on the way, and it is no loop. */
import type { FlowScript } from '../stage/flow.ts'
import { alice, carol, push } from './cast.ts'
import { erin, roamer, unhurried } from './roaming-cast.ts'

export const flow: FlowScript = {
  id: 'push/roaming-same',
  title: 'A Push between two who roam in one network',
  clause: '§5.1',
  network: 'push-roaming.yaml',
  scenarios: unhurried([
    {
      name: 'P52: visited, home of the destination, the same visited',
      async run(stage) {
        const alices = await roamer(stage, alice, 'op-b.example')
        const erins = await roamer(stage, erin, 'op-b.example')
        stage.expect('she has it', (await push(stage, alices.agent, erin.push)) === 200)
        stage.expect('and she', (await push(stage, erins.agent, alice.push)) === 200)
        stage.expect('each once', erins.got.join() === `sip:${alice.address} hello` && alices.got.length === 1)
      },
    },
    {
      name: 'P52: both of one home',
      async run(stage) {
        const alices = await roamer(stage, alice, 'op-b.example')
        const carols = await roamer(stage, carol, 'op-b.example')
        stage.expect('she has it', (await push(stage, alices.agent, carol.push)) === 200)
        stage.expect('once', carols.got.join() === `sip:${alice.address} hello`)
      },
    },
  ]),
}
