/** FIG 6: an application client asks the network's address book for the Push identifier, and hands it to its Push client. */
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, carol, dave, inbox, mary, patiently, push } from './cast.ts'
import { lookUp, pushAddress } from './directory.ts'

export const flow: FlowScript = {
  id: 'push/fig-06',
  title: 'An application asks the address book',
  clause: '§5.3',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P24: the identifier of a name, and a Push to it',
      async run(stage) {
        const [a, b] = [await stage.ue(alice.address), await stage.ue(bob.address)]
        const toBob = inbox(b.agent)
        const found = await pushAddress(stage, a.agent, { name: 'Bob Miller' })
        stage.expect('his identifier', found === bob.push)
        stage.expect('his device takes it', (await push(stage, a.agent, found!)) === 200)
        stage.expect('once', toBob.join() === `sip:${alice.address} hello`)
      },
    },
    {
      name: 'P31: by name, number, nickname and address; by names of more bytes too',
      async run(stage) {
        const { agent } = await stage.ue(alice.address)
        const finds = async (query: Parameters<typeof pushAddress>[2], push: string): Promise<void> =>
          stage.expect(JSON.stringify(query), (await pushAddress(stage, agent, query)) === push)
        await finds({ nickname: 'bobby' }, bob.push)
        await finds({ number: '+49 40 111' }, bob.push)
        await finds({ address: 'sip:bob@op-b.example' }, bob.push)
        await finds({ name: 'ΜΑΡΊΑ  Κ.' }, mary.push)
        await finds({ name: 'Carol Miller' }, carol.push)
        await finds({ number: 'tel:+4930222' }, carol.push)
        await finds({ address: carol.address }, carol.push)
        await finds({ address: 'carol' }, carol.push)
      },
    },
    {
      name: 'P28: the application for a name, and for a media type',
      async run(stage) {
        const { agent } = await stage.ue(alice.address)
        for (const query of [{ application: 'Chat' }, { application: 'org.example.chat' }, { content: 'text/plain' }]) {
          const found = await lookUp(stage, agent, query)
          stage.expect(
            'the chat',
            typeof found !== 'number' && found.map(({ application }) => application).join() === 'org.example.chat',
          )
        }
        const none = await lookUp(stage, agent, { content: 'image/png' })
        stage.expect('nothing shows pictures', typeof none !== 'number' && none.length === 0)
      },
    },
    {
      name: 'PF16: somebody hidden and nobody look the same; a friend finds her',
      async run(stage) {
        const [c, d] = [await stage.ue(carol.address), await stage.ue(dave.address)]
        const hidden = await lookUp(stage, c.agent, { name: 'Alice Smith' })
        const unknown = await lookUp(stage, c.agent, { name: 'Alice Schmidt' })
        stage.expect('no entries', JSON.stringify(hidden) === '[]' && JSON.stringify(unknown) === '[]')
        stage.expect('dave is her friend', (await pushAddress(stage, d.agent, { name: 'alice smith' })) === alice.push)
        stage.expect('by her address too', (await pushAddress(stage, d.agent, { address: alice.address })) === alice.push)
      },
    },
    {
      name: 'A5: after 20 misses in a minute, 503 for the next; others are served',
      async run(stage) {
        const [a, d] = [await stage.ue(alice.address), await stage.ue(dave.address)]
        for (let i = 0; i < 21; i++) await lookUp(stage, a.agent, { name: `nobody ${i}` })
        stage.expect('refused, whoever it is', (await lookUp(stage, a.agent, { name: 'Bob Miller' })) === 503)
        stage.expect('dave is not', (await pushAddress(stage, d.agent, { name: 'Bob Miller' })) === bob.push)
        await stage.pass(61)
        stage.expect('a minute later', (await pushAddress(stage, a.agent, { name: 'Bob Miller' })) === bob.push)
      },
    },
  ]),
}
