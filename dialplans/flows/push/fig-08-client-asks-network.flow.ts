/** FIG 8: the Push client asks the network's address book; for whom it sends, to whom, and from whom something came. */
import type { FlowScript } from '../stage/flow.ts'
import { alice, bob, carol, dave, inbox, patiently, push } from './cast.ts'
import { lookUp, pushAddress } from './directory.ts'

export const flow: FlowScript = {
  id: 'push/fig-08',
  title: 'A Push client asks the address book',
  clause: '§5.3',
  network: 'push-two-operators.yaml',
  scenarios: patiently([
    {
      name: 'P26: the client finds the destination, and sends',
      async run(stage) {
        const [a, c] = [await stage.ue(alice.address), await stage.ue(carol.address)]
        const toCarol = inbox(c.agent)
        const found = await pushAddress(stage, a.agent, { nickname: 'Caro' })
        stage.expect('hers', found === carol.push)
        stage.expect('her device takes it', (await push(stage, a.agent, found!)) === 200)
        stage.expect('once', toCarol.join() === `sip:${alice.address} hello`)
      },
    },
    {
      name: 'P36: asked for itself, the address book tells identifier and server',
      async run(stage) {
        const [a, c, d] = [await stage.ue(alice.address), await stage.ue(carol.address), await stage.ue(dave.address)]
        const self = async ({ agent }: typeof a): Promise<string> => {
          const entries = await lookUp(stage, agent, { self: true })
          return typeof entries === 'number' ? String(entries) : entries.map(({ server, uri }) => `${uri} ${server}`).join()
        }
        stage.expect('alice’s', (await self(a)) === `sip:${alice.push};user=push sip:push@op-a.example`)
        stage.expect('carol’s is the second', (await self(c)) === `sip:${carol.push};user=push sip:push2@op-a.example`)
        stage.expect('dave has none', (await self(d)) === '')
      },
    },
    {
      name: 'P8: the name of a sender, by the identifier',
      async run(stage) {
        const { agent } = await stage.ue(alice.address)
        for (const [id, name] of [
          [`sip:${bob.push};user=push`, 'Bob Miller'],
          [`sip:${carol.push}`, 'Carol Miller'],
          [carol.push.split('@')[0]!.toUpperCase(), 'Carol Miller'],
        ] as const) {
          const entries = await lookUp(stage, agent, { id })
          stage.expect(name, typeof entries !== 'number' && entries.some((entry) => entry.name === name))
        }
      },
    },
  ]),
}
