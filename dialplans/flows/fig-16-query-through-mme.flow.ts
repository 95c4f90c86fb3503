/** FIG 16: who is near, asked through the MME once and standing (SPEC §3.6, §3.3). */
import { askThroughMme, attached, codeOf, granted, grantedThroughMme, hears, isNear, watching } from './cast.ts'
import type { Flow } from './flow.ts'

export const flow: Flow = {
  id: 'fig-16',
  title: 'Query through an MME',
  clause: '§3.6, §3.3',
  scenarios: [
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
        const told = await watching(stage, ue, {})
        const before = ue.temporary
        await stage.during(stage.operator.reallocate('mme', 'sip:alice@localhost'))
        await stage.until('alice has another identifier', () => ue.temporary !== before)
        await hears(stage, ue, bob)
        await stage.until('she is told of bob', () => isNear(told.near(), 'bob'))
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
