/** FIG 3: a device asks for the list of who is near it (SPEC §3.3). */
import { granted, hears, isNear } from '../stage/cast.ts'
import type { FlowScript, Stage } from '../stage/flow.ts'

async function names(stage: Stage, asked: Promise<readonly { device: string }[] | number>): Promise<readonly string[]> {
  const near = await stage.during(asked)
  if (typeof near === 'number') throw new Error(`refused: ${near}`)
  return near.map(({ device }) => device).sort()
}

export const flow: FlowScript = {
  id: 'proximity/fig-03',
  title: 'Query for the list of proximate devices',
  clause: '§3.3',
  scenarios: [
    {
      name: 'the list is what was heard, and shrinks with time',
      settings: { prose: { lifetime: 15 } },
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        const { ue: carol } = await granted(stage, 'carol', ['discoverable'])
        stage.expect('nobody yet', isNear(await names(stage, alice.who())))
        await hears(stage, alice, bob)
        await hears(stage, alice, carol)
        stage.expect('both', isNear(await names(stage, alice.who()), 'bob', 'carol'))
        let near = await names(stage, alice.who())
        for (let second = 0; second < 60 && near.length > 1; second++) {
          await hears(stage, alice, bob)
          await stage.pass(1)
          near = await names(stage, alice.who())
        }
        stage.expect('who was not heard again has left', isNear(near, 'bob'))
      },
    },
    {
      name: 'what a device has lost leaves at once',
      async run(stage) {
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        await hears(stage, alice, bob)
        await stage.during(alice.report([], [bob.state!.announce!.code]))
        stage.expect('nobody', isNear(await names(stage, alice.who())))
      },
    },
    {
      name: 'who may not discover is refused, and so is who asks for another',
      async run(stage) {
        const eve = await stage.ue('eve')
        stage.expect('eve may not', (await stage.during(eve.who())) === 403)
        const alice = await stage.ue('alice')
        stage.expect('bob’s list is not alice’s', (await stage.during(alice.who({ device: 'sip:bob@localhost' }))) === 403)
        stage.expect('nobody’s neither', (await stage.during(alice.who({ device: 'sip:nobody@localhost' }))) === 403)
      },
    },
  ],
}
