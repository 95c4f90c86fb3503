/** FIG 14: a UE attaches to an MME and asks for proximity through it, by its temporary identifier (SPEC §3.6, §3.1). */
import { askThroughMme, attached, codeOf, grantedThroughMme, hears, isNear } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

const alice = 'sip:alice@localhost'

export const flow: FlowScript = {
  id: 'proximity/fig-14',
  title: 'Proximity service request through an MME',
  clause: '§3.6, §3.1',
  scenarios: [
    {
      name: 'a UE asks by its temporary identifier and is answered by it',
      async run(stage) {
        const { ue, state } = await grantedThroughMme(stage, 'alice', ['discoverable', 'discoverer'])
        stage.expect('an S-TMSI', /^sip:s-tmsi-[0-9a-f]{10}@localhost$/.test(ue.temporary ?? ''))
        stage.expect('the MME knows whose it is', (await stage.operator.temporaryOf('mme', alice)) === ue.temporary)
        stage.expect('the answer is about it', state.device === ue.temporary && state.roles.length === 2)
      },
    },
    {
      name: 'what is heard is reported through the MME, and codes are those of all devices',
      async run(stage) {
        const { ue: bob } = await grantedThroughMme(stage, 'bob', ['discoverable'])
        const { ue } = await grantedThroughMme(stage, 'alice', ['discoverer'])
        stage.expect('the report is taken', (await hears(stage, ue, bob)) === 200)
        const near = await stage.during(ue.who())
        stage.expect('bob is near', Array.isArray(near) && isNear([near[0].device], 'bob'))
      },
    },
    {
      name: 'a new temporary identifier breaks nothing; the old one counts for a while',
      settings: { mme: { identifier: { lifetime: 600, grace: 10 } } },
      async run(stage) {
        const { ue } = await grantedThroughMme(stage, 'alice', ['discoverable'])
        const [before, code] = [ue.temporary, codeOf(ue)]
        await stage.during(stage.operator.reallocate('mme', alice))
        stage.expect('the old one still counts', (await askThroughMme(stage, ue, 'prose', { device: before })) === 200)
        await stage.until('the UE is told', () => ue.temporary !== before)
        await stage.pass(10.5)
        stage.expect('the old one is nobody’s', (await askThroughMme(stage, ue, 'prose', { device: before })) === 403)
        const again = await askThroughMme(stage, ue, 'prose', { device: ue.temporary, roles: ['discoverable'] })
        stage.expect('the new one counts', again === 200)
        stage.expect('the code is the same', codeOf(ue) === code)
      },
    },
    {
      name: 'an MME that is killed knows its UEs again',
      async run(stage) {
        const { ue } = await grantedThroughMme(stage, 'alice', ['discoverable'])
        const before = ue.temporary
        await stage.restart()
        stage.expect('it has the same identifier', (await stage.operator.temporaryOf('mme', alice)) === before)
        stage.expect('and may use it', (await askThroughMme(stage, ue, 'prose', { device: before })) === 200)
      },
    },
    {
      name: 'neither role: the MME does not pass it on',
      async run(stage) {
        const ue = await attached(stage, 'alice')
        stage.expect('refused', (await askThroughMme(stage, ue, 'prose', { device: ue.temporary, roles: [] })) === 403)
      },
    },
    {
      name: 'no permission: the proximity server refuses',
      async run(stage) {
        const eve = await attached(stage, 'eve')
        stage.expect('eve is refused', (await stage.during(eve.requestProximity(['discoverable']))) === 403)
      },
    },
    {
      name: 'a temporary identifier of somebody else is like one that nobody has',
      async run(stage) {
        const [bob, ue] = [await attached(stage, 'bob'), await attached(stage, 'alice')]
        for (const device of [bob.temporary, 'sip:s-tmsi-0100000000@localhost', 'sip:bob@localhost'])
          stage.expect('refused', (await askThroughMme(stage, ue, 'prose', { device })) === 403)
      },
    },
    {
      name: 'who is not attached, or is no ProSe client, is refused',
      async run(stage) {
        const ue = await stage.ue('alice')
        stage.expect('not attached', (await askThroughMme(stage, ue, 'prose', {})) === 403)
      },
    },
  ],
}
