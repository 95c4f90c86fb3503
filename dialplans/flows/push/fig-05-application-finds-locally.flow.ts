/** FIG 5: the application client finds the destination itself, and hands the identifier to its Push client. */
import { LocalEntries, ThirdPartyClient } from '../../../elements/ue/index.ts'
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, patiently } from './cast.ts'
import { clientOn, questionsOf, textsFor } from './clients.ts'

const chat = 'org.example.chat'
const friends = [{ uri: `sip:${bob.push};user=push`, name: 'Bob Miller', nickname: 'the one with the hat' }]

export const flow: FlowScript = {
  id: 'push/fig-05',
  title: 'An application finds a name in its own list',
  clause: '§5.3',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P23: in the application’s own list: its Push client gets the identifier, and knows no such name',
      settings: { 'op-a/push': { applications: [{ id: chat }] }, 'op-b/push': { applications: [{ id: chat }] } },
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const asked = questionsOf(a)
        const { client } = await clientOn(stage, a)
        const toBob = textsFor((await clientOn(stage, b)).client, chat)
        const people = new LocalEntries('op-a.example', friends)
        const own = new ThirdPartyClient({ client, application: chat, people, received: () => true })
        const sent = await stage.during(own.send('The one with the hat', { type: 'text/plain', content: 'hello' }))
        stage.expect('his device takes it', sent.status === 200 && sent.to === friends[0]!.uri)
        await stage.until('it arrives', () => toBob.length === 1)
        stage.expect('nobody is asked', asked.length === 0)
        own.end()
      },
    },
  ]),
}
