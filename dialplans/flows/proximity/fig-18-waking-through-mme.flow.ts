/** FIG 18: an application server asks about a set, and all its devices, behind the MME, are woken (SPEC §3.6, §3.3). */
import { attached, grantedThroughMme, hears, isNear, watching, withApplicationServer } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

const settings = { prose: { mode: 'listed', announce: 'when-monitored' } }
const peers = ['sip:bob@localhost']

export const flow: FlowScript = {
  id: 'proximity/fig-18',
  title: 'Waking through an MME',
  clause: '§3.6, §3.3, §3.1',
  scenarios: [
    {
      name: 'asked by an application server: the peers broadcast, the device listens for them, and the server is told',
      settings: { ...settings, hss: withApplicationServer },
      async run(stage) {
        const games = await stage.ue('games')
        const { ue: bob, state } = await grantedThroughMme(stage, 'bob', ['discoverable'])
        const { ue: carol } = await grantedThroughMme(stage, 'carol', ['discoverable'])
        stage.expect('bob is silent', state.announce?.active === false)
        const { ue } = await grantedThroughMme(stage, 'alice', ['discoverer'])
        const device = 'sip:alice@localhost'
        let near: readonly string[] = []
        const question = games.watch({ device, peers: [...peers, 'sip:carol@localhost'], wake: true }, ({ proximate }) => {
          near = proximate.map((one) => one.device)
        })
        await stage.until('both broadcast', () => bob.state?.announce?.active && carol.state?.announce?.active)
        await stage.until('alice listens for them', () => ue.state?.monitor?.codes.length === 2)
        await hears(stage, ue, bob)
        await stage.until('the server is told', () => isNear(near, 'bob'))
        question.unsubscribe()
        await stage.until('both are silent again', () => !bob.state?.announce?.active && !carol.state?.announce?.active)
        await stage.until('and alice listens for nobody', () => ue.state?.monitor?.codes.length === 0)
      },
    },
    {
      name: 'by a server that the HSS does not list nobody is woken',
      settings: { ...settings, hss: withApplicationServer },
      async run(stage) {
        const mallory = await stage.ue('mallory')
        const { ue: bob } = await grantedThroughMme(stage, 'bob', ['discoverable'])
        await grantedThroughMme(stage, 'alice', ['discoverer'])
        const watch = await watching(stage, mallory, { device: 'sip:alice@localhost', peers, wake: true })
        stage.expect('refused', watch.ended === 403)
        stage.expect('bob stays silent', bob.state?.announce?.active === false)
      },
    },
    {
      name: 'asked by a friend behind the MME: the peer starts to broadcast, is heard and told, and is silent when the question ends',
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
        const watch = await watching(stage, await attached(stage, 'eve'), { peers, wake: true })
        stage.expect('eve is refused', watch.ended === 403)
        stage.expect('bob stays silent', bob.state?.announce?.active === false)
      },
    },
  ],
}
