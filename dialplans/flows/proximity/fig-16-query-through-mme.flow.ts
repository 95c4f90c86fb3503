/**
 * FIG 16: a UE behind the MME learns its monitor list and reports a code (SPEC §3.6). Then the UE asks through the
 * MME who is near, and so does an application server (SPEC §3.1–§3.3).
 */
import {
  askThroughMme,
  attached,
  codeOf,
  granted,
  grantedThroughMme,
  hears,
  isNear,
  trigger,
  watching,
  withApplicationServer,
} from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

const device = 'sip:alice@localhost'

export const flow: FlowScript = {
  id: 'proximity/fig-16',
  title: 'Query through an MME',
  clause: '§3.6, §3.1–§3.3',
  scenarios: [
    {
      name: 'an application server changes its list, the UE reports by it, and the server is told',
      settings: { hss: withApplicationServer, prose: { mode: 'listed' } },
      async run(stage) {
        const games = await stage.ue('games')
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue: carol } = await grantedThroughMme(stage, 'carol', ['discoverable'])
        const { ue, state } = await grantedThroughMme(stage, 'alice', ['discoverer'])
        stage.expect('its list is empty', state.monitor?.mode === 'listed' && state.monitor.codes.length === 0)
        const watch = await watching(stage, games, { device })
        const peers = ['sip:bob@localhost', 'sip:carol@localhost']
        stage.expect('taken', (await trigger(stage, games, { device, set: peers })) === 200)
        await stage.until('the UE is told through the MME', () => ue.state?.monitor?.codes.length === 2)
        stage.expect('by its temporary identifier', ue.state?.device === ue.temporary)
        stage.expect('what it hears is taken', (await hears(stage, ue, bob)) === 200)
        await stage.until('the server is told of bob, by fixed identifiers', () => isNear(watch.near(), 'bob'))
        await trigger(stage, games, { device, remove: ['sip:carol@localhost'] })
        await stage.until('carol is on its list no more', () => ue.state?.monitor?.codes.join() === codeOf(bob))
        stage.expect('and counts no more', (await hears(stage, ue, carol)) === 404)
        await trigger(stage, games, { device, set: [] }) // it would outlive the scenario
      },
    },
    {
      name: 'an application server asks once, and is told nothing of temporary identifiers',
      settings: { hss: withApplicationServer },
      async run(stage) {
        const games = await stage.ue('games')
        const { ue: bob } = await grantedThroughMme(stage, 'bob', ['discoverable'])
        const { ue } = await grantedThroughMme(stage, 'alice', ['discoverer'])
        await hears(stage, ue, bob)
        const near = await stage.during(games.who({ device }))
        stage.expect('bob is near', Array.isArray(near) && near.length === 1 && isNear([near[0].device], 'bob'))
        stage.expect('a temporary one is nobody’s', (await stage.during(games.who({ device: ue.temporary! }))) === 403)
      },
    },
    {
      name: 'the list and a pair, for a UE near one that asks without an MME',
      async run(stage) {
        const { ue: bob } = await granted(stage, 'bob', ['discoverable', 'discoverer'])
        const { ue } = await grantedThroughMme(stage, 'alice', ['discoverable', 'discoverer'])
        await hears(stage, ue, bob)
        await hears(stage, bob, ue)
        const near = await stage.during(ue.who())
        stage.expect('bob, by his own identifier', Array.isArray(near) && isNear([near[0].device], 'bob'))
        stage.expect('a pair', (await stage.during(ue.isNear('sip:bob@localhost'))) === true)
        const nearBob = await stage.during(bob.who())
        stage.expect('alice, by hers', Array.isArray(nearBob) && isNear([nearBob[0].device], 'alice'))
      },
    },
    {
      name: 'a standing question goes on under a new temporary identifier',
      async run(stage) {
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue } = await grantedThroughMme(stage, 'alice', ['discoverer'])
        const watch = await watching(stage, ue, {})
        const before = ue.temporary
        await stage.during(stage.operator.reallocate('mme', 'sip:alice@localhost'))
        await stage.until('alice has another identifier', () => ue.temporary !== before)
        await hears(stage, ue, bob)
        await stage.until('she is told of bob', () => isNear(watch.near(), 'bob'))
        stage.expect('bob has his code', codeOf(bob).length === 46)
      },
    },
    {
      name: 'who may not discover, and who asks about another, is refused',
      async run(stage) {
        const eve = await attached(stage, 'eve')
        stage.expect('eve may not', (await stage.during(eve.who())) === 403)
        const [ue, bob] = [await attached(stage, 'alice'), await attached(stage, 'bob')]
        for (const device of ['sip:bob@localhost', 'sip:nobody@localhost', bob.temporary, 'sip:s-tmsi-01ffffffff@localhost'])
          stage.expect('nothing to learn', (await askThroughMme(stage, ue, 'proximity', { device })) === 403)
      },
    },
  ],
}
