/** FIG 11: a device asks about a set; the peers are woken to broadcast and matches are told as they come (SPEC §3.3). */
import { codeOf, granted, hears, isNear, watching } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

const settings = { prose: { mode: 'listed', announce: 'when-monitored' } }
const peers = ['sip:bob@localhost', 'sip:carol@localhost']

export const flow: FlowScript = {
  id: 'proximity/fig-11',
  title: 'Query about a set of devices, with waking',
  clause: '§3.3, §3.1',
  scenarios: [
    {
      name: 'the peers start broadcasting, are listened for, and matches are told',
      settings,
      async run(stage) {
        const { ue: bob, state } = await granted(stage, 'bob', ['discoverable'])
        stage.expect('bob is silent: nobody listens', state.announce?.active === false)
        const { ue: carol } = await granted(stage, 'carol', ['discoverable'])
        const { ue: dave } = await granted(stage, 'dave', ['discoverable'])
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const watch = await watching(stage, alice, { peers, wake: true })
        await stage.until('bob broadcasts (step 1103)', () => bob.state?.announce?.active)
        await stage.until('alice listens for both', () => alice.state?.monitor?.codes.length === 2)
        stage.expect('dave was not asked for', dave.state?.announce?.active === false)
        await hears(stage, alice, bob)
        await stage.until('bob is told', () => isNear(watch.near(), 'bob'))
        await hears(stage, alice, carol)
        await stage.until('carol too', () => isNear(watch.near(), 'bob', 'carol'))
        stage.expect('dave is not on the list', (await hears(stage, alice, dave)) === 404)
      },
    },
    {
      name: 'without waking nobody starts to broadcast for it that would not by itself',
      settings: { prose: { mode: 'listed', announce: 'permanent' } },
      async run(stage) {
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        await watching(stage, alice, { peers })
        await stage.until('alice listens for bob', () => alice.state?.monitor?.codes.includes(codeOf(bob)))
      },
    },
    {
      name: 'when the question ends the peers go back to silence',
      settings,
      async run(stage) {
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const question = alice.watch({ peers, wake: true }, () => undefined)
        await stage.until('bob broadcasts', () => bob.state?.announce?.active)
        question.unsubscribe()
        await stage.until('bob is silent again', () => bob.state?.announce?.active === false)
        await stage.until('alice listens for nobody', () => alice.state?.monitor?.codes.length === 0)
      },
    },
    {
      name: 'who may not discover may wake nobody',
      settings,
      async run(stage) {
        const eve = await stage.ue('eve')
        const watch = await watching(stage, eve, { peers, wake: true })
        stage.expect('eve is refused', watch.ended === 403)
      },
    },
  ],
}
