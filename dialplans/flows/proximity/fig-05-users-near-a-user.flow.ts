/** FIG 5: a user of an application asks once which users of it are near; its server asks the proximity server (SPEC §3.5). */
import { ApplicationClient } from '../../../elements/ue/index.ts'
import { granted, hears, member, nearby } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

export const flow: FlowScript = {
  id: 'proximity/fig-05',
  title: 'Users of an application near a user, asked once',
  clause: '§3.5',
  scenarios: [
    {
      name: 'users are told by their names, and devices of no user are not mentioned',
      async run(stage) {
        const alice = await member(stage, 'alice', { user: 'msn:alice' })
        const bob = await member(stage, 'bob', { user: 'qq:βόβ' })
        const { ue: carol } = await granted(stage, 'carol', ['discoverable'])
        await hears(stage, alice.ue, bob.ue)
        await hears(stage, alice.ue, carol)
        const near = await stage.during(alice.application.who())
        stage.expect('bob alone is told', Array.isArray(near) && near.map(({ user }) => user).join() === 'qq:βόβ')
      },
    },
    {
      name: 'of friends only those are told that were asked for',
      async run(stage) {
        const alice = await member(stage, 'alice', { friends: ['sip:bob@localhost', 'nobody at all'] })
        const bob = await member(stage, 'bob')
        const carol = await member(stage, 'carol')
        await hears(stage, alice.ue, bob.ue)
        await hears(stage, alice.ue, carol.ue)
        const near = await stage.during(alice.application.who())
        stage.expect('bob, not carol', Array.isArray(near) && near.map(({ user }) => user).join() === 'sip:bob@localhost')
      },
    },
    {
      name: 'who is no user, of another application or in the name of another is refused alike',
      settings: { as: { open: false } },
      async run(stage) {
        const bob = await member(stage, 'bob')
        const { ue: dave } = await granted(stage, 'dave', ['discoverer'])
        await hears(stage, dave, bob.ue)
        const outsider = new ApplicationClient({ agent: dave.agent, clock: stage.clock, application: nearby })
        stage.expect('dave is no user', (await stage.during(outsider.who())) === 403)
        const named = await stage.during(outsider.register({ user: 'sip:bob@localhost' }))
        const taken = await stage.during(outsider.register({ user: 'sip:nobody@localhost' }))
        const other = new ApplicationClient({ agent: dave.agent, clock: stage.clock, application: 'org.example.other' })
        const elsewhere = await stage.during(other.register())
        for (const { status, warning } of [named, taken, elsewhere])
          stage.expect('the same refusal', status === 403 && warning === undefined)
      },
    },
    {
      name: 'users outlive a restart of the server',
      async run(stage) {
        const alice = await member(stage, 'alice')
        const bob = await member(stage, 'bob', { user: 'msn:bob' })
        await hears(stage, alice.ue, bob.ue)
        await stage.restart()
        const near = await stage.during(alice.application.who())
        stage.expect('bob is near', Array.isArray(near) && near[0]?.user === 'msn:bob')
        await stage.during(bob.application.register({ user: 'msn:bob', expires: 0 }))
        const after = await stage.during(alice.application.who())
        stage.expect('bob is no user any more', Array.isArray(after) && after.length === 0)
      },
    },
  ],
}
