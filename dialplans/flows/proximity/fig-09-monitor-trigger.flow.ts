/** FIG 9: an application server changes the monitor list of a device, and the device reports by the new list (SPEC §3.1, §3.2). */
import { codeOf, granted, hears, trigger, withApplicationServer } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

const settings = { hss: withApplicationServer, prose: { mode: 'listed' } }

export const flow: FlowScript = {
  id: 'proximity/fig-09',
  title: 'Monitor list changed by an application server, and registration of what was heard',
  clause: '§3.1, §3.2',
  scenarios: [
    {
      name: 'the list follows the trigger',
      settings,
      async run(stage) {
        const games = await stage.ue('games')
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue: alice, state } = await granted(stage, 'alice', ['discoverer'])
        stage.expect('the list is empty', state.monitor?.mode === 'listed' && state.monitor.codes.length === 0)
        stage.expect('bob does not count yet', (await hears(stage, alice, bob)) === 404)
        stage.expect('taken', (await trigger(stage, games, { device: alice.device, add: ['sip:bob@localhost'] })) === 200)
        await stage.until('alice listens for bob', () => alice.state?.monitor?.codes.includes(codeOf(bob)))
        stage.expect('bob counts', (await hears(stage, alice, bob)) === 200)
        await trigger(stage, games, { device: alice.device, remove: ['sip:bob@localhost'] })
        await stage.until('alice listens no more', () => alice.state?.monitor?.codes.length === 0)
      },
    },
    {
      name: 'a server that the HSS does not list is refused like for a device that is not there',
      settings,
      async run(stage) {
        const mallory = await stage.ue('mallory')
        const change = { add: ['sip:bob@localhost'] }
        stage.expect('not for alice', (await trigger(stage, mallory, { device: 'sip:alice@localhost', ...change })) === 403)
        stage.expect('nor for nobody', (await trigger(stage, mallory, { device: 'sip:nobody@localhost', ...change })) === 403)
      },
    },
    {
      name: 'the trigger outlives a restart of the server',
      settings,
      async run(stage) {
        const games = await stage.ue('games')
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        await trigger(stage, games, { device: 'sip:alice@localhost', set: ['sip:bob@localhost'] })
        await stage.restart()
        const { state } = await granted(stage, 'alice', ['discoverer'])
        stage.expect('bob is on the list', state.monitor?.codes.join() === codeOf(bob))
        stage.expect('and off it', (await trigger(stage, games, { device: 'sip:alice@localhost', set: [] })) === 200)
      },
    },
  ],
}
