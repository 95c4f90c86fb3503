/** Source and destination roam, each in another network. */
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, push } from './cast.ts'
import { roamer, unhurried } from './roaming-cast.ts'

export const flow: FlowScript = {
  id: 'push/roaming-both',
  title: 'A Push between two who roam',
  clause: '§5.1',
  network: 'push-roaming.yaml',
  scenarios: unhurried([
    {
      name: 'P52: visited, home of the destination, the other visited',
      async run(stage) {
        const alices = await roamer(stage, alice, 'op-b.example')
        const bobs = await roamer(stage, bob, 'op-c.example')
        stage.expect('he has it', (await push(stage, alices.agent, bob.push)) === 200)
        stage.expect('and she', (await push(stage, bobs.agent, alice.push)) === 200)
        stage.expect('each once', bobs.got.join() === `sip:${alice.address} hello` && alices.got.length === 1)
      },
    },
  ]),
}
