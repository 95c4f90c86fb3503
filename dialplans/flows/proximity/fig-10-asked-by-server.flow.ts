/** FIG 10: an application server that the HSS lists asks who is near a device, once and standing (SPEC §3.3). */
import { granted, hears, isNear, watching, withApplicationServer } from '../stage/cast.ts'
import type { FlowScript } from '../stage/flow.ts'

const settings = { hss: withApplicationServer }
const device = 'sip:alice@localhost'

export const flow: FlowScript = {
  id: 'proximity/fig-10',
  title: 'Query by an application server',
  clause: '§3.3',
  scenarios: [
    {
      name: 'once, and standing',
      settings,
      async run(stage) {
        const games = await stage.ue('games')
        const { ue: alice } = await granted(stage, 'alice', ['discoverer'])
        const { ue: bob } = await granted(stage, 'bob', ['discoverable'])
        await hears(stage, alice, bob)
        const near = await stage.during(games.who({ device }))
        stage.expect('bob is near alice', Array.isArray(near) && near.length === 1)
        const watch = await watching(stage, games, { device })
        stage.expect('the first NOTIFY has the list', isNear(watch.near(), 'bob'))
        bob.endProximity()
        await stage.until('the server is told that bob has left', () => watch.near().length === 0)
      },
    },
    {
      name: 'an application that the HSS does not list for it is refused',
      settings,
      async run(stage) {
        const games = await stage.ue('games')
        stage.expect('another application', (await stage.during(games.who({ device, application: 'org.example.other' }))) === 403)
        stage.expect('another device', (await stage.during(games.who({ device: 'sip:bob@localhost' }))) === 403)
        const mallory = await stage.ue('mallory')
        stage.expect('another server', (await stage.during(mallory.who({ device }))) === 403)
      },
    },
  ],
}
