/** FIG 18: the peers of a set are woken to broadcast, all of them and the asker behind the MME (SPEC §3.6, §3.3). */
import { attached, grantedThroughMme, hears, watching } from './cast.ts'
import type { Flow } from './flow.ts'

const settings = { prose: { mode: 'listed', announce: 'when-monitored' } }
const peers = ['sip:bob@localhost']

export const flow: Flow = {
  id: 'fig-18',
  title: 'Waking through an MME',
  clause: '§3.6, §3.3, §3.1',
  scenarios: [
    {
      name: 'the peer starts to broadcast, is heard and told, and is silent when the question ends',
      settings,
      async run(stage) {
        const { ue: bob, state } = await grantedThroughMme(stage, 'bob', ['discoverable'])
        stage.expect('bob is silent', state.announce?.active === false)
        const { ue } = await grantedThroughMme(stage, 'alice', ['discoverer'])
        let near = ''
        const question = ue.watch({ peers, wake: true }, ({ proximate }) => {
          near = proximate.map(({ device }) => device).join()
        })
        await stage.until('bob broadcasts', () => bob.state?.announce?.active)
        await stage.until('alice listens for him', () => ue.state?.monitor?.codes.length === 1)
        await hears(stage, ue, bob)
        await stage.until('she is told', () => near === peers.join())
        question.unsubscribe()
        await stage.until('bob is silent again', () => bob.state?.announce?.active === false)
      },
    },
    {
      name: 'who may not discover wakes nobody',
      settings,
      async run(stage) {
        const { ue: bob } = await grantedThroughMme(stage, 'bob', ['discoverable'])
        const told = await watching(stage, await attached(stage, 'eve'), { peers, wake: true })
        stage.expect('eve is refused', told.ended === 403)
        stage.expect('bob stays silent', bob.state?.announce?.active === false)
      },
    },
  ],
}
